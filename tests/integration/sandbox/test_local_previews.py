"""Ports of a local sandbox in a browser: who may open them, and what they lead to."""

import asyncio
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.backends.local.programs.outside.preview import CONNECTIONS, Previews
from sandbox.errors import Fatal, SandboxGone
from sandbox.protocol import Preview
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box
from tests.integration.sandbox.upstream import Upstream, upstream

SERVER = """
import http.server, socket, sys
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
class Show(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        dots = b"." * int(self.headers["Size"] or 0)
        body = f"{self.path} {self.headers['Host']}".encode() + dots
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
Server((sys.argv[1], int(sys.argv[2])), Show).serve_forever()
"""
TALKER = """
import socket
server = socket.create_server(("127.0.0.1", 5000))
talk, _ = server.accept()
while b"\\r\\n\\r\\n" not in talk.recv(4096): pass
talk.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\n\\r\\n")
while data := talk.recv(4096): talk.sendall(data.upper())
talk.sendall(b"BYE")
"""


@pytest.fixture
async def server(box: Box) -> Box:
    await box.backend.write(box.ref, "server.py", SERVER.encode(), 1)
    await serve(box, "127.0.0.1", 8000)
    return box


async def serve(box: Box, address: str, port: int) -> None:
    await box.start(f"python3 server.py {address} {port}", timeout=600)
    host = f"[{address}]" if ":" in address else address
    await box.output(f"until curl -s -o ~/out http://{host}:{port}; do sleep 0.02; done")


async def get(url: str, host: str | None = None, lines: str = "", path: str = "/") -> str:
    """The whole answer to one request, sent to where the URL leads."""
    parts = urlsplit(url)
    named = parts.netloc if host is None else host
    request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\n{lines}Connection: close\r\n\r\n"
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", parts.port)
        writer.write(request.encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer.decode()


async def test_a_server_inside_is_shown_under_an_unguessable_name(server: Box) -> None:
    preview = await server.backend.expose(server.ref, 8000)
    host = urlsplit(preview.url).hostname or ""

    assert preview.port == 8000
    assert preview.url.startswith("http://")
    assert len(host.removesuffix(".localhost")) == 32
    answer = await get(preview.url, path="/page?q=1")
    assert answer.startswith("HTTP/1.1 200")
    assert answer.endswith(f"/page?q=1 {urlsplit(preview.url).netloc}")


async def test_every_worker_gets_the_same_address_and_every_port_one_of_its_own(
    server: Box, settings: Settings
) -> None:
    asked = [LocalBackend(settings).expose(server.ref, 8000) for _ in range(5)]
    same = await asyncio.gather(*asked)
    other = await server.backend.expose(server.ref, 5000)

    assert len({preview.url for preview in same}) == 1
    assert urlsplit(other.url).hostname != urlsplit(same[0].url).hostname


@pytest.mark.attack(45)
@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "evil.example", ""])
async def test_a_request_for_any_other_name_is_refused(server: Box, host: str) -> None:
    preview = await server.backend.expose(server.ref, 8000)
    answer = await get(preview.url, host.format(port=urlsplit(preview.url).port))

    assert answer.startswith("HTTP/1.1 403")
    assert "open the preview by its whole link" in answer


async def test_the_name_of_one_preview_does_not_open_another(server: Box) -> None:
    shown = await server.backend.expose(server.ref, 8000)
    other = await server.backend.expose(server.ref, 5000)
    token = urlsplit(other.url).hostname
    port = urlsplit(shown.url).port

    assert (await get(shown.url, f"{token}:{port}")).startswith("HTTP/1.1 403")


@pytest.mark.attack(45)
async def test_two_names_in_one_request_are_refused(server: Box) -> None:
    preview = await server.backend.expose(server.ref, 8000)

    answer = await get(preview.url, lines="Host: evil.example\r\n")

    assert answer.startswith("HTTP/1.1 403")


@pytest.mark.attack(45)
async def test_a_closed_port_says_what_to_do_and_opens_once_the_server_runs(box: Box) -> None:
    preview = await box.backend.expose(box.ref, 8000)

    closed = await get(preview.url)
    assert closed.startswith("HTTP/1.1 502")
    assert "Nothing answers on port 8000 in the sandbox: start the server there" in closed
    await box.backend.write(box.ref, "server.py", SERVER.encode(), 1)
    await serve(box, "127.0.0.1", 8000)
    assert (await get(preview.url)).startswith("HTTP/1.1 200")


async def test_a_server_that_listens_on_the_newer_loopback_alone_is_shown(box: Box) -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    await box.backend.write(box.ref, "server.py", SERVER.encode(), 1)
    await serve(box, "::1", 5173)

    preview = await box.backend.expose(box.ref, 5173)

    assert (await get(preview.url)).startswith("HTTP/1.1 200")


