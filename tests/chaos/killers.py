"""Owns how a sandbox is killed behind the product's back, and what must not be left of it."""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import psutil

from local.cloud import Cloud

FOUND_WITHIN_SECONDS = 60.0
GONE_WITHIN_SECONDS = 30.0
LOOK_SECONDS = 0.005


class Killer(Protocol):
    async def kill(self, name: str, chance: random.Random) -> str:
        """End the sandbox of this name as soon as there is one; tells what was done to it."""
        ...

    async def left_over(self) -> list[str]:
        """What is still there of sandboxes that were killed, once all of it had time to end."""
        ...


class LocalKiller:
    """SIGKILL to a supervisor or to process 1 of its sandbox, by the pids the box remembers.

    Args:
        settings: of the running cloud.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._boxes = Path(settings["SANDBOX_STATE_DIR"], "boxes")
        self._killed: dict[str, float] = {}
        """Process namespaces of killed sandboxes, and when: all that was in one must be gone. The
        kernel uses their numbers again, so what started later is another sandbox's."""

    async def kill(self, name: str, chance: random.Random) -> str:
        victim = chance.choice(["supervisor", "sandbox"])
        deadline = time.monotonic() + FOUND_WITHIN_SECONDS
        while time.monotonic() < deadline:
            identity = self._remembered(name).get(victim)
            if identity and self._end(name, identity["pid"]):
                return f"SIGKILL to the {victim}"
            await asyncio.sleep(LOOK_SECONDS)
        raise LookupError(f"no {victim} of {name} ran within {FOUND_WITHIN_SECONDS:.0f} s")

    def _remembered(self, name: str) -> dict[str, Any]:
        try:
            remembered: dict[str, Any] = json.loads((self._boxes / name / "box.json").read_text())
        except FileNotFoundError:
            return {}
        return remembered

    def _end(self, name: str, pid: int) -> bool:
        inside = (self._remembered(name).get("sandbox") or {}).get("pid")
        with suppress(FileNotFoundError):
            namespace = os.readlink(f"/proc/{inside or pid}/ns/pid")  # noqa: PTH115
            self._killed[namespace] = time.clock_gettime(time.CLOCK_BOOTTIME)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    async def left_over(self) -> list[str]:
        self._killed.pop(os.readlink("/proc/self/ns/pid"), None)  # noqa: PTH115
        deadline = time.monotonic() + GONE_WITHIN_SECONDS
        while (left := list(_within(self._killed))) and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
        return left


class ModalKiller:
    """Ends sandboxes at the control plane, as the provider might.

    Args:
        http: with the door of the stand-in as its base.
    """

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def kill(self, name: str, chance: random.Random) -> str:
        deadline = time.monotonic() + FOUND_WITHIN_SECONDS
        while time.monotonic() < deadline:
            for sandbox in (await self._ask("running"))["running"]:
                if sandbox["tags"].get("name") == name:
                    wanted = {"sandbox_id": sandbox["sandbox_id"]}
                    async with self._http.post("/terminate", json=wanted) as response:
                        response.raise_for_status()
                    return f"the provider terminated {sandbox['sandbox_id']}"
            await asyncio.sleep(LOOK_SECONDS)
        raise LookupError(f"no sandbox {name} ran within {FOUND_WITHIN_SECONDS:.0f} s")

    async def left_over(self) -> list[str]:
        """Processes of ended sandboxes, and second sandboxes of one session."""
        deadline = time.monotonic() + GONE_WITHIN_SECONDS
        while (left := _left_over(await self._ask("state"))) and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
        return left

    async def _ask(self, what: str) -> dict[str, Any]:
        async with self._http.get(f"/{what}") as response:
            told: dict[str, Any] = await response.json()
        return told


@asynccontextmanager
async def killer_for(cloud: Cloud) -> AsyncIterator[Killer]:
    if not cloud.control_url:
        yield LocalKiller(cloud.settings)
        return
    async with aiohttp.ClientSession(cloud.control_url) as http:
        yield ModalKiller(http)


def _left_over(state: dict[str, Any]) -> list[str]:
    running = {sandbox["sandbox_id"] for sandbox in state["running"]}
    left = [f"{id_}: {command}" for id_, command in state["processes"] if id_ not in running]
    names = Counter(sandbox["tags"].get("name") for sandbox in state["running"])
    return left + [f"{count} sandboxes named {name}" for name, count in names.items() if count > 1]


def _within(killed: dict[str, float]) -> Iterator[str]:
    """Processes of these namespaces that started before the namespace's end."""
    for process in psutil.process_iter():
        with suppress(OSError, psutil.NoSuchProcess):
            namespace = os.readlink(f"/proc/{process.pid}/ns/pid")  # noqa: PTH115
            if namespace in killed and _started(process.pid) < killed[namespace]:
                yield f"process {process.pid}: {' '.join(process.cmdline())}"


def _started(pid: int) -> float:
    """Seconds after the machine's start."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


async def processes_below(folder: Path) -> list[str]:
    """Processes that go on working in `folder`: supervisors have their box as current directory."""
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while (found := list(_working_in(folder))) and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
    return found


def _working_in(folder: Path) -> Iterator[str]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder):
                yield f"process {process.pid} in {process.cwd()}: {' '.join(process.cmdline())}"
