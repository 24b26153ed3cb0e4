"""Owns one Restate server process: its binary, ports, data folder and readiness.

Loopback only, telemetry off, small memory: the settings of one laptop. Raises `LocalCloudError`
with one sentence when the server cannot be started.
"""

import asyncio
import os
import random
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from local.errors import LocalCloudError
from local.processes import end

PACKAGE_DIR = Path(__file__).parent
PORTS = (12_000, 32_000)
MOST_AT_ONCE = 10_000
"""Handlers that may run at once. A waiting task runs too, so with the server's own 1,000 the tasks
of as many sessions would leave no room for what they wait for. It takes memory only when used."""
_PLATFORMS = {
    ("linux", "x86_64"): "linux-x64",
    ("linux", "aarch64"): "linux-arm64",
    ("darwin", "x86_64"): "darwin-x64",
    ("darwin", "arm64"): "darwin-arm64",
}


def server_binary() -> Path:
    """The server's executable. Raises LocalCloudError when it is not installed."""
    platform = _PLATFORMS.get((sys.platform, os.uname().machine))
    if platform is None:
        raise LocalCloudError(
            f"Restate ships no server for {sys.platform} on {os.uname().machine}: "
            "run a server elsewhere and set RESTATE_INGRESS_URL and RESTATE_ADMIN_URL."
        )
    package = f"node_modules/@restatedev/restate-server-{platform}/bin/restate-server"
    binary = PACKAGE_DIR / package
    if not binary.exists():
        raise LocalCloudError("The Restate server is not installed: run `make setup`.")
    return binary


def free_port() -> int:
    """Below the ports that outgoing connections take, so that none of them is faster than us."""
    while True:
        port = random.randint(*PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class RestateServer:
    """An async context manager around one server process.

    Args:
        data_dir: journal and state; kept, so that a second server on it continues the first.
        ports: ingress, admin and node port; free ones by default.
        environ: further `RESTATE_*` settings, for example another inactivity timeout.
        log: file for the server's output.
    """

    data_dir: Path
    ports: tuple[int, int, int] | None = None
    environ: dict[str, str] | None = None
    log: Path | None = None
    ready_seconds: float = 30.0

    def __post_init__(self) -> None:
        ingress, admin, node = self.ports or (free_port(), free_port(), free_port())
        self.ingress_url = f"http://127.0.0.1:{ingress}"
        self.admin_url = f"http://127.0.0.1:{admin}"
        self._ports = (ingress, admin, node)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LocalCloudError("The Restate server is not running.")
        return self._process.pid

    async def start(self) -> None:
        """Start and wait until it answers. Raises LocalCloudError."""
        binary = server_binary()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = self.log or self.data_dir / "restate.log"
        ingress, admin, node = self._ports
        settings = {
            "RESTATE_NODE_NAME": "threadwright-local",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_IP": "127.0.0.1",
            "RESTATE_BIND_PORT": str(node),
            "RESTATE_INGRESS__BIND_PORT": str(ingress),
            "RESTATE_ADMIN__BIND_PORT": str(admin),
            "RESTATE_BASE_DIR": str(self.data_dir),
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_DEFAULT_NUM_PARTITIONS": "1",
            "RESTATE_WORKER__INVOKER__CONCURRENT_INVOCATIONS_LIMIT": str(MOST_AT_ONCE),
            "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE": "64MB",
            "RESTATE_LOG_FILTER": "warn,octocrab=off",
            "RESTATE_LOG_DISABLE_ANSI_CODES": "true",
            **(self.environ or {}),
        }
        with log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                str(binary),
                env={"HOME": str(self.data_dir), "PATH": "/usr/bin:/bin", **settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(self.ready_seconds):
                await self._until_ready(log)
        except TimeoutError:
            await self.stop()
            raise LocalCloudError(
                f"The Restate server did not answer within {self.ready_seconds:.0f} s: see {log}."
            ) from None

    async def _until_ready(self, log: Path) -> None:
        assert self._process is not None
        probes = [f"{self.admin_url}/health", f"{self.ingress_url}/restate/health"]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while probes:
                if self._process.returncode is not None:
                    tail = log.read_text(errors="replace").strip().splitlines()[-1:] or [""]
                    raise LocalCloudError(
                        f"The Restate server ended at start (exit {self._process.returncode}): "
                        f"{tail[0][:300]}"
                    )
                try:
                    async with http.get(probes[0]) as response:
                        if response.status == 200:
                            probes.pop(0)
                            continue
                except aiohttp.ClientError:
                    pass  # not listening yet
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """SIGKILL, as a power cut would. `start` continues on the same data."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            await end(process, how)

    async def __aenter__(self) -> "RestateServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
