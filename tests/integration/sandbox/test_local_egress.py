"""The way out of a local sandbox: what the proxy lets through, refuses and survives."""

import asyncio
import dataclasses
import json
import os
import shutil
import socket
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.backends.local.programs.outside.egress import CONNECTIONS, LOG_BYTES, Log, Proxy
from sandbox.egress import REGISTRY_HOSTS, Rule
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box, spec
from tests.integration.sandbox.upstream import CONTENT, Upstream, make_certificate, upstream
from tests.polling import until

CURL = "curl -sS -m 20 --noproxy ''"
"""Also to `localhost` through the proxy: that is where the tests' mirrors are."""
TOLD = "-o /dev/null -w '%{http_connect} %{http_code}\\n'"

PYTHON_PACKAGES, _, NODE_PACKAGES = REGISTRY_HOSTS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def mirror(certificate: Path) -> Iterator[Upstream]:
    """A registry with TLS on this machine's loopback."""
    with upstream(certificate) as server:
        yield server


@pytest.fixture
def plain_mirror() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


@pytest.fixture
async def online(
    settings: Settings,
    name: str,
    mirror: Upstream,
    plain_mirror: Upstream,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Box]:
    """May reach both mirrors, and `localhost` on port 443: a name that leads to this machine."""
    monkeypatch.setenv("PIP_INDEX_URL", f"https://me:hunter2@localhost:{mirror.port}/simple")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{plain_mirror.port}/npm/")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    backend = LocalBackend(settings.model_copy(update={"egress": "registries,localhost"}))
    box = Box(backend, await backend.ensure(spec(name), None, []))
    yield box
    await backend.destroy(name, None, [])


def log_of(settings: Settings, box: Box) -> str:
    return (settings.state_dir / "boxes" / box.ref.name / "egress.log").read_text()


async def test_an_allowed_host_is_reached_and_its_certificate_is_trusted(
    online: Box, mirror: Upstream, settings: Settings
) -> None:
    url = f"https://localhost:{mirror.port}/simple/six/?secret=4711"

    assert await online.output(f"{CURL} {url}") == CONTENT
    assert mirror.asked == [f"GET /simple/six/?secret=4711 localhost:{mirror.port}"]
    await until(lambda: "CLOSE" in log_of(settings, online))
    log = log_of(settings, online)
    assert f"ALLOW localhost:{mirror.port}\n" in log
    assert "received=" in log
    assert "4711" not in log
    assert "six" not in log


@pytest.mark.attack(41)
@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://example.com/", 403),
        (f"https://{PYTHON_PACKAGES}.evil.example/", 403),
        (f"https://{PYTHON_PACKAGES}:22/", 403),
        ("https://1.1.1.1/", 403),
        ("https://169.254.169.254/", 403),
        ("https://[::1]/", 403),
        ("https://2130706433/", 403),
        ("https://127.1/", 403),
    ],
)
async def test_any_other_host_address_or_port_is_refused(
    online: Box, url: str, status: int
) -> None:
    state = await online.run(f"{CURL} -k {TOLD} '{url}'")

    assert state.exit_code == 56
    assert f"{status} 000" in state.chunk


@pytest.mark.attack(41)
async def test_a_name_that_leads_to_this_machine_is_refused(
    online: Box, settings: Settings
) -> None:
    """Its owner would choose what of this machine, or of its neighbours, is reached."""
    state = await online.run(f"{CURL} -k {TOLD} https://localhost/")

    assert "403 000" in state.chunk
    assert "DENY localhost:443 localhost resolves to an address that is not public." in log_of(
        settings, online
    )


async def test_what_a_tool_says_names_the_setting(online: Box) -> None:
    code = "import urllib.request as u; u.urlopen('https://example.com')"
    state = await online.run(f'python3 -c "{code}"')

    assert "example.com is not among the hosts a sandbox may reach (SANDBOX_EGRESS)" in state.chunk


@pytest.mark.attack(41)
async def test_requests_without_tls_are_refused_except_to_a_plain_mirror(
    online: Box, plain_mirror: Upstream, mirror: Upstream
) -> None:
    refused = await online.output(
        f"for u in http://example.com http://{PYTHON_PACKAGES} http://localhost:{mirror.port} "
        f"http://127.0.0.1:{plain_mirror.port}; do {CURL} {TOLD} $u/; done"
    )
    assert refused == "000 403\n" * 4
    registry = await online.output("echo $NPM_CONFIG_REGISTRY")
    assert registry == f"http://machine.internal:{plain_mirror.port}/npm/\n"

    assert await online.output("curl -sS -m 20 $NPM_CONFIG_REGISTRY/is-odd") == CONTENT
    host = f"machine.internal:{plain_mirror.port}"
    assert plain_mirror.asked == [f"GET /npm//is-odd {host}"]


