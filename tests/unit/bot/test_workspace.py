"""The budget of Slack calls: within the rate, fair over threads, urgent calls first."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.protocol import GrantRequest
from bot.workspace import RATES, Lane, Meter, Rate

SLOW = Rate(per_minute=6, burst=2)


def test_a_burst_goes_at_once_and_then_at_an_even_pace() -> None:
    lane = Lane()
    waits = [lane.take(f"t{n}", 1000.0, SLOW) for n in range(5)]
    assert waits == [0, 0, 10, 20, 30]


def test_a_waiting_thread_keeps_its_place_however_often_it_asks() -> None:
    lane = Lane()
    for n in range(3):
        lane.take(f"busy{n}", 1000.0, SLOW)
    first = [lane.take("a", 1000.0 + n, SLOW) for n in range(3)]
    assert first == [20, 19, 18]
    assert lane.take("b", 1003.0, SLOW) == 27
    assert lane.take("a", 1020.0, SLOW) == 0
    assert lane.take("a", 1020.0, SLOW) == 20, "the next turn is behind everyone else's"


def test_a_thread_that_does_not_come_back_loses_its_place() -> None:
    lane = Lane()
    for n in range(3):
        lane.take(f"t{n}", 1000.0, SLOW)
    assert list(lane.places) == ["t2"]
    lane.forget_no_shows(1000.0 + 39)
    assert list(lane.places) == ["t2"]
    lane.forget_no_shows(1000.0 + 41)
    assert lane.places == {}


def test_urgent_calls_have_room_when_the_ordinary_lane_is_full() -> None:
    meter = Meter()
    full = [meter.grant(_ask(f"t{n}"), 1000.0) for n in range(20)]
    assert full[-1] > 10
    assert meter.grant(_ask("u", urgent=True), 1000.0) == 0


def test_urgent_calls_use_the_ordinary_lane_once_their_own_is_spent() -> None:
    meter = Meter()
    granted = [meter.grant(_ask(f"u{n}", urgent=True), 1000.0) for n in range(10)]
    assert granted == [0] * 10


def test_after_slack_says_wait_nobody_goes_before_and_no_rush_follows() -> None:
    meter = Meter()
    for n in range(10):
        meter.grant(_ask(f"t{n}"), 1000.0)
    meter.pause(1060.0)
    assert meter.grant(_ask("u", urgent=True), 1000.0) >= 60
    kept = sorted(meter.ordinary.places.values())
    assert kept[0] == 1060.0
    assert all(later - earlier > 1 for earlier, later in pairwise(kept))


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.booleans(), st.floats(0, 20)), min_size=30, max_size=200
    )
)
def test_no_minute_sees_more_calls_than_slack_allows(
    asks: list[tuple[int, bool, float]],
) -> None:
    """Tier 3 is about 50 a minute; a short burst on top is what Slack tolerates."""
    meter, now, granted = Meter(), 1000.0, []
    for thread, urgent, pause in asks:
        now += pause / 10
        if meter.grant(_ask(f"t{thread}", urgent=urgent), now) == 0:
            granted.append(now)
    ordinary, urgent_rate = RATES["chat.update"]
    allowed = sum(rate.per_minute + rate.burst for rate in (ordinary, urgent_rate))
    for start in granted:
        assert sum(start <= at < start + 60 for at in granted) <= allowed + 1


def _ask(thread: str, urgent: bool = False) -> GrantRequest:
    return GrantRequest(method="chat.update", thread=thread, urgent=urgent)
