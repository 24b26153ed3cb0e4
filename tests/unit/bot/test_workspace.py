"""The budget of Slack calls: near its limit and never above, fair over threads, urgent first."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bot.budget import ORDINARY_TURN, RATES, Meter, Rate

SLOW = Rate(per_minute=6, burst=2, reserve=1)
UPDATES = RATES["chat.update"]
POSTS = RATES["chat.postMessage"]
NOW = 1000.0


def called(meter: Meter, rate: Rate, until: float, start: float = NOW) -> list[tuple[float, str]]:
    """Who was called when, each at the first moment possible."""
    turns, now = [], start
    while now <= until:
        turns += [(now, who) for who in meter.turns(rate, now)]
        at = meter.next_turn_at(rate)
        if at is None:
            break
        now = max(at, now)
    return turns


def test_a_burst_goes_at_once_and_then_at_an_even_pace() -> None:
    meter = Meter()
    for n in range(5):
        meter.enter(f"t{n}", urgent=False)
    assert called(meter, SLOW, NOW + 60) == [
        (NOW, "t0"),
        (NOW, "t1"),
        (NOW + 10, "t2"),
        (NOW + 20, "t3"),
        (NOW + 30, "t4"),
    ]


def test_a_waiting_thread_keeps_its_one_place_however_often_it_asks() -> None:
    meter = Meter()
    for name in ("a", "b", "c", "d", "c", "d", "c"):
        meter.enter(name, urgent=False)
    assert [who for _, who in called(meter, SLOW, NOW + 60)] == ["a", "b", "c", "d"]


def test_a_thread_that_got_its_turn_is_behind_everyone_else_next_time() -> None:
    meter = Meter()
    for name in ("a", "b", "c", "d"):
        meter.enter(name, urgent=False)
    assert meter.turns(SLOW, NOW) == ["a", "b"]
    meter.enter("a", urgent=False)
    assert [who for _, who in called(meter, SLOW, NOW + 60)] == ["c", "d", "a"]


def test_urgent_calls_have_room_when_ordinary_ones_fill_the_budget() -> None:
    meter = Meter()
    for n in range(100):
        meter.enter(f"t{n}", urgent=False)
    called(meter, UPDATES, NOW + 120)
    meter.enter("u", urgent=True)
    assert meter.turns(UPDATES, NOW + 120) == ["u"]


def test_an_ordinary_place_becomes_an_urgent_one_and_leaves_no_gap() -> None:
    meter = Meter()
    for n in range(6):
        meter.enter(f"t{n}", urgent=False)
    meter.turns(SLOW, NOW)
    meter.enter("t5", urgent=True)
    assert [who for _, who in called(meter, SLOW, NOW + 100)] == ["t5", "t2", "t3", "t4"]


def test_nobody_starves_below_a_flood_of_urgent_calls() -> None:
    meter = Meter()
    for n in range(400):
        meter.enter(f"u{n}", urgent=True)
    for n in range(20):
        meter.enter(f"t{n}", urgent=False)
    order = [who for _, who in called(meter, UPDATES, NOW + 60)]
    ordinary = sum(who.startswith("t") for who in order)
    assert ordinary == len(order) // (ORDINARY_TURN + 1)


def test_after_slack_says_wait_nobody_goes_before_and_no_rush_follows() -> None:
    for urgent, at_once in ((False, 1), (True, 1 + UPDATES.reserve)):
        meter = Meter()
        for n in range(20):
            meter.enter(f"t{n}", urgent=urgent)
        meter.pause(NOW + 60, UPDATES)
        times = [at for at, _ in called(meter, UPDATES, NOW + 90)]
        assert times[:at_once] == [NOW + 60] * at_once
        assert all(later - earlier > 1 for earlier, later in itertools.pairwise(times[at_once:]))


def test_who_was_refused_is_the_first_to_try_again() -> None:
    meter = Meter()
    meter.enter("next", urgent=True)
    meter.pause(NOW, UPDATES)
    meter.enter("refused", urgent=True, first=True)
    assert [who for _, who in called(meter, UPDATES, NOW + 9)] == ["refused", "next"]


def test_a_busy_channel_does_not_hold_up_another() -> None:
    meter = Meter()
    for n in range(6):
        meter.enter(f"T1:C1:{n}", urgent=False)
    meter.enter("T1:C2:1", urgent=False)
    assert "T1:C2:1" in meter.turns(POSTS, NOW)
    assert len(meter.ordinary) == 3


def test_a_backlog_uses_nearly_all_of_the_budget() -> None:
    meter = Meter()
    for n in range(600):
        meter.enter(f"t{n}", urgent=n % 3 == 0)
    used = [at for at, _ in called(meter, UPDATES, NOW + 300) if at >= NOW + 60]
    assert len(used) / 4 >= 0.9 * UPDATES.per_minute


def test_with_limits_twenty_times_as_high_a_minute_takes_three_seconds() -> None:
    meter = Meter()
    for n in range(300):
        meter.enter(f"t{n}", urgent=True)
    assert 140 <= len(called(meter, UPDATES.paced(20), NOW + 9)) <= 3 * 48 + 14


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.booleans(), st.floats(0, 3)), min_size=30, max_size=250
    )
)
def test_no_minute_sees_more_calls_than_slack_allows(
    asks: list[tuple[int, bool, float]],
) -> None:
    meter, now, granted = Meter(), NOW, []
    for thread, urgent, wait in asks:
        now += wait
        meter.enter(f"t{thread}", urgent=urgent)
        granted += [now for _ in meter.turns(UPDATES, now)]
    for start in granted:
        assert sum(start <= at < start + 60 for at in granted) <= UPDATES.per_minute < 50
