"""Owns the decisions about a sandbox's life, as plain functions of its state.

Who may use it, when it is idle or near its limit, what its snapshots are, what to tell people.
Nothing here acts.
"""

import hashlib
from typing import Any, Literal

from pydantic import model_validator

from sandbox.protocol import (
    CheckpointRequest,
    Found,
    Lease,
    SandboxRef,
    SandboxSpec,
    SnapshotRef,
    Wire,
)

SNAPSHOTS_KEPT = 3
RESTART_BEFORE_SECONDS = 600.0
"""A snapshot begun at the hard limit itself is lost work. Short lives: a quarter of them."""
LOST_SECONDS = 60.0
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 15.0, 600.0

State = Literal["absent", "starting", "running", "stopping", "stopped", "lost"]


class Timer(Wire):
    """The one pending look at whether the sandbox is idle or near its limit."""

    generation: int
    due: float
    invocation_id: str


class RollBack(Wire):
    """The last time that files went back to an earlier snapshot."""

    generation: int
    restored: SnapshotRef | None
    note: str


class Life(Wire):
    """What `Sandbox` keeps of one session's sandbox. Only grows, with defaults."""

    state: State = "absent"
    """stopped: by us, right after a snapshot. lost: it ended by itself."""
    ref: SandboxRef | None = None
    """The last one started; it may have ended since."""
    at_limit: bool = False
    """It was stopped because of its hard limit, maybe while somebody used it."""
    leases: dict[str, float] = {}
    """Owner to the Unix second at which its right ends, whether it was released or not."""
    uses: int = 0
    """Grows with every acquire, so an idle stop can tell whether somebody came meanwhile."""
    last_used: float = 0.0
    snapshots: list[SnapshotRef] = []
    """Newest first."""
    roll_back: RollBack | None = None
    failures: int = 0
    """Snapshots that failed since the last one that was made."""
    timers: int = 0
    """Timers armed so far; the last one's generation."""
    timer: Timer | None = None
    holds_files: bool = False
    """False before the first use and after `destroy`: then an empty project is no loss."""

    @model_validator(mode="before")
    @classmethod
    def _of_the_first_release(cls, stored: Any) -> Any:
        """It kept only whether the sandbox was running."""
        if isinstance(stored, dict) and "running" in stored and "state" not in stored:
            state = "running" if stored["running"] else "stopped" if stored.get("ref") else "absent"
            return {**stored, "state": state}
        return stored

    @property
    def running(self) -> bool:
        return self.state in ("running", "stopping")


def spec_of(session_key: str) -> SandboxSpec:
    """The same on every worker and after every restart; the name has none of Slack's ids in it."""
    name = f"tw-{hashlib.sha256(session_key.encode()).hexdigest()[:20]}"
    return SandboxSpec(name=name, session=session_key)


# --- use ------------------------------------------------------------------------------------------


def acquired(life: Life, ref: SandboxRef, owner: str, until: float, now: float) -> Life:
    given = lease(life, ref)
    roll_back = life.roll_back
    if given.rolled_back:
        roll_back = RollBack(generation=ref.generation, restored=given.restored, note=given.note)
    return life.model_copy(
        update={
            "state": "running",
            "ref": ref,
            "at_limit": False,
            "roll_back": roll_back,
            "leases": {**live_leases(life, now), owner: until},
            "uses": life.uses + 1,
            "last_used": now,
            "holds_files": True,
        }
    )


def released(life: Life, owner: str, now: float) -> Life:
    leases = {name: end for name, end in live_leases(life, now).items() if name != owner}
    return life.model_copy(update={"leases": leases, "last_used": now})


def destroyed(life: Life) -> Life:
    """The reference stays, so that the next sandbox counts on and old handles stay dead."""
    return Life(ref=life.ref, uses=life.uses + 1, timers=life.timers)


def live_leases(life: Life, now: float) -> dict[str, float]:
    """A killed owner releases nothing; its lease ends by itself."""
    return {owner: end for owner, end in life.leases.items() if end > now}


def owns(life: Life, found: Found) -> bool:
    """A start under way may be the one that was found: its answer is not here yet."""
    is_ours = life.ref is not None and life.ref.sandbox_id == found.sandbox_id
    return life.state == "starting" or (life.running and is_ours)


# --- when to look, and when to stop ---------------------------------------------------------------


