"""The loop beside its peers, on the same scripted model and the same commands, in one run.

Rounds of all loops take turns, because machines are never quiet; figures are medians of rounds, and
CPU is that of the loop's own processes, without the commands, which cost all of them the same. Our
loop runs twice: over plain child processes, which is what peers do, for the ratios; and with real
sandboxes, shown apart as the price of the wall. Model time is in no figure.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import aiohttp
import psutil

from local.sandboxes import end_sandboxes
from tests.bench import loop_figures
from tests.bench.loop_agent import Ours, running_agent

HERE = Path(__file__).parent
PEERS = HERE.parent.parent / "artefacts" / "peers"
ROUNDS, ALONE, TOGETHER, TURNS, LONG = 3, 3, 10, 20, 100
Asked = list[tuple[float, float, int]]
"""Requests of one task: when each arrived, when it was answered (s), and its bytes."""


class Model:
    """The scripted model's process, as the bench asks it."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self._http = http

    async def asked(self, task: str) -> Asked:
        async with self._http.get(f"{self.url}/asked/{task}") as response:
            told: Asked = await response.json()
            return told


@dataclass
class Loop:
    """One loop under measurement.

    Args:
        run: works on tasks of so many turns at once, to their ends.
        pids: whose CPU counts: the loop's own process first, then an engine's.
    """

    name: str
    run: Callable[[list[str], int], Awaitable[None]]
    pids: list[int]
    turn_ms: list[float] = field(default_factory=list)
    """Of tasks alone, every turn."""
    cpu_ms: list[list[float]] = field(default_factory=list)
    """Per task alone and process, one row a round."""
    turns_per_s: list[float] = field(default_factory=list)
    """Of tasks at once, one a round."""
    long_ms: list[tuple[float, float]] = field(default_factory=list)
    """Turn time around turn 10 and around turn 100 of a long task, one a round."""
    payload_bytes: float = 0.0
    """What the conversation grows by in a turn, as it is sent."""
    rss_mb: float = 0.0

    async def round(self, model: Model, number: int) -> None:
        before = self._cpu_ms()
        for i in range(ALONE):
            task = f"{self.name}Alone{number}x{i}"
            await self.run([task], TURNS)
            asked = await model.asked(task)
            self.turn_ms += gaps(asked)
            self.payload_bytes = (asked[-1][2] - asked[0][2]) / TURNS
        self.cpu_ms.append([(b - a) / ALONE for a, b in zip(before, self._cpu_ms(), strict=True)])
        tasks = [f"{self.name}Together{number}x{i}" for i in range(TOGETHER)]
        await self.run(tasks, TURNS)
        all_asked = [await model.asked(task) for task in tasks]
        taken = max(a[-1][0] for a in all_asked) - min(a[0][0] for a in all_asked)
        self.turns_per_s.append(TOGETHER * TURNS / taken)
        self.rss_mb = max(self.rss_mb, psutil.Process(self.pids[0]).memory_info().rss / 2**20)

    async def long_round(self, model: Model, number: int) -> None:
        task = f"{self.name}Long{number}"
        await self.run([task], LONG)
        taken = gaps(await model.asked(task))
        self.long_ms.append((statistics.median(taken[5:15]), statistics.median(taken[-10:])))

    def _cpu_ms(self) -> list[float]:
        times = [psutil.Process(pid).cpu_times() for pid in self.pids]
        return [(t.user + t.system) * 1000 for t in times]


def gaps(asked: Asked) -> list[float]:
    """Milliseconds from each answer to the next request."""
    return [(after[0] - before[1]) * 1000 for before, after in pairwise(asked)]


async def measure() -> dict[str, float]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        url = (await _process(stack, sys.executable, "-m", "tests.bench.scripted", "0"))[1]
        model = Model(url, http)
        ours = await stack.enter_async_context(running_agent(folder / "spawned", url, walled=False))
        loops = [_ours("ours", ours), await _peer(stack, "bare", url, sys.executable)]
        loops.append(await _peer(stack, "streamed", url, sys.executable))
        if (PEERS / ".ready").exists():
            python = str(PEERS / "bin" / "python")
            loops += [await _peer(stack, name, url, python) for name in ("graph", "mini")]
        else:
            print("loop: its peers are not installed; `make bench` does that where it can")
        await _rounds(model, loops)
        figures = loop_figures.compared({loop.name: loop for loop in loops})
        figures |= await loop_figures.stored(ours, model)
        figures |= await loop_figures.resumed(ours, model)
        figures |= loop_figures.verdicts()
    return figures | await _walled()


async def _rounds(model: Model, loops: list[Loop]) -> None:
    for loop in loops:
        await loop.run([f"{loop.name}Warm"], TURNS)
    for number in range(ROUNDS):
        for loop in loops:
            await loop.round(model, number)
        for loop in loops[:2]:
            await loop.long_round(model, number)


async def _walled() -> dict[str, float]:
    """The same with real sandboxes."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        url = (await _process(stack, sys.executable, "-m", "tests.bench.scripted", "0"))[1]
        stack.push_async_callback(end_sandboxes, {"SANDBOX_STATE_DIR": f"{folder}/state"})
        ours = await stack.enter_async_context(running_agent(folder, url, walled=True))
        loop = _ours("walled", ours)
        await _rounds(Model(url, http), [loop])
    return {
        "loop_sandboxed_turn_ms_p50": statistics.median(loop.turn_ms),
        "loop_sandboxed_ten_turns_per_s": statistics.median(loop.turns_per_s),
        "loop_sandboxed_cpu_ms": statistics.median(sum(row) for row in loop.cpu_ms),
    }


def _ours(name: str, ours: Ours) -> Loop:
    return Loop(name, ours.round, [ours.worker.pid, ours.engine.server.pid])


async def _peer(stack: AsyncExitStack, name: str, url: str, python: str) -> Loop:
    program, *more = {"streamed": ("bare", "streamed")}.get(name, (name,))
    script = HERE / "peers" / f"{program}.py"
    process, _ = await _process(stack, python, str(script), url, *more)
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def run(tasks: list[str], turns: int) -> None:
        stdin.write(" ".join([str(turns), *tasks]).encode() + b"\n")
        line = await stdout.readline()
        if not line or json.loads(line) != {"tasks": len(tasks)}:
            raise RuntimeError(f"{name} did not do its tasks, it said {line!r}")

    return Loop(name, run, [process.pid])


async def _process(stack: AsyncExitStack, *command: str) -> tuple[asyncio.subprocess.Process, str]:
    """A program of the bench that ends with it, and the first line it says."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    stack.push_async_callback(_end, process)
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"{' '.join(command)} did not start")
    return process, line.decode().strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
