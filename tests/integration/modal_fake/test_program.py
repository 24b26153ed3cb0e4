"""The fake as a program, with the SDK in another process."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil

ROOT = Path(__file__).parents[3]
CLIENT = """
import asyncio, modal

async def main():
    app = await modal.App.lookup.aio("boxes", create_if_missing=True)
    sandbox = await modal.Sandbox.create.aio(app=app, name="mine", timeout=60, tags={"owner": "us"})
    process = await sandbox.exec.aio("bash", "-c", "setsid sleep 1242 >/dev/null 2>&1 & echo $0")
    print(await process.stdout.read.aio(), end="")

asyncio.run(main())
"""


@asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Any]]:
    with tempfile.TemporaryDirectory(prefix="modal-fake-") as folder:
        Path(folder).chmod(0o755)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fakes.modal", *arguments),
            cwd=ROOT,
            stdout=-1,
            env={**os.environ, "TMPDIR": folder},  # what a killed one leaves goes with us
        )
        assert process.stdout is not None
        try:
            yield process, json.loads(await process.stdout.readline())
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


async def test_it_serves_other_processes_and_its_admin_door_sees_and_changes_things() -> None:
    async with program() as (_, ready), aiohttp.ClientSession(ready["admin"]) as admin:
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, env={**os.environ, **ready["environ"]}, stdout=-1
        )
        printed, _ = await client.communicate()
        assert (client.returncode, printed) == (0, b"bash\n")

        async def state() -> Any:
            async with admin.get("/state") as answer:
                return await answer.json()

        async def post(path: str, body: dict[str, Any]) -> int:
            async with admin.post(path, json=body) as answer:
                return answer.status

        seen = await state()
        (running,) = seen["running"]
        assert (running["name"], running["tags"]) == ("mine", {"owner": "us"})
        assert seen["processes"] == [[running["sandbox_id"], "sleep 1242"]]
        assert seen["calls"]["SandboxCreateV2"] == 1
        assert await post("/faults", {"rpc": "SandboxCreateV2", "status": "ABORTED"}) == 200
        assert await post("/faults", {"rpc": "Nothing"}) == 400
        assert await post("/expire-router-tokens", {}) == 200
        assert await post("/terminate", {"sandbox_id": running["sandbox_id"]}) == 200
        seen = await state()
        assert (seen["running"], seen["processes"]) == ([], [])


async def test_it_ends_on_sigterm_and_leaves_no_process() -> None:
    async with program() as (process, ready):
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, env={**os.environ, **ready["environ"]}, stdout=-1
        )
        await client.communicate()
        children = psutil.Process(process.pid).children(recursive=True)
        assert any("sleep" in child.name() for child in children)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert not [child for child in children if child.is_running()]


async def test_nothing_outlives_it_when_it_is_killed() -> None:
    async with program() as (process, ready):
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, env={**os.environ, **ready["environ"]}, stdout=-1
        )
        await client.communicate()
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.kill()
        await process.wait()
        async with asyncio.timeout(90):
            while [child for child in children if child.is_running()]:
                await asyncio.sleep(0.02)
