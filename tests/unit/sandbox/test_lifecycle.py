"""Decisions about a sandbox's life, as a state machine over plain values."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox import lifecycle
from sandbox.lifecycle import Life
from sandbox.protocol import SandboxRef, SnapshotRef

IDLE = 100


def ref(
    generation: int = 1, *, restored_from: str | None = None, empty: bool = False
) -> SandboxRef:
    return SandboxRef(
        backend="local",
        name="tw-x",
        sandbox_id=f"tw-x.{generation}",
        generation=generation,
        created_at=0,
        expires_at=0,
        restored_from=restored_from,
        empty=empty,
    )


def snapshot(name: str) -> SnapshotRef:
    return SnapshotRef(snapshot_id=name, created_at=0)


def test_the_name_is_stable_and_hides_the_session() -> None:
    name = lifecycle.name_of("T0:C0:1712.0001")

    assert name.startswith("tw-")
    assert len(name) == 23
    assert name == lifecycle.name_of("T0:C0:1712.0001") != lifecycle.name_of("T0:C0:1712.0002")
    assert "C0" not in name


def test_a_leased_sandbox_is_not_idle_before_the_lease_ends() -> None:
    life = lifecycle.acquired(Life(), ref(), "task", until=1000, now=0)

    assert lifecycle.idle_at(life, IDLE) == 1000
    assert not lifecycle.may_stop(life, life.uses, now=999)
    assert lifecycle.may_stop(life, life.uses, now=1001)


def test_a_released_sandbox_is_idle_a_while_later() -> None:
    life = lifecycle.acquired(Life(), ref(), "task", until=1000, now=0)
    life = lifecycle.released(life, "task", now=50)

    assert lifecycle.idle_at(life, IDLE) == 150
    assert lifecycle.may_stop(life, life.uses, now=51)


def test_one_owners_release_leaves_the_other_owners_lease() -> None:
    life = lifecycle.acquired(Life(), ref(), "task", until=1000, now=0)
    life = lifecycle.acquired(life, ref(), "download", until=500, now=0)
    life = lifecycle.released(life, "task", now=1)

    assert life.leases == {"download": 500}


def test_an_idle_stop_is_dropped_when_somebody_came_meanwhile() -> None:
    life = lifecycle.released(
        lifecycle.acquired(Life(), ref(), "task", until=10, now=0), "task", now=1
    )
    seen = life.uses
    life = lifecycle.released(lifecycle.acquired(life, ref(), "next", until=20, now=2), "next", 3)

    assert not lifecycle.may_stop(life, seen, now=1000)


def test_the_newest_snapshots_are_kept_and_equal_ones_once() -> None:
    life = Life()
    for name in ("a", "b", "a", "c", "d"):
        life = lifecycle.checkpointed(life, snapshot(name))

    assert [s.snapshot_id for s in life.snapshots] == ["d", "c", "a"]


def test_the_thread_is_told_where_files_came_from() -> None:
    used = lifecycle.acquired(Life(), ref(1), "task", until=1, now=0)

    assert lifecycle.note(Life(), ref(1, empty=True)) == ""
    assert lifecycle.note(used, ref(1)) == ""
    assert lifecycle.note(used, ref(2)) == ""
    assert "brought back" in lifecycle.note(used, ref(2, restored_from="a"))
    assert "starts empty" in lifecycle.note(used, ref(2, empty=True))
    assert lifecycle.note(lifecycle.destroyed(used), ref(2, empty=True)) == ""


OWNERS = st.sampled_from(["a", "b", "c"])
EVENTS = st.lists(st.tuples(st.booleans(), OWNERS, st.integers(1, 300)), max_size=30)


@given(EVENTS)
def test_a_sandbox_with_a_live_lease_is_never_stopped(events: list[tuple[bool, str, int]]) -> None:
    life, now, held = Life(), 0.0, {}
    for acquires, owner, seconds in events:
        now += seconds / 3
        if acquires:
            life = lifecycle.acquired(life, ref(), owner, now + seconds, now)
            held[owner] = now + seconds
        else:
            life = lifecycle.released(life, owner, now)
            held.pop(owner, None)
        live = any(end > now for end in held.values())
        assert lifecycle.may_stop(life, life.uses, now) == (life.running and not live)
        if live:
            assert lifecycle.idle_at(life, IDLE) > now
