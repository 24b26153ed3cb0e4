"""What a command and a file cost on Modal, counted and timed on the stand-in of its control plane.

Times say nothing of Modal's cloud; what carries over is the number of RPCs, and how much our part
adds to the same work done with nothing but the SDK in the same run.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import modal

from sandbox.backend import backend_for
from sandbox.backends.modal.connection import Connection
from sandbox.contract import Backend
from sandbox.protocol import Command, SandboxRef
from sandbox.settings import Settings
from tests.fakes.modal import Fake, Wishes, running_fake
from tests.integration.sandbox.driver import spec

ROUNDS = 12
Action = Callable[[int], Awaitable[object]]


async def measure() -> dict[str, float]:
    async with running_fake(Wishes()) as fake:
        # No folder is used: a state folder is what local sandboxes have.
        environ = {"SANDBOX_BACKEND": "modal", "SANDBOX_STATE_DIR": str(Path("/nonexistent"))}
        settings = Settings.load({**environ, **fake.environ})
        backend, connection = backend_for(settings), Connection(settings)
        try:
            ref = await backend.ensure(spec("bench"), None, [])
            bare = await connection.look(ref.sandbox_id)
            return await _measured(fake, backend, ref, bare)
        finally:
            await backend.destroy("bench", None, [])
            await backend.aclose()
            await connection.aclose()


async def _measured(
    fake: Fake, backend: Backend, ref: SandboxRef, bare: modal.Sandbox
) -> dict[str, float]:
    """Args: `bare` is the same sandbox as `ref`, in the SDK's own hands."""

    async def command(number: int) -> None:
        state = await backend.start(ref, f"job {number}", Command(command="true"), 1, 20.0, 1000)
        assert state.exit_code == 0, state

    async def bare_command(_: int) -> None:
        process = await bare.exec.aio("bash", "-lc", "true", text=False)
        assert await process.wait.aio() == 0

    async def write(number: int) -> None:
        await backend.write(ref, f"{number}.txt", b"x" * 1000, 1)

    async def bare_write(number: int) -> None:
        await bare.filesystem.write_bytes.aio(b"x" * 1000, f"/tmp/{number}.txt")

    async def read(number: int) -> None:
        await backend.read(ref, f"{number}.txt", 2000)

    async def bare_read(number: int) -> None:
        await bare.filesystem.read_bytes.aio(f"/tmp/{number}.txt")

    figures: dict[str, float] = {}
    pairs = {"command": (command, bare_command), "write": (write, bare_write)}
    for name, (ours, plain) in {**pairs, "read": (read, bare_read)}.items():
        rpcs, ratio = await _compared(fake, ours, plain)
        figures |= {f"modal_rpcs_per_{name}": rpcs, f"modal_{name}_over_sdk_ratio": ratio}
    return figures


async def _compared(fake: Fake, ours: Action, plain: Action) -> tuple[float, float]:
    """RPCs of one of ours, and its time over that of the same with the SDK alone."""
    await ours(-1)  # the first one opens connections
    await plain(-1)
    ratios, rpcs = [], []
    for number in range(ROUNDS):
        before = fake.calls.total()
        taken = await _seconds(ours, number)
        rpcs.append(fake.calls.total() - before)
        ratios.append(taken / await _seconds(plain, number))
    return statistics.median(rpcs), statistics.median(ratios)


async def _seconds(action: Action, number: int) -> float:
    begin = time.perf_counter()
    await action(number)
    return time.perf_counter() - begin
