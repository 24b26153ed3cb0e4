"""Owns what a model call costs: by the operator's own prices, else by those that come with
genai-prices.

A call is priced when it is made and the price stands in its journal entry, so that a replay on
newer prices decides what it decided before.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import TieredPrices
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent import protocol
from agent.llm.types import Turn, Usage

_DATED = re.compile(r"-\d{4}-?\d{2}-?\d{2}")
"""What follows a name to tell its versions apart."""

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PricesError(Exception):
    """A file of prices that cannot be used; one sentence naming the file, the model and the
    problem."""


class Price(BaseModel):
    """Dollars per million tokens. Kinds of input without a price cost what `input` costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Dollars
    output: Dollars
    cached: Dollars | None = None
    cache_write: Dollars | None = None

    def of(self, usage: Usage) -> float:
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        plain = max(usage.input - usage.cached - usage.cache_write, 0)
        return (
            plain * self.input
            + usage.cached * cached
            + usage.cache_write * written
            + usage.output * self.output
        ) / 1e6


class PricesFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    models: dict[str, Price] = {}


Prices = Mapping[str, Price]
"""By the model's name, or that of its family."""


@cache
def load_prices(path: Path | None) -> Prices:
    """The operator's own prices; none for None. Raises PricesError."""
    if path is None:
        return {}
    try:
        return PricesFile.model_validate(tomllib.loads(path.read_text("utf-8"))).models
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PricesError(f"The file of prices {path} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        where = f"for the model {place[1]!r}" if len(place) > 1 else f"at {'.'.join(place)}"
        field = f" ({place[2]})" if len(place) > 2 else ""
        raise PricesError(
            f"The file of prices {path} (THREADWRIGHT_PRICES_FILE) is wrong {where}{field}: "
            f"{first['msg']}; give input and output, and if need be cached and cache_write, in "
            "dollars per million tokens."
        ) from None


def cost_usd(
    usage: Usage, model: str, at: datetime | None = None, own: Prices | None = None
) -> float | None:
    """Dollars of one call; None when nobody knows a price for `model` ("unpriced").

    Args:
        usage: tokens of the call.
        model: name the server answered with (`Turn.model`); dated names match their family.
        at: when the call was made, for dated prices; default now.
        own: prices that go before the known ones.
    """
    price = _own_price(own or {}, model) or _known_price(model, at, usage)
    return None if price is None else price.of(usage)


def rate_usd(model: str, own: Prices | None = None) -> float | None:
    """Dollars of a million tokens, nine in ten of them input, to compare models by."""
    cost = cost_usd(Usage(input=90_000, output=10_000), model, own=own)
    return None if cost is None else cost * 10


def charged(turn: Turn, own: Prices, assumed_usd_per_mtok: float) -> Turn:
    """With what the call has cost; without a known price, what it is assumed to have cost."""
    cost = cost_usd(turn.usage, turn.model, own=own)
    tokens = turn.usage.input + turn.usage.output
    assumed = tokens * assumed_usd_per_mtok / 1e6 if cost is None else 0.0
    return turn.model_copy(update={"cost_usd": cost, "assumed_usd": assumed})


def priced(turn: Turn) -> protocol.Usage:
    """The usage of a charged turn as the rest of the product counts it."""
    return protocol.Usage(
        **turn.usage.model_dump(),
        cost_usd=turn.cost_usd,
        known_usd=turn.cost_usd or 0.0,
        assumed_usd=turn.assumed_usd,
    )


def _own_price(own: Prices, model: str) -> Price | None:
    family = next((name for name in own if _is_dated(name, model)), "")
    return own.get(model) or own.get(family)


def _is_dated(name: str, model: str) -> bool:
    return model.startswith(name) and _DATED.fullmatch(model, len(name)) is not None


def _known_price(model: str, at: datetime | None, usage: Usage) -> Price | None:
    """Of genai-prices, for a call like this: each token of a long one may cost more. None too for a
    count that cannot be.

    Read here rather than by its `calc_price`, which checks its whole table at every call.
    """
    if usage.cached + usage.cache_write > usage.input:
        return None
    try:
        _, known = get_snapshot().find_provider_model(model, None, "openai", None)
    except LookupError:
        return None
    prices = known.get_prices(at or datetime.now(UTC))
    input_, output, cached, cache_write = (
        _rate(getattr(prices, f"{kind}_mtok"), usage.input)
        for kind in ("input", "output", "cache_read", "cache_write")
    )
    if input_ is None or output is None:
        return None
    return Price(input=input_, output=output, cached=cached, cache_write=cache_write)


def _rate(price: Decimal | TieredPrices | None, input_tokens: int) -> float | None:
    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
        price = reached[-1] if reached else price.base
    return None if price is None else float(price)
