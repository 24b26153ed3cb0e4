"""Decisions about a sandbox's life, as a state machine over plain values."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox import lifecycle
from sandbox.lifecycle import Life, Timer
from sandbox.protocol import CheckpointRequest, Found, SandboxRef, SnapshotRef

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
    name = lifecycle.spec_of("T0:C0:1712.0001").name

    assert name.startswith("tw-")
    assert len(name) == 23
    assert (
        name
        == lifecycle.spec_of("T0:C0:1712.0001").name
        != lifecycle.spec_of("T0:C0:1712.0002").name
    )
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
        life, forgotten = lifecycle.checkpointed(life, snapshot(name))

    assert [s.snapshot_id for s in life.snapshots] == ["d", "c", "a"]
    assert [s.snapshot_id for s in forgotten] == ["b"]


def used(*snapshots: str, state: lifecycle.State = "running") -> Life:
    life = lifecycle.acquired(Life(), ref(1), "task", until=1, now=0)
    for name in snapshots:
        made = SnapshotRef(snapshot_id=name, created_at=0, label=f"step {name}", mark=f"m{name}")
        life, _ = lifecycle.checkpointed(life, made)
    return life.model_copy(update={"state": state})


def test_the_first_start_and_a_sandbox_that_goes_on_need_no_words() -> None:
    for lease in (
        lifecycle.lease(Life(), ref(1, empty=True)),
        lifecycle.lease(used("1"), ref(1)),
        lifecycle.lease(lifecycle.destroyed(used("1")), ref(2, empty=True)),
    ):
        assert (lease.note, lease.rolled_back) == ("", False)


def test_an_idle_one_that_comes_back_from_its_snapshot_lost_nothing() -> None:
    lease = lifecycle.lease(used("1", "2", state="stopped"), ref(2, restored_from="2"))

    assert (lease.note, lease.rolled_back) == ("", False)


def test_a_lost_one_goes_back_to_its_last_checkpoint_and_says_which() -> None:
    lease = lifecycle.lease(used("1", "2"), ref(2, restored_from="2"))

    assert lease.rolled_back
    assert lease.restored is not None
    assert lease.restored.mark == "m2"
    assert lease.note == "The sandbox was lost. The project was brought back as of step 2."


def test_an_unusable_snapshot_is_said_together_with_the_older_one() -> None:
    lease = lifecycle.lease(used("1", "2", state="stopped"), ref(2, restored_from="1"))

    assert lease.rolled_back
    assert lease.note == (
        "The newest snapshot could not be used. The project was brought back as of step 1."
    )


def test_a_loss_of_everything_is_said() -> None:
    lease = lifecycle.lease(used("1"), ref(2, empty=True))

    assert lease.rolled_back
    assert lease.restored is None
    assert "starts empty" in lease.note


def test_files_that_outlived_their_sandbox_are_no_roll_back() -> None:
    lease = lifecycle.lease(used("1"), ref(2))

    assert not lease.rolled_back
    assert "with all its files; a command that ran was cut off" in lease.note


def test_a_restart_at_the_time_limit_is_said_plainly() -> None:
    life = used("1", state="stopped").model_copy(update={"at_limit": True})
    lease = lifecycle.lease(life, ref(2, restored_from="1"))

    assert not lease.rolled_back
    assert "time limit" in lease.note
    assert "a command that still ran was ended" in lease.note


def test_an_owner_learns_of_a_roll_back_that_somebody_else_met_first() -> None:
    before = used("1")
    after = lifecycle.acquired(before, ref(2, restored_from="1"), "download", until=9, now=1)
    plain = lifecycle.lease(after, ref(2, restored_from="1"))

    assert not lifecycle.since(after, plain, None).rolled_back
    assert not lifecycle.since(after, plain, 2).rolled_back
    told = lifecycle.since(after, plain, 1)
    assert told.rolled_back
    assert "step 1" in told.note


def test_a_snapshot_nobody_named_holds_what_the_one_before_held_and_more() -> None:
    request = CheckpointRequest(stop_if_uses=1)
    made = lifecycle.described(snapshot("x"), used("1"), request)
    again = lifecycle.described(snapshot("y"), lifecycle.checkpointed(used("1"), made)[0], request)

    assert (made.label, made.mark) == ("a moment after step 1", "m1")
    assert again.label == "a moment after step 1"
    assert lifecycle.described(snapshot("x"), used(), request).label == ""


def test_a_sandbox_is_restarted_before_its_hard_limit_even_while_it_is_used() -> None:
    limited = ref(1).model_copy(update={"created_at": 1000.0, "hard_limit": 1000.0 + 14400})
    life = lifecycle.acquired(Life(), limited, "task", until=99999, now=1000)

    assert lifecycle.due(life, IDLE, 1000) == 1000 + 14400 - 600
    assert lifecycle.must_stop(life, 1)
    assert not lifecycle.must_stop(life, 2)
    short = limited.model_copy(update={"hard_limit": 1008.0})
    assert lifecycle.restart_at(life.model_copy(update={"ref": short})) == 1006


def test_failed_snapshots_are_tried_again_later_and_later() -> None:
    life = lifecycle.acquired(Life(), ref(), "task", until=0, now=0)
    waits = [
        lifecycle.due(life.model_copy(update={"failures": n}), IDLE, 1000) - 1000
        for n in (0, 1, 2, 3, 9)
    ]
    assert waits == [0, 15, 30, 60, 600]


def test_a_timer_that_somebody_ended_is_armed_anew() -> None:
    timer = Timer(generation=1, due=500, invocation_id="inv_1")
    life = lifecycle.acquired(Life(timer=timer), ref(), "task", until=1000, now=0)

    assert not lifecycle.needs_timer(life, due=1000, now=400)
    assert not lifecycle.needs_timer(life, due=1000, now=530), "it may only be late"
    assert lifecycle.needs_timer(life, due=1000, now=600)
    assert lifecycle.needs_timer(life, due=450, now=400)


def test_only_the_sandbox_of_record_is_owned() -> None:
    found = Found(name="tw-x", session="s", sandbox_id="tw-x.1", generation=1, created_at=0)
    other = found.model_copy(update={"sandbox_id": "tw-x.2"})

    assert lifecycle.owns(used(), found)
    assert not lifecycle.owns(used(), other)
    assert not lifecycle.owns(used(state="stopped"), found)
    assert lifecycle.owns(used(state="starting"), other)
    assert not lifecycle.owns(Life(), found)


def test_the_state_of_the_first_release_is_understood() -> None:
    stored = used("1").model_dump(mode="json")
    del stored["state"]

    assert Life.model_validate({**stored, "running": True}).state == "running"
    assert Life.model_validate({**stored, "running": False}).state == "stopped"
    assert Life.model_validate({"running": False}).state == "absent"


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
