"""`make kill-sandbox N=50 BACKEND=local`: sandboxes die at random moments of a six-step task.

The whole product runs; each run is a thread of its own. Ends with one JSON line; exit status 1
unless every project is as an undisturbed run leaves it or the thread says as of which step it was
brought back, nothing happened twice, and nothing is left behind.
"""

import argparse
import asyncio
import json
import random
import secrets
import shutil
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.cloud import Cloud, Wishes, running_cloud
from local.errors import LocalCloudError
from local.model import running_model
from local.slack.client import PeopleClient
from tests.chaos import moments
from tests.chaos.killers import killer_for, processes_below
from tests.chaos.moments import Watch
from tests.chaos.thread_run import Run, ThreadRun
from tests.chaos.verdict import Verdict, judge

AT_ONCE = 3
MODEL_DELAY_MS = 40
"""Of each answer of the scripted model, so that there is a between to the acts of a task."""
LOGS = Path("artefacts", "kill-sandbox")


@dataclass
class Outcome:
    runs: list[tuple[Run, Verdict]] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Not before there are runs to judge."""
        return bool(self.runs) and not self.orphans and all(v.ok and r.killed for r, v in self.runs)

    def figures(self) -> dict[str, Any]:
        judged = [verdict for _, verdict in self.runs]
        return {
            "ok": self.ok,
            "runs": len(self.runs),
            "killed": sum(bool(run.killed) for run, _ in self.runs),
            "equal": sum(v.equal for v in judged),
            "rolled_back_and_said": sum(v.ok and not v.equal for v in judged),
            "went_back_and_did_it_again": sum(v.equal and v.said is not None for v in judged),
            "doubled": sum(len(v.doubled) for v in judged),
            "lost": sum(len(v.lost) for v in judged),
            "orphans": len(self.orphans),
            "seconds": round(self.seconds, 1),
        }


async def kill_sandboxes(backend: str, runs: int, seed: str) -> Outcome:
    """Raises LocalCloudError when the product does not come up at all."""
    outcome = Outcome()
    began = time.monotonic()
    watch = Watch()
    async with running_model(scenarios=[watch.scenario], delay_ms=MODEL_DELAY_MS) as model:
        sandboxes = {"SANDBOX_BACKEND": backend}
        wishes = Wishes(quiet=True, model_url=model.base_url, sandbox_environ=sandboxes)
        async with (
            running_cloud(wishes) as cloud,
            PeopleClient(cloud.page_url) as people,
            killer_for(cloud) as killer,
        ):
            play = ThreadRun(people.person("U0ANA"), watch, killer).play
            try:
                await _play_all(outcome, play, runs, seed, files_are_lost=backend == "modal")
                outcome.orphans = await killer.left_over()
            finally:
                _keep_logs(outcome, cloud)
        outcome.orphans += await processes_below(cloud.data_dir)
    for orphan in outcome.orphans:
        print(f"left over: {orphan}")
    outcome.seconds = time.monotonic() - began
    return outcome


async def _play_all(
    outcome: Outcome,
    play: Callable[..., Awaitable[Run]],
    runs: int,
    seed: str,
    *,
    files_are_lost: bool,
) -> None:
    """One undisturbed run, then the others, a few at a time."""
    reference = await play(0, None, random.Random(seed))
    if reference.problem or not reference.ended.startswith("Done"):
        raise LocalCloudError(f"The undisturbed run went wrong: {reference.problem or reference}")
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        chance = random.Random(f"{seed}/{number}")
        async with turns:
            run = await play(number, moments.choose(number, chance), chance)
        verdict = judge(run, reference.tree, files_are_lost=files_are_lost)
        outcome.runs.append((run, verdict))
        _print(run, verdict, seed)

    await asyncio.gather(*(one(number) for number in range(1, runs + 1)))


def _print(run: Run, verdict: Verdict, seed: str) -> None:
    print(f"run {run.number:3}  {_told(verdict):36} {run.moment}; {run.killed}")
    if verdict.ok and run.killed:
        return
    print(f"  seed {seed!r}; doubled {verdict.doubled}; lost {verdict.lost}; {verdict.wrong}")
    print(textwrap.indent("\n".join(run.texts), "  │ "), flush=True)


def _told(verdict: Verdict) -> str:
    if not verdict.ok:
        return "FAILED"
    if verdict.said is None:
        return "equal"
    return f"{'equal, ' if verdict.equal else ''}back to step {verdict.said} and says so"


def _keep_logs(outcome: Outcome, cloud: Cloud) -> None:
    if outcome.ok:
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    for log in [*cloud.data_dir.glob("*.log"), *cloud.data_dir.glob("restate/*.log")]:
        shutil.copy(log, LOGS)
    print(f"  logs are kept in {LOGS}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.chaos.kill_sandbox", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--backend", choices=["local", "modal"], default="local")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="repeats the same moments")
    given = parser.parse_args()
    try:
        outcome = asyncio.run(kill_sandboxes(given.backend, given.runs, given.seed))
    except LocalCloudError as error:
        print(json.dumps({"ok": False, "backend": given.backend, "error": str(error)}))
        sys.exit(1)
    figures = {**outcome.figures(), "backend": given.backend, "seed": given.seed}
    print(json.dumps(figures))
    sys.exit(0 if outcome.ok else 1)


if __name__ == "__main__":
    main()
