"""The weather: what goes wrong in the background, the same again for the same seed."""

import pytest
from pydantic import ValidationError

from local.slack.faults import Fault, FaultKind, Faults, Weather


def struck(faults: Faults, method: str, *kinds: FaultKind, times: int = 200) -> list[str]:
    taken = [faults.take(method, *kinds) for _ in range(times)]
    return ["" if one is None else one.kind for one in taken]


def under(weather: Weather) -> Faults:
    faults = Faults()
    faults.set_weather(weather)
    return faults


def test_the_same_seed_brings_the_same_weather_and_another_seed_another() -> None:
    weather = Weather(seed=7, duplicate=0.2)
    one = struck(under(weather), "message", "duplicate")
    assert one == struck(under(weather), "message", "duplicate")
    assert one != struck(under(Weather(seed=8, duplicate=0.2)), "message", "duplicate")
    assert 15 < one.count("duplicate") < 65


def test_what_happens_to_one_method_does_not_change_what_happens_to_another() -> None:
    weather = Weather(seed=1, ratelimited=0.3)
    alone = struck(under(weather), "chat.update", "ratelimited", times=50)
    faults, mixed = under(weather), []
    for _ in range(50):
        faults.take("reactions.add", "ratelimited")
        mixed += struck(faults, "chat.update", "ratelimited", times=1)
    assert mixed == alone


def test_what_was_done_is_counted_and_stays_to_be_read_when_the_sky_clears() -> None:
    faults = under(Weather(seed=3, error=1.0, drop_ack=0.5))
    struck(faults, "chat.update", "ratelimited", "error", times=10)
    dropped = struck(faults, "message", "drop_ack", times=100).count("drop_ack")
    faults.set_weather(None)
    assert struck(faults, "chat.update", "error", times=10) == [""] * 10
    report = faults.weather_json()
    assert report == {
        "weather": None,
        "done": {"error": 10, "drop_ack": dropped},
        "rolled": {"error": 10, "drop_ack": 100},
    }


def test_a_fault_armed_for_the_moment_comes_before_the_weather() -> None:
    faults = under(Weather(error=1.0))
    faults.arm(Fault(method="chat.update", kind="ratelimited", retry_after=9))
    first = faults.take("chat.update", "ratelimited", "error")
    second = faults.take("chat.update", "ratelimited", "error")
    assert first is not None
    assert (first.kind, first.retry_after) == ("ratelimited", 9)
    assert second is not None
    assert second.kind == "error"


def test_the_weather_leaves_starting_and_interactions_alone() -> None:
    faults = under(Weather(error=1.0, drop_ack=1.0))
    assert faults.take("auth.test", "error") is None
    assert faults.take("apps.connections.open", "error") is None
    assert faults.take("block_actions", "drop_ack", weather=False) is None


@pytest.mark.parametrize("wrong", [{"duplicate": 1.5}, {"reorder": -0.1}, {"hail": 0.5}])
def test_a_weather_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Weather.model_validate(wrong)
