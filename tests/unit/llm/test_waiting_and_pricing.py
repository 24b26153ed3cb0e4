"""When to try again, and what a call cost."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import genai_prices
import pytest

from agent import protocol
from agent.llm import (
    PricesError,
    Turn,
    Usage,
    charged,
    cost_usd,
    load_prices,
    priced,
    rate_usd,
)
from agent.llm.failures import retry_after, translate
from agent.llm.pricing import Prices


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-2"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e12"}, 86_400.0),
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
    assert priced(turn("scripted-demo")) == protocol.Usage(
        input=1_000_000,
        cached=400_000,
        cache_write=100_000,
        output=50_000,
        reasoning=9,
        cost_usd=None,
    )


def turn(model: str, usage: Usage = USAGE) -> Turn:
    return Turn(items=[], stop="end", model=model, usage=usage)


def prices(tmp_path: Path, text: str) -> Prices:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    return load_prices(path)


def test_a_count_that_cannot_be_loses_no_answer() -> None:
    odd = Usage(input=100, cached=80, cache_write=70, output=10)
    assert cost_usd(odd, "gpt-6.1-sol") is None
    assert charged(turn("gpt-6.1-sol", odd), {}, 10.0).assumed_usd > 0


def test_an_unknown_model_is_assumed_to_cost_something_so_that_budgets_hold() -> None:
    usage = priced(charged(turn("scripted-demo"), {}, 10.0))
    assert (usage.cost_usd, usage.known_usd) == (None, 0.0)
    assert usage.assumed_usd == usage.counted_usd == pytest.approx(10.5)


def test_a_charged_turn_keeps_its_price_through_the_journal() -> None:
    made = charged(turn("gpt-6.1-sol"), {}, 10.0)
    replayed = Turn.model_validate(made.model_dump(mode="json", exclude_defaults=True))
    assert priced(replayed).cost_usd == cost_usd(USAGE, "gpt-6.1-sol")
    assert priced(replayed).assumed_usd == 0.0


def test_the_operators_own_prices_go_first_and_hold_for_dated_names(tmp_path: Path) -> None:
    own = prices(
        tmp_path,
        """
        [models."gpt-6.1-sol"]
        input = 1
        cached = 0.5
        output = 4
        [models.mine]
        input = 0
        output = 0
        """,
    )
    expected = pytest.approx((600_000 * 1 + 400_000 * 0.5 + 50_000 * 4) / 1e6)
    for name in ("gpt-6.1-sol", "gpt-6.1-sol-2026-10-01", "gpt-6.1-sol-20261001"):
        assert cost_usd(USAGE, name, own=own) == expected
    assert cost_usd(USAGE, "gpt-6.1-solaris", own=own) is None
    assert cost_usd(USAGE, "gpt-6.1-terra", own=own) == cost_usd(USAGE, "gpt-6.1-terra")
    assert (cost_usd(USAGE, "mine", own=own), rate_usd("mine", own)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.mine]\ninput = 1\n", "the model 'mine' (output): Field required"),
        ("[models.mine]\ninput = -1\noutput = 1\n", "the model 'mine' (input)"),
        ("[models.mine]\ninput = 1\noutput = nan\n", "the model 'mine' (output)"),
        ("[models.mine]\ninput = 1\noutput = 1\ncahced = 1\n", "(cahced): Extra inputs"),
        ("[model.mine]\ninput = 1\n", "wrong at model"),
        ("models = [", "cannot be read"),
    ],
)
def test_prices_that_cannot_be_used_are_refused_in_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(PricesError) as refused:
        prices(tmp_path, text)
    assert said in str(refused.value)
    assert "prices.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_of_prices_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(PricesError, match=r"prices .*nowhere\.toml cannot be read"):
        load_prices(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("model", ["gpt-6.1-sol", "gpt-6-luna", "gpt-5", "gpt-4o"])
@pytest.mark.parametrize("size", [100, 272_000, 272_001, 900_000])
def test_a_call_costs_what_the_known_prices_say(model: str, size: int) -> None:
    usage = Usage(input=size, cached=size // 2, cache_write=size // 10, output=7_000)
    tokens = genai_prices.Usage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output,
    )
    known = genai_prices.calc_price(tokens, model, provider_id="openai")
    assert cost_usd(usage, model) == pytest.approx(float(known.total_price))


def test_a_model_that_is_not_sold_by_tokens_is_unpriced() -> None:
    assert cost_usd(USAGE, "whisper-1") is None