async def test_bytes_flow_both_ways_after_an_upgrade(box: Box) -> None:
    await box.backend.write(box.ref, "talker.py", TALKER.encode(), 1)
    await box.start("python3 talker.py")
    await box.output("until grep -q :1388 /proc/net/tcp; do sleep 0.02; done")
    parts = urlsplit((await box.backend.expose(box.ref, 5000)).url)

    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", parts.port)
        writer.write(f"GET /ws HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        for word in (b"one", b"two"):
            writer.write(word)
            assert await reader.readexactly(3) == word.upper()
        writer.write_eof()
        assert await reader.read() == b"BYE"
        writer.close()
        await writer.wait_closed()


async def test_a_large_answer_arrives_whole(server: Box) -> None:
    preview = await server.backend.expose(server.ref, 8000)

    answer = await get(preview.url, lines=f"Size: {20 << 20}\r\n")

    assert answer.count(".") > 20 << 20


@pytest.fixture
def neighbour() -> Iterator[Upstream]:
    """Another server of this machine, which no preview may lead to."""
    with upstream() as server:
        yield server


@pytest.mark.attack(45)
async def test_a_preview_leads_to_the_sandbox_whatever_the_request_says(
    server: Box, neighbour: Upstream
) -> None:
    preview = await server.backend.expose(server.ref, 8000)

    answer = await get(preview.url, path=f"http://127.0.0.1:{neighbour.port}/secret")

    assert answer.startswith("HTTP/1.1 200")
    assert f"http://127.0.0.1:{neighbour.port}/secret {urlsplit(preview.url).netloc}" in answer
    assert neighbour.asked == []


@pytest.mark.attack(45)
async def test_a_port_of_this_machine_is_not_a_port_of_the_sandbox(
    settings: Settings, box: Box, neighbour: Upstream
) -> None:
    allowed = settings.model_copy(update={"preview_ports": (neighbour.port,)})
    preview = await LocalBackend(allowed).expose(box.ref, neighbour.port)

    assert (await get(preview.url)).startswith("HTTP/1.1 502")
    assert neighbour.asked == []


@pytest.mark.attack(45)
@pytest.mark.parametrize(
    ("port", "sentence"),
    [
        (3128, "belongs to the sandbox itself"),
        (80, "from 1024 to 65535"),
        (0, "from 1024 to 65535"),
        (70000, "from 1024 to 65535"),
        (9999, "use one of SANDBOX_PREVIEW_PORTS, which are 80, 3000"),
    ],
)
async def test_other_ports_are_refused_in_a_sentence(
    settings: Settings, box: Box, port: int, sentence: str
) -> None:
    allowed = settings.model_copy(update={"preview_ports": (80, 3000, 3128)})

    with pytest.raises(Fatal, match=sentence):
        await LocalBackend(allowed).expose(box.ref, port)


async def test_a_preview_ends_with_its_sandbox(server: Box) -> None:
    preview = await server.backend.expose(server.ref, 8000)
    await server.backend.stop(server.ref)

    with pytest.raises(ConnectionRefusedError):
        await get(preview.url)
    with pytest.raises(SandboxGone):
        await server.backend.expose(server.ref, 8000)


async def test_a_hit_counts_as_use_and_a_refused_one_does_not(
    server: Box, settings: Settings
) -> None:
    touched: list[str] = []

    def connect_inside() -> socket.socket:
        folder = os.open(settings.state_dir / "boxes" / server.ref.name, os.O_PATH)
        inside = socket.socket(socket.AF_UNIX)
        inside.connect(f"/proc/self/fd/{folder}/inside.sock")
        os.close(folder)
        return inside

    url = Previews(connect_inside, lambda: touched.append("hit")).expose(8000)

    assert (await get(url, "evil.example")).startswith("HTTP/1.1 403")
    assert touched == []
    assert (await get(url)).startswith("HTTP/1.1 200")
    assert touched == ["hit"]


@pytest.mark.attack(45)
async def test_many_idle_visitors_keep_no_worker_waiting(server: Box) -> None:
    preview: Preview = await server.backend.expose(server.ref, 8000)
    port = urlsplit(preview.url).port or 0
    visitors = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS + 30)]
    try:
        async with asyncio.timeout(30):
            assert await server.output("echo alive") == "alive\n"
    finally:
        for visitor in visitors:
            visitor.close()
    assert (await get(preview.url)).startswith("HTTP/1.1 200")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
async def test_a_browser_opens_the_link_and_cookies_stay_with_their_preview(
    server: Box, tmp_path: Path
) -> None:
    from playwright.async_api import async_playwright

    await serve(server, "127.0.0.1", 5000)
    shown = await server.backend.expose(server.ref, 8000)
    other = await server.backend.expose(server.ref, 5000)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = await (await browser.new_context()).new_page()
        await page.goto(shown.url)
        assert (await page.text_content("body") or "").startswith("/ ")
        await page.evaluate(
            "['', '; domain=localhost', '; domain=.localhost'].forEach("
            "(d, i) => { document.cookie = `c${i}=1; path=/${d}` })"
        )
        assert "c0=1" in await page.evaluate("document.cookie")
        await page.goto(other.url)
        assert await page.evaluate("document.cookie") == ""
        await browser.close()
