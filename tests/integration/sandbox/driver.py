"""How tests speak to a sandbox: run a command to its end, and look at the machine's processes."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

from sandbox.contract import Backend
from sandbox.protocol import Command, JobState, SandboxRef, SandboxSpec
from sandbox.settings import Settings

FENCE = 1
OUTPUT_BYTES = 1 << 20
_jobs = itertools.count()


def spec(name: str) -> SandboxSpec:
    return SandboxSpec(name=name, session=f"T0:C0:{name}")


class Box:
    def __init__(self, backend: Backend, ref: SandboxRef) -> None:
        self.backend = backend
        self.ref = ref
        self.last_job = ""

    async def start(self, command: str, *, timeout: int = 60, fence: int = FENCE) -> str:
        job = self.last_job = f"task/step/job {next(_jobs)}"
        wanted = Command(command=command, timeout_seconds=timeout)
        await self.backend.start(self.ref, job, wanted, fence)
        return job

    async def poll(self, job: str, wait: float = 60.0) -> JobState:
        return await self.backend.poll(self.ref, job, 0, wait, OUTPUT_BYTES)

    async def run(self, command: str, *, timeout: int = 60, fence: int = FENCE) -> JobState:
        return await self.poll(await self.start(command, timeout=timeout, fence=fence))

    async def output(self, command: str) -> str:
        """What a command prints that must succeed."""
        state = await self.run(command)
        assert state.exit_code == 0, state
        return state.chunk


def record(settings: Settings, name: str) -> dict[str, Any]:
    """What the supervisor of a sandbox wrote down about it."""
    path = settings.state_dir / "boxes" / name / "box.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


async def restarted(box: Box) -> Box:
    """The sandbox after a snapshot, a stop and a new start."""
    snapshot = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)
    return Box(box.backend, await box.backend.ensure(spec(box.ref.name), box.ref, [snapshot]))


def running(marker: str) -> int:
    """Processes of this machine, in any sandbox, whose command line holds `marker`.

    A number is a whole one: command lines of others hold ports and long numbers. No two files
    share one, for they run at the same time. Arguments are parted by `\\0`: `sleep\\0123` is the
    command itself and not a shell that is yet to come to it.
    """
    whole = re.escape(marker) + (r"(?!\d)" if marker[-1].isdigit() else "")
    wanted = re.compile(rf"(?<!\d){whole}".encode())
    found = 0
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += wanted.search(cmdline.read_bytes()) is not None
        except OSError:
            continue  # ended while we looked
    return found
