"""Owns a backend for the bench alone: commands are plain child processes, without any wall.

Behind it our loop does what the peers' loops do, so that their figures compare loops and not
isolation. Never a way to run a product: `loop_worker` is the only one that chooses it.
"""

import asyncio
import time
from typing import cast

from sandbox.contract import Backend
from sandbox.protocol import Command, Finding, JobState, SandboxRef
from sandbox.settings import Settings


class _Job:
    """A command that runs as the peers run theirs: a shell, and a pipe for what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = b""
        self._began = time.monotonic()
        self.seconds = 0.0
        self.ended = asyncio.create_task(self._end())

    async def _end(self) -> None:
        self.output, _ = await self.process.communicate()
        self.seconds = round(time.monotonic() - self._began, 3)


class SpawningBackend:
    """The part of the contract that a step of shell commands uses; jobs are known by their ids."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}

    async def probe(self) -> list[Finding]:
        return []

    async def aclose(self) -> None:
        """Nothing is open."""

    async def raise_fence(self, ref: SandboxRef, fence: int) -> None:
        """Nobody else writes."""

    async def start(
        self,
        ref: SandboxRef,
        job_id: str,
        command: Command,
        fence: int,
        wait_seconds: float = 0.0,
        limit_bytes: int = 0,
    ) -> JobState:
        if job_id not in self._jobs:
            process = await asyncio.create_subprocess_shell(
                command.command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            self._jobs[job_id] = _Job(process)
        return await self.poll(ref, job_id, 0, wait_seconds, limit_bytes)

    async def poll(
        self, ref: SandboxRef, job_id: str, offset: int, wait_seconds: float, limit_bytes: int
    ) -> JobState:
        job = self._jobs[job_id]
        async with asyncio.timeout(wait_seconds):
            await asyncio.shield(job.ended)
        return JobState(
            exit_code=job.process.returncode,
            chunk=job.output[offset : offset + limit_bytes].decode("utf-8", "replace"),
            next_offset=min(offset + limit_bytes, len(job.output)),
            size_bytes=len(job.output),
            seconds=job.seconds,
            log_path=f"/project/.jobs/{job_id}.log",
        )

    async def cancel(self, ref: SandboxRef, job_id: str) -> None:
        job = self._jobs.get(job_id)
        if job is not None and job.process.returncode is None:
            job.process.kill()


def backend_for(settings: Settings) -> Backend:
    return cast("Backend", SpawningBackend())
