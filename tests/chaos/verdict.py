"""Owns the judgement of one run: was anything doubled, lost without a word, or posted twice?

A project that is not as an undisturbed run leaves it must have been announced: the thread says as
of which step it was brought back, and then everything up to that step must be there.
"""

from collections import Counter
from dataclasses import dataclass, field

from sandbox.lifecycle import Life, lease
from sandbox.protocol import SandboxRef, SnapshotRef
from tests.chaos.six_steps import LOG, STEPS, label_of, lines_of
from tests.chaos.thread_run import Run, Tree


@dataclass
class Verdict:
    equal: bool = False
    said: int | None = None
    """The earliest step the thread says it went back to; None: it says nothing of the kind."""
    doubled: list[str] = field(default_factory=list)
    """Effects of commands that happened twice."""
    lost: list[str] = field(default_factory=list)
    """Effects and files that are missing, and the thread does not account for."""
    wrong: list[str] = field(default_factory=list)
    """Everything else that must not be."""

    @property
    def ok(self) -> bool:
        return not (self.doubled or self.lost or self.wrong)


def judge(run: Run, undisturbed: Tree, *, files_are_lost: bool) -> Verdict:
    """
    Args:
        files_are_lost: what was written since the last checkpoint dies with a sandbox.
    """
    verdict = Verdict(equal=run.tree == undisturbed, said=said_step(run.texts))
    if run.problem:
        verdict.wrong.append(run.problem)
    if not run.ended.startswith("Done"):
        verdict.wrong.append(f"the task did not end well: {run.ended!r}")
    if files_are_lost and verdict.said is None and run.moment and 0 < run.moment.step < STEPS:
        verdict.wrong.append("the files went back to a checkpoint, and the thread is silent")
    posted = Counter(run.slots)
    verdict.wrong += [f"posted twice: {slot}" for slot, count in posted.items() if count > 1]
    lines = Counter(run.tree.get(LOG, b"").decode().splitlines())
    verdict.doubled = [line for line, count in lines.items() if count > 1]
    if verdict.equal:
        return verdict
    accounted = STEPS if verdict.said is None else verdict.said
    for number in range(1, accounted + 1):
        verdict.lost += [line for line in lines_of(number) if line not in lines]
        path = f"parts/part{number}.txt"
        if run.tree.get(path) != undisturbed[path]:
            verdict.lost.append(path)
    unknown = set(run.tree) - set(undisturbed)
    verdict.wrong += [f"a file nobody wrote: {path}" for path in sorted(unknown)]
    if verdict.said is None and verdict.ok:
        verdict.wrong.append("the tree differs from an undisturbed run and the thread is silent")
    return verdict


def said_step(texts: list[str]) -> int | None:
    """The earliest step a thread says its project went back to, in the product's own words."""
    shown = " ".join(" ".join(texts).split())
    return min((n for n in range(STEPS + 1) if _words(n) in shown), default=None)


def _words(number: int) -> str:
    """The note of a lease whose files came from the checkpoint of step `number`; 0: from none."""
    kept = [SnapshotRef(snapshot_id="s", created_at=0.0, label=label_of(number))] if number else []
    first = SandboxRef(
        backend="local", name="n", sandbox_id="n.1", generation=1, created_at=0.0, expires_at=0.0
    )
    before = Life(state="running", ref=first, snapshots=kept, holds_files=True)
    restored = {"restored_from": "s"} if number else {"empty": True}
    return lease(before, first.model_copy(update={"generation": 2, **restored})).note