@pytest.mark.attack(41)
async def test_a_plain_mirror_is_only_read_and_by_its_own_name(
    online: Box, plain_mirror: Upstream
) -> None:
    url = f"http://machine.internal:{plain_mirror.port}/"
    for attempt in ("-d x", "-X GET -d x", "-X DELETE", "-p"):
        assert "403" in (await online.run(f"{CURL} {TOLD} {attempt} {url}")).chunk
    assert plain_mirror.asked == []

    await online.output(f"{CURL} -H 'Host: other.test' {url}")
    assert plain_mirror.asked == [f"GET / machine.internal:{plain_mirror.port}"]


@pytest.mark.attack(41)
async def test_a_tunnel_is_tls_to_the_very_name_it_was_opened_for(
    online: Box, mirror: Upstream, settings: Settings
) -> None:
    port = mirror.port
    fronted = await online.run(
        f"{CURL} -k --connect-to other.test:443:localhost:{port} https://other.test/"
    )
    raw = await online.run(f"{CURL} -p http://localhost:{port}/")

    assert fronted.exit_code == 35
    assert raw.exit_code != 0
    assert mirror.asked == []
    log = log_of(settings, online)
    assert f"DENY localhost:{port} TLS for another server" in log
    assert f"DENY localhost:{port} this is not TLS" in log
    assert "ALLOW" not in log


@pytest.mark.attack(44)
async def test_nothing_goes_out_past_the_proxy(online: Box, mirror: Upstream) -> None:
    for place in (
        f"https://localhost:{mirror.port}",
        "https://1.1.1.1",
        f"https://{PYTHON_PACKAGES}",
    ):
        state = await online.run(f"curl -sS -m 20 -k --noproxy '*' {place}/")
        assert state.exit_code in (6, 7), state

    assert mirror.asked == []


@pytest.mark.attack(42)
async def test_no_process_inside_can_break_or_replace_the_proxy(
    online: Box, mirror: Upstream
) -> None:
    await online.run("pkill -9 python3; kill -9 -1")
    state = await online.run("python3 -m http.server --bind 127.0.0.1 3128")

    assert "Address already in use" in state.chunk
    assert await online.output(f"{CURL} https://localhost:{mirror.port}/") == CONTENT


@pytest.mark.attack(42)
async def test_a_huge_header_is_refused(online: Box) -> None:
    code = (
        "import socket; s = socket.create_connection(('127.0.0.1', 3128))\n"
        "try: s.sendall(b'GET / HTTP/1.1\\r\\nX: ' + b'y' * (1 << 20))\n"
        "except OSError: pass\n"
        "print(s.recv(1000).split(b'\\r\\n')[0].decode())"
    )
    await online.backend.write(online.ref, "huge.py", code.encode(), 1)

    told = await online.output("python3 huge.py")

    assert told == "HTTP/1.1 400 The head of the request is longer than 16 KB.\n"


HOARD = """
import socket, time
held = []
for _ in range(1000):
    s = socket.socket(); s.setblocking(False); s.connect_ex(("127.0.0.1", 3128)); held.append(s)
time.sleep(600)
"""


@pytest.mark.attack(42)
async def test_many_idle_connections_are_bounded_and_workers_are_still_served(
    online: Box, settings: Settings, mirror: Upstream
) -> None:
    await online.backend.write(online.ref, "hoard.py", HOARD.encode(), 1)
    job = await online.start("ulimit -n 4096; python3 hoard.py")
    supervisor = _supervisor(settings, online)
    await until(lambda: len(os.listdir(f"/proc/{supervisor}/task")) > CONNECTIONS)  # noqa: PTH208

    async with asyncio.timeout(30):
        assert await online.output("echo alive") == "alive\n"
    assert len(os.listdir(f"/proc/{supervisor}/task")) < CONNECTIONS + 20  # noqa: PTH208
    await online.backend.cancel(online.ref, job)
    assert await online.output(f"{CURL} https://localhost:{mirror.port}/") == CONTENT


def _supervisor(settings: Settings, box: Box) -> int:
    state = json.loads((settings.state_dir / "boxes" / box.ref.name / "box.json").read_text())
    return int(state["supervisor"]["pid"])


@pytest.mark.attack(48)
async def test_credentials_of_the_machines_mirrors_are_nowhere(
    online: Box, settings: Settings
) -> None:
    inside = await online.run("env; cat /proc/*/environ | tr '\\0' '\\n'; grep -r hunter2 /etc")
    files = [p for p in settings.state_dir.rglob("*") if p.is_file() and not p.is_symlink()]

    assert "PIP_INDEX_URL=https://localhost:" in inside.chunk
    assert "hunter2" not in inside.chunk
    assert not [p for p in files if b"hunter2" in p.read_bytes()]


