"""Owns the decisions about a sandbox's life, as plain functions of its state.

Who may use it, when it is idle, what its snapshots are, what to tell people. Nothing here acts.
"""

import hashlib

from sandbox.protocol import SandboxRef, SnapshotRef, Wire

SNAPSHOTS_KEPT = 3


class Timer(Wire):
    """The one pending look at whether the sandbox is idle."""

    generation: int
    due: float
    invocation_id: str


class Life(Wire):
    """What `Sandbox` keeps of one session's sandbox. Only grows, with defaults."""

    ref: SandboxRef | None = None
    """The last one started; it may have ended since."""
    running: bool = False
    leases: dict[str, float] = {}
    """Owner to the Unix second at which its right ends, whether it was released or not."""
    uses: int = 0
    """Grows with every acquire, so an idle stop can tell whether somebody came meanwhile."""
    last_used: float = 0.0
    snapshots: list[SnapshotRef] = []
    """Newest first."""
    timers: int = 0
    """Timers armed so far; the last one's generation."""
    timer: Timer | None = None
    holds_files: bool = False
    """False before the first use and after `destroy`: then an empty project is no loss."""


def name_of(session_key: str) -> str:
    """The same on every worker and after every restart, and without any of Slack's ids in it."""
    return f"tw-{hashlib.sha256(session_key.encode()).hexdigest()[:20]}"


def acquired(life: Life, ref: SandboxRef, owner: str, until: float, now: float) -> Life:
    return life.model_copy(
        update={
            "ref": ref,
            "running": True,
            "leases": {**live_leases(life, now), owner: until},
            "uses": life.uses + 1,
            "last_used": now,
            "holds_files": True,
        }
    )


def released(life: Life, owner: str, now: float) -> Life:
    leases = {name: end for name, end in live_leases(life, now).items() if name != owner}
    return life.model_copy(update={"leases": leases, "last_used": now})


def checkpointed(life: Life, snapshot: SnapshotRef) -> Life:
    """Equal content gives the same snapshot: it becomes the newest, not another one."""
    others = [s for s in life.snapshots if s.snapshot_id != snapshot.snapshot_id]
    return life.model_copy(update={"snapshots": [snapshot, *others][:SNAPSHOTS_KEPT]})


def destroyed(life: Life) -> Life:
    """The reference stays, so that the next sandbox counts on and old handles stay dead."""
    return Life(ref=life.ref, uses=life.uses + 1, timers=life.timers)


def live_leases(life: Life, now: float) -> dict[str, float]:
    """A killed owner releases nothing; its lease ends by itself."""
    return {owner: end for owner, end in life.leases.items() if end > now}


def idle_at(life: Life, idle_seconds: int) -> float:
    return max(life.last_used + idle_seconds, *life.leases.values(), 0.0)


def may_stop(life: Life, stop_if_uses: int | None, now: float) -> bool:
    return life.running and life.uses == stop_if_uses and not live_leases(life, now)


def note(before: Life, ref: SandboxRef) -> str:
    """What the thread should know about the files after an acquire; empty when nothing changed."""
    if before.ref is not None and before.ref.generation == ref.generation:
        return ""
    if ref.restored_from is not None:
        return "The project was brought back from its last snapshot."
    if ref.empty and before.holds_files:
        return "The earlier files are gone and no snapshot of them could be used: it starts empty."
    return ""
