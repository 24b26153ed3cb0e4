"""Owns child processes of the local cloud: start, tidy log lines, readiness by health check, a
clean end."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp

from local.errors import LocalCloudError

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 6.0
"""Given to a process that was told to end; then it is killed."""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


async def end(process: asyncio.subprocess.Process, how: signal.Signals) -> None:
    """Signal it and wait until it is gone; one that has ended is fine."""
    with suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


class Child:
    """One of our programs, `python -m <module>`.

    Args:
        name: shown before each of its log lines.
        settings: its environment, besides what a program needs to run at all.
        health: URL that answers 200 once it is ready.
        log: file that every line goes to.
        quiet: print warnings and errors only.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        settings: Mapping[str, str],
        health: str,
        *,
        log: Path,
        quiet: bool = False,
    ) -> None:
        self.name = name
        self.health = health
        self._arguments = arguments
        self._settings = dict(settings)
        self._log = log
        self._quiet = quiet
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._last_line = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def set(self, **settings: str) -> None:
        """From the next start on."""
        self._settings |= settings

    async def start(self) -> None:
        environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self._arguments,
            cwd=ROOT,
            env={**environ, "PYTHONUNBUFFERED": "1", **self._settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the runner alone, which ends them in order
        )
        self._reader = asyncio.create_task(self._copy_lines(self._process))

    async def until_ready(self, within_seconds: float = 40.0) -> None:
        """Raises LocalCloudError with the program's own last words when it does not come up."""
        try:
            async with (
                asyncio.timeout(within_seconds),
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http,
            ):
                while not await self._is_ready(http):  # noqa: ASYNC110  (another process's state)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise LocalCloudError(
                f"{self.name} was not ready after {within_seconds:.0f} s. Last line: "
                f"{self._last_line or '(none)'}"
            ) from None

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        assert self._process is not None
        assert self._reader is not None
        if self._process.returncode is not None:
            await self._reader
            raise LocalCloudError(self._last_line or f"{self.name} ended at once.")
        try:
            async with http.get(self.health) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False  # not listening yet

    async def wait(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL, as a crash would; `start` begins anew."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        await end(process, how)
        if self._reader is not None:
            await self._reader

    async def _copy_lines(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with self._log.open("a", buffering=1) as file:
            async for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip()
                self._last_line = line or self._last_line
                file.write(line + "\n")
                if line and (not self._quiet or re.match(r"(WARNING|ERROR|CRITICAL)", line)):
                    print(f"{self.name:>8} │ {line}", flush=True)
