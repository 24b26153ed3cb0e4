"""How a process serves its handlers and ends."""

import asyncio
import os
import signal
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import restate

from agent import endpoint
from local.restate.server import free_port
from tests.fakes.restate import Engine

echo = restate.Service("Echo")


@echo.handler()
async def say(ctx: restate.Context, text: str) -> str:
    return text


@echo.handler()
async def wait(ctx: restate.Context, _: str) -> None:
    await ctx.sleep(timedelta(hours=1))


async def test_a_registered_handler_answers_through_the_engine(engine: Engine) -> None:
    async with engine.serve([echo]), aiohttp.ClientSession() as http:
        url = f"{engine.server.ingress_url}/restate/call/Echo/say"
        async with http.post(url, json="hello") as response:
            assert await response.json() == "hello"


async def test_restate_speaks_http2_and_people_ask_for_health_over_http1(engine: Engine) -> None:
    async with engine.serve([echo]) as url, aiohttp.ClientSession() as http:
        async with http.get(f"{url}/health") as response:
            assert (response.status, await response.text()) == (200, "ok\n")
        async with http.get(f"{engine.server.admin_url}/deployments") as response:
            (deployment,) = (await response.json())["deployments"]
    assert deployment["http_version"] == "HTTP/2.0"
    assert deployment["protocol_type"] == "BidiStream"


async def test_a_thousand_that_wait_leave_room_for_what_they_wait_for(engine: Engine) -> None:
    """Tasks wait for their plan and their steps, which are invocations too."""
    async with engine.serve([echo]), aiohttp.ClientSession() as http:
        begin = f"{engine.server.ingress_url}/restate/send/Echo/wait"

        async def begin_some(count: int) -> None:
            for _ in range(count):
                async with http.post(begin, json="") as response:
                    response.raise_for_status()

        await asyncio.gather(*(begin_some(55) for _ in range(20)))
        counted = "select count(*) as many from sys_invocation where status = 'running'"
        async with asyncio.timeout(90):
            while (await engine.query(counted))[0]["many"] < 1000:
                await asyncio.sleep(0.1)
        call = f"{engine.server.ingress_url}/restate/call/Echo/say"
        async with asyncio.timeout(90), http.post(call, json="hello") as response:
            assert await response.json() == "hello"


async def test_a_taken_port_is_named_in_one_sentence() -> None:
    taken = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    with pytest.raises(endpoint.EndpointError, match=f"Port {port} .* is not free"):
        await endpoint.serve([echo], bind=f"127.0.0.1:{port}", stop=asyncio.Event())
    taken.close()
    await taken.wait_closed()


async def test_registering_with_no_server_names_the_setting() -> None:
    with pytest.raises(endpoint.EndpointError, match="RESTATE_ADMIN_URL"):
        await endpoint.register(
            f"http://127.0.0.1:{free_port()}", "http://127.0.0.1:1", within_seconds=0.3
        )


async def test_sigterm_ends_a_process_soon_though_a_handler_hangs(
    engine: Engine, tmp_path: Path
) -> None:
    port = free_port()
    program = tmp_path / "hang.py"
    program.write_text(
        textwrap.dedent(
            """
            import asyncio, sys, restate
            from agent import endpoint
            hang = restate.Service("Hang")
            @hang.handler()
            async def wait(ctx: restate.Context, seconds: int) -> None:
                print("started", flush=True)
                await asyncio.sleep(seconds)
            async def main():
                stop = endpoint.stop_on_signals()
                await endpoint.serve([hang], bind=sys.argv[1], stop=stop)
            asyncio.run(main())
            """
        )
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        f"127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert process.stdout is not None
    await endpoint.register(engine.server.admin_url, f"http://127.0.0.1:{port}")
    await engine.send("Hang/wait", 600)
    async with asyncio.timeout(90):
        assert (await process.stdout.readline()).strip() == b"started"
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(90):
        await process.wait()
    assert time.monotonic() - begin < 30  # the handler goes on for ten minutes