def due(life: Life, idle_seconds: int, now: float) -> float:
    """When to look next. After a failed snapshot, later and later."""
    soonest = now
    if life.failures:
        wait = FIRST_RETRY_SECONDS * 2.0 ** (life.failures - 1)
        soonest += min(wait, LONGEST_RETRY_SECONDS)
    return max(min(idle_at(life, idle_seconds), restart_at(life)), soonest)


def needs_timer(life: Life, due: float, now: float) -> bool:
    """A pending timer that fires earlier looks again by itself; one that should have fired long
    ago was lost: somebody ended it."""
    timer = life.timer
    return timer is None or timer.due > due or timer.due < now - LOST_SECONDS


def idle_at(life: Life, idle_seconds: int) -> float:
    return max(life.last_used + idle_seconds, *life.leases.values(), 0.0)


def restart_at(life: Life) -> float:
    """When its files must be saved, because the backend is about to end it."""
    if life.ref is None or life.ref.hard_limit is None:
        return float("inf")
    lifetime = life.ref.hard_limit - life.ref.created_at
    return life.ref.hard_limit - min(RESTART_BEFORE_SECONDS, lifetime / 4)


def may_stop(life: Life, stop_if_uses: int | None, now: float) -> bool:
    return life.running and life.uses == stop_if_uses and not live_leases(life, now)


def must_stop(life: Life, stop_generation: int | None) -> bool:
    return life.running and life.ref is not None and life.ref.generation == stop_generation


# --- snapshots ------------------------------------------------------------------------------------


def described(made: SnapshotRef, life: Life, request: CheckpointRequest) -> SnapshotRef:
    """A snapshot that was not asked for by a name holds at least what the one before it did."""
    if request.label:
        return made.model_copy(update={"label": request.label, "mark": request.mark})
    before = life.snapshots[0] if life.snapshots else SnapshotRef(snapshot_id="", created_at=0)
    label = before.label and f"a moment after {before.label.removeprefix('a moment after ')}"
    return made.model_copy(update={"label": label, "mark": before.mark})


def checkpointed(life: Life, snapshot: SnapshotRef) -> tuple[Life, list[SnapshotRef]]:
    """Also returns those to forget. Equal content gives the same snapshot, now the newest."""
    others = [s for s in life.snapshots if s.snapshot_id != snapshot.snapshot_id]
    known = [snapshot, *others]
    life = life.model_copy(update={"snapshots": known[:SNAPSHOTS_KEPT], "failures": 0})
    return life, known[SNAPSHOTS_KEPT:]


# --- what an acquire tells ------------------------------------------------------------------------


def lease(before: Life, ref: SandboxRef) -> Lease:
    """What the owner must know, comparing the life before with the sandbox it was given."""
    if before.ref is None or before.ref.generation == ref.generation or not before.holds_files:
        return Lease(ref=ref)
    restored = next((s for s in before.snapshots if s.snapshot_id == ref.restored_from), None)
    newest = bool(before.snapshots) and restored == before.snapshots[0]
    saved = before.state == "stopped"
    kept = restored is None and not ref.empty
    rolled_back = not kept and not (saved and newest)
    return Lease(
        ref=ref,
        note=_note(before, restored, kept=kept, rolled_back=rolled_back),
        restored=restored,
        rolled_back=rolled_back,
    )


def since(after: Life, given: Lease, known_generation: int | None) -> Lease:
    """The lease for an owner that used an earlier sandbox: somebody else may have met the loss."""
    last = after.roll_back
    if known_generation is None or last is None or last.generation <= known_generation:
        return given
    return given.model_copy(
        update={"note": last.note, "restored": last.restored, "rolled_back": True}
    )


def _note(before: Life, restored: SnapshotRef | None, *, kept: bool, rolled_back: bool) -> str:
    if rolled_back:
        why = "" if before.state == "stopped" else "The sandbox was lost. "
        if restored is None:
            return f"{why}No snapshot of the files could be used: the project starts empty."
        if restored != before.snapshots[0]:
            why += "The newest snapshot could not be used. "
        as_of = restored.label or "its last snapshot"
        return f"{why}The project was brought back as of {as_of}."
    if before.at_limit:
        return (
            "The sandbox reached its time limit and was started anew with the files of that "
            "moment; a command that still ran was ended."
        )
    if before.state == "stopped":
        return ""  # an idle one that came back: nobody missed anything
    where = "all its files" if kept else "the files of its last snapshot"
    return f"The sandbox ended and was started anew with {where}; a command that ran was cut off."
