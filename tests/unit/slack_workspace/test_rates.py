"""Rate limits: per method and team in any minute, and posts per channel in any second."""

import pytest

from local.slack.methods import METHODS
from local.slack.rates import POSTS_AT_ONCE, RateLimits, RateSpec
from tests.unit.slack_workspace.test_tickets import Clock


def admitted(rates: RateLimits, method: str, times: int, channel: str = "C1") -> int:
    return [rates.retry_after("T1", method, channel) for _ in range(times)].count(None)


@pytest.mark.parametrize(
    ("method", "limit"),
    [
        ("chat.update", 50),
        ("reactions.add", 50),
        ("agents.sessions.setStatus", 50),
        ("conversations.replies", 50),
        ("chat.startStream", 20),
        ("chat.appendStream", 100),
        ("views.open", 100),
        ("users.info", 100),
        ("files.getUploadURLExternal", 100),
    ],
)
def test_a_minute_holds_so_many_calls_of_a_method(method: str, limit: int) -> None:
    assert admitted(RateLimits(1.0, Clock()), method, limit + 10) == limit


def test_the_window_slides_and_the_answer_says_how_long_to_wait() -> None:
    clock = Clock()
    rates = RateLimits(1.0, clock)
    admitted(rates, "chat.update", 25)
    clock.now += 30
    admitted(rates, "chat.update", 25)
    assert rates.retry_after("T1", "chat.update", "") == 30
    clock.now += 30.5
    assert admitted(rates, "chat.update", 50) == 25
    assert rates.as_json()["refused"] == {"chat.update": 26}


def test_a_refused_call_does_not_count_against_the_next() -> None:
    clock = Clock()
    rates = RateLimits(1.0, clock)
    admitted(rates, "chat.update", 500)
    clock.now += 61
    assert admitted(rates, "chat.update", 50) == 50


def test_teams_and_methods_do_not_share_a_limit() -> None:
    rates = RateLimits(1.0, Clock())
    admitted(rates, "chat.update", 50)
    assert rates.retry_after("T2", "chat.update", "") is None
    assert rates.retry_after("T1", "reactions.add", "") is None


def test_a_channel_takes_a_post_a_second_and_a_short_burst() -> None:
    clock = Clock()
    rates = RateLimits(1.0, clock)
    assert admitted(rates, "chat.postMessage", 10) == POSTS_AT_ONCE
    assert rates.retry_after("T1", "chat.postMessage", "C1") == 1
    assert rates.retry_after("T1", "chat.postMessage", "C2") is None
    clock.now += 2
    assert admitted(rates, "chat.postMessage", 10) == 2


def test_a_faster_clock_lets_the_same_number_through_in_less_time() -> None:
    clock = Clock()
    rates = RateLimits(60.0, clock)
    assert admitted(rates, "chat.update", 60) == 50
    clock.now += 1.01
    assert admitted(rates, "chat.update", 60) == 50


def test_nothing_is_limited_unless_asked_for() -> None:
    rates = RateLimits()
    assert admitted(rates, "chat.update", 1000) == 1000
    rates.set(RateSpec())
    assert admitted(rates, "chat.update", 1000) == 50
    rates.set(RateSpec(enforced=False))
    assert admitted(rates, "chat.update", 1000) == 1000


def test_every_method_has_a_limit() -> None:
    for method in METHODS:
        rates = RateLimits(1.0, Clock())
        assert method == "api.test" or admitted(rates, method, 1000) < 1000, method
