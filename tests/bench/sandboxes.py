"""How fast a sandbox comes up, and what one command costs in it."""

import statistics
import tempfile
import time
from pathlib import Path

from sandbox.backends.local.backend import LocalBackend
from sandbox.protocol import Command, SandboxRef
from sandbox.settings import Settings

BOXES, COMMANDS = 15, 60


async def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        backend = LocalBackend(Settings(state_dir=Path(folder, "state")))
        await backend.probe()  # installs; paid once per machine
        firsts, commands = [], []
        for number in range(BOXES):
            begin = time.perf_counter()
            ref = await backend.ensure(f"bench-{number}", None, [])
            await _run(backend, ref, "first")
            firsts.append((time.perf_counter() - begin) * 1000)
            if number == 0:
                for again in range(COMMANDS):
                    begin = time.perf_counter()
                    await _run(backend, ref, f"job {again}")
                    commands.append((time.perf_counter() - begin) * 1000)
            await backend.destroy(ref.name)
    return {
        "sandbox_first_command_ms_p50": statistics.median(firsts),
        "command_overhead_ms_p50": statistics.median(commands),
    }


async def _run(backend: LocalBackend, ref: SandboxRef, job: str) -> None:
    await backend.start(ref, job, Command(command="true"), 1)
    state = await backend.poll(ref, job, 0, 10.0, 1000)
    assert state.exit_code == 0
