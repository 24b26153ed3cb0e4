"""Owns how one call to Slack ends: as a value that a journal can hold, never as an exception."""

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

log = logging.getLogger(__name__)

_TRANSIENT = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_NO_STOP_EVENT = "missing_agent_session_stopped_event_subscription"
_said: set[str] = set()


class Reply(BaseModel):
    """How a call to Slack ended."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["done", "refused", "limited", "unclear"]
    """refused: asking again is no use. limited: not done, ask later. unclear: it may be done."""
    at: float
    """Unix seconds at the end of the call."""
    ts: str = ""
    """Of the message posted."""
    error: str = ""
    retry_after: float = 0.0
    found: bool = False
    """An earlier try had posted it; which version of the message is there is not said."""
    maybe_posted: bool = False
    """The next try of this post must look for it first."""
    cursor: str = ""
    """Where looking goes on: Slack may let some apps read no more than 15 messages a minute."""
    url: str = ""
    file_id: str = ""


Call = Callable[[], Coroutine[Any, Any, Reply]]


async def outcome(call: Awaitable[AsyncSlackResponse]) -> Reply:
    """How a call ended, as a value; never raises for what Slack or the network did."""
    reply, _ = await ask(call)
    return reply


async def ask(call: Awaitable[AsyncSlackResponse]) -> tuple[Reply, Mapping[str, Any]]:
    """The same, with Slack's answer; empty unless `done`."""
    try:
        response = await call
    except SlackApiError as error:
        return refusal(error), {}
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Reply(kind="unclear", at=time.time(), error=type(error).__name__), {}
    data: Mapping[str, Any] = response.data if isinstance(response.data, dict) else {}
    _heed(data)
    reply = Reply(
        kind="done",
        at=time.time(),
        ts=str(data.get("ts") or ""),
        url=str(data.get("upload_url") or ""),
        file_id=str(data.get("file_id") or ""),
    )
    return reply, data


def _heed(answer: Mapping[str, Any]) -> None:
    """Say once what Slack only whispers: without this event its Stop button does nothing."""
    warnings = (answer.get("response_metadata") or {}).get("warnings") or []
    if _NO_STOP_EVENT in warnings and _NO_STOP_EVENT not in _said:
        _said.add(_NO_STOP_EVENT)
        log.warning(
            "The Slack app does not subscribe to agent_session_stopped, so its Stop button does "
            "nothing: bring the app's settings up to date with `python -m bot manifest`."
        )


def refusal(error: SlackApiError) -> Reply:
    """How a call ended that Slack answered with anything but yes."""
    response: Any = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    said = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or said in ("ratelimited", "rate_limited"):
        seconds = _retry_after(getattr(response, "headers", {}))
        return Reply(kind="limited", at=time.time(), error="ratelimited", retry_after=seconds)
    if status >= 500 or not said or said in _TRANSIENT:
        return Reply(kind="unclear", at=time.time(), error=said or f"HTTP {status}")
    return Reply(kind="refused", at=time.time(), error=said)


def _retry_after(headers: Mapping[str, str]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after" and str(value).isdigit():
            return max(1.0, float(value))
    return 30.0
