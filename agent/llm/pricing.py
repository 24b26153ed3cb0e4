"""Owns what a model call costs, by the price table shipped with genai-prices.

Costs are computed from the journaled usage, outside the model step, so that a replay never calls
out.
"""

from datetime import datetime

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from agent import protocol
from agent.llm.types import Usage


def cost_usd(usage: Usage, model: str, at: datetime | None = None) -> float | None:
    """Dollars of one call; None when the table has no price for `model` ("unpriced").

    Args:
        usage: tokens of the call.
        model: name the server answered with (`Turn.model`); dated names match their family.
        at: when the call was made, for dated prices; default now.
    """
    tokens = PricedUsage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output,
    )
    try:
        price = calc_price(tokens, model, provider_id="openai", genai_request_timestamp=at)
    except LookupError:
        return None
    return float(price.total_price)


def priced(usage: Usage, model: str, at: datetime | None = None) -> protocol.Usage:
    """The usage as the rest of the product counts it, with its cost."""
    cost = cost_usd(usage, model, at)
    return protocol.Usage(**usage.model_dump(), cost_usd=cost, known_usd=cost or 0.0)
