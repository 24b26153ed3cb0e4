"""When to try again, and what a call cost."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from agent import protocol
from agent.llm import Usage, cost_usd, priced
from agent.llm.failures import retry_after, translate


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-2"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "?", "retry-after": "1"}, 1.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_the_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_is_counted_from_now() -> None:
    later = datetime.fromtimestamp(time.time() + 90, UTC)
    seconds = retry_after({"retry-after": format_datetime(later, usegmt=True)})
    assert seconds is not None
    assert 85 < seconds <= 90


def test_what_is_not_the_sdks_is_not_translated() -> None:
    with pytest.raises(ZeroDivisionError):
        translate(ZeroDivisionError())


USAGE = Usage(input=1_000_000, cached=400_000, cache_write=100_000, output=50_000, reasoning=9)


def test_a_call_is_priced_by_kind_of_token() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    small = Usage(input=1000, cached=400, cache_write=100, output=50)
    assert cost_usd(small, "gpt-6.1-sol", at) == pytest.approx(
        (500 * 2 + 400 * 0.1 + 100 * 2.5 + 50 * 10) / 1e6
    )


def test_a_dated_name_costs_what_its_family_costs() -> None:
    assert cost_usd(USAGE, "gpt-6.1-sol-2026-10-01") == cost_usd(USAGE, "gpt-6.1-sol")


def test_an_unknown_model_is_unpriced_not_free() -> None:
    assert cost_usd(USAGE, "scripted-demo") is None
    assert priced(USAGE, "scripted-demo") == protocol.Usage(
        input=1_000_000,
        cached=400_000,
        cache_write=100_000,
        output=50_000,
        reasoning=9,
        cost_usd=None,
    )
