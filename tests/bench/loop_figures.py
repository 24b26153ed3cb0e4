"""Owns what is made of the loop's rounds: ratios to its goals, what a turn stores, and resuming."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.policy import judge, load_policy
from tests.bench.loop_agent import Ours

if TYPE_CHECKING:
    from tests.bench.loop import Loop, Model

TURNS, LONG, DISK_TASKS, REPLAYED = 20, 100, 50, 40
ORDINARY = "cd src && python -m pytest tests/unit -q -x 2>&1 | tail -20"
LINE = "grep -rn 'TODO' src | sort | uniq -c && echo \"step $i\" >> notes.txt\n"
SCRIPT = LINE * (10_000 // len(LINE))


def compared(loops: "dict[str, Loop]") -> dict[str, float]:
    """Ratios first, then what they are made of. Ratios of peers that did not run are left out."""
    ours, bare, graph = loops["ours"], loops["bare"], loops.get("graph")
    early, late = (statistics.median(pair) for pair in zip(*ours.long_ms, strict=True))
    figures = {
        "loop_turn_over_bare_ratio": _turn(ours) / _turn(bare),
        "loop_turn_over_bare_streamed_ratio": _turn(ours) / _turn(loops["streamed"]),
        "loop_turn_100_over_10_ratio": late / early,
    }
    if graph is not None:
        figures |= {
            "loop_ten_turns_over_langgraph_ratio": _rate(ours) / _rate(graph),
            "loop_cpu_over_langgraph_ratio": _cpu(ours) / _cpu(graph),
        }
    figures |= {
        "rss_mb_loop": ours.rss_mb,
        "loop_turn_ms_p50": _turn(ours),
        "loop_turn_ms_p95": statistics.quantiles(ours.turn_ms, n=20)[-1],
        "loop_cpu_ms_worker": statistics.median(row[0] for row in ours.cpu_ms),
        "loop_cpu_ms_engine": statistics.median(row[1] for row in ours.cpu_ms),
    }
    for name, loop in loops.items():
        figures |= {
            f"loop_{name}_turn_ms_p50": _turn(loop),
            f"loop_{name}_ten_turns_per_s": _rate(loop),
            f"loop_{name}_cpu_ms": _cpu(loop),
            f"loop_{name}_rss_mb": loop.rss_mb,
        }
    return figures


def _turn(loop: "Loop") -> float:
    return statistics.median(loop.turn_ms)


def _rate(loop: "Loop") -> float:
    return statistics.median(loop.turns_per_s)


def _cpu(loop: "Loop") -> float:
    """Per task, of all its processes."""
    return statistics.median(sum(row) for row in loop.cpu_ms)


async def stored(ours: Ours, model: "Model") -> dict[str, float]:
    """What a turn leaves in the journal and on the disk, beside what it must: its payload."""
    before = _disk_bytes(ours.folder / "restate")
    await ours.round([f"disk{n}" for n in range(DISK_TASKS)], TURNS)
    on_disk = (_disk_bytes(ours.folder / "restate") - before) / (DISK_TASKS * TURNS)
    await ours.round(["stored"], LONG)
    asked = await model.asked("stored")
    payload = (asked[-1][2] - asked[0][2]) / LONG
    rows = await ours.engine.query(
        f"select index, raw_length from sys_journal where id = '{ours.last_id}'"
    )
    sizes = [int(r["raw_length"]) for r in sorted(rows, key=lambda r: int(r["index"]))][1:]
    half = len(sizes) // 2
    shown = await ours.engine.query(
        "select sum(j.raw_length) as bytes from sys_journal j join sys_invocation i "
        "on i.id = j.id where i.target like 'Thread/%:stored/show'"
    )
    per_turn = (sum(sizes) + int(shown[0].get("bytes") or 0)) / LONG
    return {
        "loop_journal_over_payload_ratio": per_turn / payload,
        "loop_journal_second_half_over_first_ratio": sum(sizes[half:]) / sum(sizes[:half]),
        "loop_journal_bytes_per_turn": per_turn,
        "loop_payload_bytes_per_turn": payload,
        "loop_disk_bytes_per_turn": on_disk,
    }


def _disk_bytes(folder: Path) -> int:
    """Written, not set aside: the engine's logs are given their room in advance."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def resumed(ours: Ours, model: "Model") -> dict[str, float]:
    """kill -9 of the worker during a call, started again at once: until the same call is made."""
    one = [await _resume(ours, model, f"heldOne{n}", 1) for n in range(3)]
    many = [await _resume(ours, model, f"heldMany{n}", REPLAYED) for n in range(3)]
    return {
        "loop_resume_ms_40_turns": statistics.median(many),
        "loop_resume_ms_1_turn": statistics.median(one),
    }


async def _resume(ours: Ours, model: "Model", task: str, turns: int) -> float:
    running = asyncio.create_task(ours.round([task], turns))
    async with asyncio.timeout(60):
        while len(await model.asked(task)) < turns:
            await asyncio.sleep(0.02)
        killed = time.monotonic()
        await ours.worker.kill()
        await ours.worker.start()
        await running
    asked = await model.asked(task)
    return (asked[turns][0] - killed) * 1000


def verdicts() -> dict[str, float]:
    """Milliseconds in which the policy judges an ordinary command, and a script of 10 kB."""
    policy = load_policy()
    return {
        "policy_verdict_ms": _best(lambda: judge(policy, ORDINARY), 200),
        "policy_verdict_10kb_ms": _best(lambda: judge(policy, SCRIPT), 7),
    }


def _best(action: "object", times: int) -> float:
    assert callable(action)
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        action()
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)
