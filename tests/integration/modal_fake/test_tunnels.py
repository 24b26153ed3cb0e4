"""Tunnels of the fake: a port declared at creation can be opened from outside."""

import asyncio
import ssl

import aiohttp
import pytest

from tests.fakes.modal import Fake
from tests.integration.modal_fake.conftest import User, run

SERVE = "echo hello > index.html; setsid python3 -m http.server 8000 --bind {} >/dev/null 2>&1 &"


async def fetch(url: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as http,
        http.get(url, ssl=_trusting()) as answer,
    ):
        return answer.status, await answer.text()


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def fetch_until(url: str, status: int) -> str:
    async with asyncio.timeout(90):
        while (answer := await fetch(url))[0] != status:
            await asyncio.sleep(0.05)
    return answer[1]


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "0.0.0.0"])
async def test_an_encrypted_port_is_forwarded_over_https_and_http(user: User, bind: str) -> None:
    sandbox = await user.create(encrypted_ports=[8000, 8001])
    tunnels = await sandbox.tunnels.aio()
    url = tunnels[8000].url
    assert await fetch(url) == (502, "")
    await run(sandbox, SERVE.format(bind))
    assert await fetch_until(url, 200) == "hello\n"
    assert await fetch(url.replace("https", "http")) == (200, "hello\n")
    assert (await fetch(tunnels[8001].url))[0] == 502


async def test_another_handle_sees_the_same_tunnels_and_a_new_start_gets_others(
    user: User,
) -> None:
    sandbox = await user.create(name="mine", encrypted_ports=[8000])
    url = (await sandbox.tunnels.aio())[8000].url
    assert (await (await user.find(sandbox)).tunnels.aio())[8000].url == url
    await sandbox.terminate.aio()
    with pytest.raises(aiohttp.ClientConnectorError):
        await fetch(url)


async def test_an_unencrypted_port_is_a_plain_tcp_socket(user: User) -> None:
    sandbox = await user.create(unencrypted_ports=[8000])
    await run(sandbox, SERVE.format("127.0.0.1"))
    host, port = (await sandbox.tunnels.aio())[8000].tcp_socket
    async with asyncio.timeout(90):
        while True:
            try:
                assert await fetch(f"http://{host}:{port}") == (200, "hello\n")
                break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def test_an_open_connection_keeps_a_sandbox_from_being_idle(user: User, fake: Fake) -> None:
    sandbox = await user.create(encrypted_ports=[8000], timeout=86400, idle_timeout=60)
    await run(sandbox, SERVE.format("127.0.0.1"))
    tunnel = (await sandbox.tunnels.aio())[8000]
    await fetch_until(tunnel.url, 200)
    _, writer = await asyncio.open_connection(tunnel.host, tunnel.port)
    writer.write(b"GET / HTTP/1.1\r\n")
    await writer.drain()
    async with asyncio.timeout(90):
        while not fake.sandbox(sandbox.object_id).busy:
            await asyncio.sleep(0.02)
    fake.skip(1000)
    assert await sandbox.poll.aio() is None
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(90):
        while fake.sandbox(sandbox.object_id).busy:
            await asyncio.sleep(0.02)
    fake.skip(61)
    await sandbox.wait.aio(raise_on_termination=False)


async def test_ports_that_were_not_declared_have_no_tunnel(user: User) -> None:
    sandbox = await user.create()
    assert await sandbox.tunnels.aio() == {}