@pytest.mark.attack(42)
async def test_the_log_is_out_of_reach_of_the_code_it_is_about(online: Box) -> None:
    await online.run(f"{CURL} https://example.com")
    assert await online.output("find / -name 'egress.log*' 2>/dev/null; true") == ""


async def test_when_it_is_off_nothing_listens_and_no_proxy_is_named(box: Box) -> None:
    command = 'env | grep -i proxy; python3 -c "import socket; print(socket.socket().connect_ex('
    assert await box.output(f"{command}('127.0.0.1', 3128)))\"") == "111\n"


# --- the proxy alone --------------------------------------------------------------------------


def ask(proxy: Proxy, request: bytes) -> bytes:
    """What a client hears that sends this and no more."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(request)
        ours.shutdown(socket.SHUT_WR)
        with theirs:
            proxy.handle(theirs)
        return b"".join(iter(lambda: ours.recv(1 << 16), b""))


@pytest.mark.attack(41)
def test_a_name_is_resolved_once_so_it_cannot_change_after_it_was_checked(
    tmp_path: Path, plain_mirror: Upstream
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    port = plain_mirror.port
    rules = [dataclasses.asdict(Rule("mirror.test", port, plain=True, near=True))]
    proxy = Proxy(rules, Log(str(tmp_path / "log")), resolve)
    answer = ask(proxy, f"GET http://mirror.test:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert answer.endswith(CONTENT.encode())
    assert asked == ["mirror.test"]


@pytest.mark.attack(41)
def test_no_second_request_hides_behind_the_first(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener, ours:
        port = listener.getsockname()[1]
        rule = Rule("mirror.test", port, plain=True, near=True, address="127.0.0.1")
        proxy = Proxy([dataclasses.asdict(rule)], Log(str(tmp_path / "log")))
        work = threading.Thread(target=lambda: _handle(proxy, theirs))
        work.start()
        ours.sendall(f"GET http://mirror.test:{port}/first HTTP/1.1\r\n\r\n".encode())
        server, _ = listener.accept()
        with server:
            assert b"GET /first " in server.recv(4096)
            ours.sendall(b"POST /second HTTP/1.1\r\nHost: other.test\r\n\r\n")
            server.sendall(b"the answer")
            server.shutdown(socket.SHUT_WR)
            assert ours.recv(4096) == b"the answer"
            work.join(60)
            assert server.recv(4096) == b""


def _handle(proxy: Proxy, client: socket.socket) -> None:
    with client:
        proxy.handle(client)


def test_a_name_nobody_knows_is_a_sentence(tmp_path: Path) -> None:
    def resolve(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror("unknown")

    rules = [dataclasses.asdict(Rule("gone.test"))]
    answer = ask(
        Proxy(rules, Log(str(tmp_path / "log")), resolve), b"CONNECT gone.test:443 HTTP/1.1\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 502 gone.test is not known to this machine's name server.")


def test_the_log_is_bounded(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))

    def fill() -> None:
        for _ in range(2000):
            log.add("DENY", "h" * 200)

    writers = [threading.Thread(target=fill) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert 0 < sum(sizes) <= 2 * (LOG_BYTES + 1000)


# --- the registries themselves ----------------------------------------------------------------


@pytest.fixture
async def registries(settings: Settings, name: str) -> AsyncIterator[Box]:
    """As this machine is set up, for real."""
    for url in (f"https://{PYTHON_PACKAGES}/simple/six/", f"https://{NODE_PACKAGES}/is-odd"):
        try:
            (await asyncio.to_thread(urllib.request.urlopen, url, timeout=10)).close()
        except OSError as error:
            pytest.skip(f"needs the registries: {url}: {error}")
    backend = LocalBackend(settings.model_copy(update={"egress": "registries"}))
    yield Box(backend, await backend.ensure(spec(name), None, []))
    await backend.destroy(name, None, [])


@pytest.mark.attack(43)
async def test_pip_and_npm_install_through_the_proxy(registries: Box) -> None:
    pip = await registries.run("python3 -m venv v && v/bin/pip install -q six && ls v/lib/*/*/six*")
    npm = await registries.run("npm install is-odd && ls node_modules")

    assert "six.py" in pip.chunk, pip
    assert "is-odd" in npm.chunk.split(), npm
    refused = await registries.run("npm install --registry https://registry.example.com is-odd")
    assert refused.exit_code != 0
