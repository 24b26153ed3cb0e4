"""How tests speak to a sandbox: run a command to its end, and look at the machine's processes."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

from sandbox.protocol import Backend, Command, JobState, SandboxRef

FENCE = 1
OUTPUT_BYTES = 1 << 20
_jobs = itertools.count()


class Box:
    def __init__(self, backend: Backend, ref: SandboxRef) -> None:
        self.backend = backend
        self.ref = ref

    async def start(self, command: str, *, timeout: int = 60, fence: int = FENCE) -> str:
        job = f"task/step/job {next(_jobs)}"
        wanted = Command(command=command, timeout_seconds=timeout)
        await self.backend.start(self.ref, job, wanted, fence)
        return job

    async def poll(self, job: str, wait: float = 30.0) -> JobState:
        return await self.backend.poll(self.ref, job, 0, wait, OUTPUT_BYTES)

    async def run(self, command: str, *, timeout: int = 60, fence: int = FENCE) -> JobState:
        return await self.poll(await self.start(command, timeout=timeout, fence=fence))

    async def output(self, command: str) -> str:
        """What a command prints that must succeed."""
        state = await self.run(command)
        assert state.exit_code == 0, state
        return state.chunk


def running(marker: str) -> int:
    """Processes of this machine, in any sandbox, whose command line holds `marker`."""
    found = 0
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += marker.encode() in cmdline.read_bytes()
        except OSError:
            continue  # ended while we looked
    return found


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)
