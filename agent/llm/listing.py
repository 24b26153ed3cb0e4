"""Owns what the provider says of its models: whether it has them, and until when."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from agent.llm.connection import Connection, Endpoint
from agent.llm.types import Json, LLMError, LLMFatal

_NOTICE = timedelta(days=90)
_SECONDS = 5.0


async def model_warnings(
    at: Endpoint, models: Iterable[str], today: date, *, seconds: float = _SECONDS
) -> list[str]:
    """A sentence for each model that is not listed or soon ends; none when the server lists none.

    Takes `seconds` at most and never fails: many servers have no such list, and one that is down
    may be back when it is needed.
    """
    connection = Connection(at)
    try:
        async with asyncio.timeout(seconds):
            answer, _ = await connection.json("get", "/models")
    except TimeoutError:
        return []
    except LLMError as error:
        refused = isinstance(error, LLMFatal) and error.code in ("auth", "forbidden")
        return [str(error)] if refused else []
    finally:
        await connection.aclose()
    data = answer.get("data")
    entries = data if isinstance(data, list) else []
    listed = [m for m in entries if isinstance(m, dict) and m.get("id")]
    told = (_warning(name, listed, at, today) for name in dict.fromkeys(models) if listed)
    return [warning for warning in told if warning]


def _warning(name: str, listed: list[Json], at: Endpoint, today: date) -> str:
    found = next((m for m in listed if _is(str(m["id"]), name)), None)
    if found is None:
        if at.names_deployments:
            return ""
        return f"The provider does not list the model {name}; check LLM_MODEL and its relatives."
    end = _day(found.get("shutdown_date"))
    if end is None or end - today > _NOTICE:
        return ""
    verb = "ended" if end < today else "ends"
    return f"The provider {verb} the model {name} on {end.isoformat()}; choose another before."


def _is(listed: str, name: str) -> bool:
    """Ollama adds a tag to names without one, Gemini a path before them."""
    return listed in (name, f"{name}:latest") or listed.endswith(f"/{name}")


def _day(given: Any) -> date | None:
    """A date, or seconds since 1970; None for what is neither."""
    try:
        if isinstance(given, str):
            return date.fromisoformat(given[:10])
        return datetime.fromtimestamp(given, UTC).date() if given else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None
