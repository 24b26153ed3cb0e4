"""Owns what becomes of the model's answer before it is journaled: secrets out, its price in.

A price table or a key that changes later must not change what a replay sees.
"""

from agent import settings
from agent.llm import Turn, charged, load_prices
from agent.secrets import redact
from sandbox.cleaning import cleaned


def received(turn: Turn) -> Turn:
    """For use inside the journaled effect that got the answer."""
    now = settings.current()
    return charged(cleaned(turn, redact), load_prices(now.prices_file), now.assumed_usd_per_mtok)
