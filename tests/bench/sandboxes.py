"""How fast a local sandbox comes up, what a command costs in it, and what it weighs when idle."""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from sandbox.backends.local.backend import LocalBackend
from sandbox.protocol import Command, JobState, SandboxRef
from sandbox.settings import Settings
from tests.integration.sandbox.driver import spec

BOXES, COMMANDS, PARALLEL, IDLE = 15, 60, 20, 5
SLEEP_SECONDS = 0.5


async def measure() -> dict[str, float]:
    async with local_backend() as (backend, state_dir):
        firsts = [await _first_command(backend, number) for number in range(BOXES)]
        ref = await backend.ensure(spec("bench-commands"), None, [])
        commands = [await _timed(backend, ref, f"job {n}") for n in range(COMMANDS)]
        parallel = await _in_parallel(backend, ref)
        await backend.destroy(ref.name, ref, [])
        weights = await _idle_weights(backend, state_dir) if os.geteuid() == 0 else []
    figures = {
        "sandbox_first_command_ms_p50": statistics.median(firsts),
        "command_overhead_ms_p50": statistics.median(commands),
        "commands_20_parallel_ratio": parallel,
    }
    if weights:  # process 1 hides its memory from everybody but root
        figures["sandbox_idle_pss_mb"] = statistics.median(weights)
    return figures


@asynccontextmanager
async def local_backend() -> AsyncIterator[tuple[LocalBackend, Path]]:
    """A backend whose programs are installed, which is paid once per machine; and its folder."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        state_dir = Path(folder, "state")
        backend = LocalBackend(Settings(state_dir=state_dir))
        await backend.probe()
        yield backend, state_dir


async def run(backend: LocalBackend, ref: SandboxRef, job: str, command: str) -> JobState:
    wanted = Command(command=command, timeout_seconds=300)
    state = await backend.start(ref, job, wanted, 1, wait_seconds=60.0, limit_bytes=1000)
    assert state.exit_code == 0, state
    return state


async def _first_command(backend: LocalBackend, number: int) -> float:
    """Milliseconds from nothing to the end of a command."""
    begin = time.perf_counter()
    ref = await backend.ensure(spec(f"bench-{number}"), None, [])
    await run(backend, ref, "first", "true")
    taken = (time.perf_counter() - begin) * 1000
    await backend.destroy(ref.name, ref, [])
    return taken


async def _timed(backend: LocalBackend, ref: SandboxRef, job: str) -> float:
    begin = time.perf_counter()
    await run(backend, ref, job, "true")
    return (time.perf_counter() - begin) * 1000


async def _in_parallel(backend: LocalBackend, ref: SandboxRef) -> float:
    """Wall time of many equal commands at once, over the time of one by itself."""
    begin = time.perf_counter()
    jobs = (run(backend, ref, f"parallel {n}", f"sleep {SLEEP_SECONDS}") for n in range(PARALLEL))
    await asyncio.gather(*jobs)
    return (time.perf_counter() - begin) / SLEEP_SECONDS


async def _idle_weights(backend: LocalBackend, state_dir: Path) -> list[float]:
    """Megabytes of each of a few sandboxes side by side, shared memory counted once for all."""
    refs = [await backend.ensure(spec(f"bench-idle-{n}"), None, []) for n in range(IDLE)]
    for ref in refs:
        await run(backend, ref, "first", "true")
    weights = [_weight(state_dir / "boxes" / ref.name / "box.json") for ref in refs]
    for ref in refs:
        await backend.destroy(ref.name, ref, [])
    return weights


def _weight(box: Path) -> float:
    supervisor = psutil.Process(json.loads(box.read_text())["supervisor"]["pid"])
    family = [supervisor, *supervisor.children(recursive=True)]
    return float(sum(process.memory_full_info().pss for process in family)) / 2**20
