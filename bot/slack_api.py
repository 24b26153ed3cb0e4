"""Owns how durable code calls Slack: each call ends as a value that a journal can hold.

Slack has no idempotency key for a post. So a post that may have happened already is looked for in
the thread first, by the metadata that each of our messages carries. All else is safe to repeat.
"""

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from agent.protocol import PresenceBody, ReactionBody, ThreadRef, UploadFinish, UploadStart
from bot.names import METADATA_TYPE
from bot.views import Rendered

log = logging.getLogger(__name__)

LOOK_BACK_SECONDS = 3600.0
"""How far before the first try a lost post is looked for; covers clocks that differ."""
LOOK_BACK_PAGES = 10
FORGET_TRIES_AFTER = 1000

_TRANSIENT = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_ALREADY_SO = frozenset({"already_reacted", "no_reaction"})


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
    url: str = ""
    file_id: str = ""


class Moment(BaseModel):
    """When an invocation began, and a token that only the process of its first attempt knows."""

    model_config = ConfigDict(frozen=True)

    now: float
    token: str


Call = Callable[[], Coroutine[Any, Any, Reply]]


class SlackApi:
    """Calls of the poster and of uploads. One per process; `client` must not retry by itself."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._tries: OrderedDict[str, set[str]] = OrderedDict()

    async def begin(self) -> Moment:
        """To be journaled once per invocation, before it posts anything."""
        token = secrets.token_hex(8)
        self._tries[token] = set()
        while len(self._tries) > FORGET_TRIES_AFTER:
            self._tries.popitem(last=False)
        return Moment(now=time.time(), token=token)

    def _is_first_try(self, token: str, slot: str) -> bool:
        """False after a crash (the token is not ours) and for a repeated step: look first then."""
        tried = self._tries.get(token)
        if tried is None or slot in tried:
            return False
        tried.add(slot)
        return True

    async def post(
        self,
        token: str,
        thread: ThreadRef,
        slot: str,
        message: Rendered,
        *,
        maybe_posted: bool,
        since: float,
    ) -> Reply:
        """Post into the thread once, however often this is called for the same slot."""
        if maybe_posted or not self._is_first_try(token, slot):
            found = await self._find(thread, since, lambda m: _shows(m, thread, slot))
            if found.kind == "done" and found.ts:
                return found.model_copy(update={"found": True})
            if found.kind in ("limited", "unclear"):
                return found.model_copy(update={"maybe_posted": True})
            if found.kind == "refused":
                log.warning("cannot look for an earlier post: %s", found.error)
        reply = await _outcome(
            self._client.chat_postMessage(
                channel=thread.channel,
                thread_ts=thread.root_ts,
                text=message.text,
                blocks=message.blocks,
                metadata=_metadata(thread, slot),
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return reply.model_copy(update={"maybe_posted": reply.kind == "unclear"})

    async def update(self, thread: ThreadRef, slot: str, ts: str, message: Rendered) -> Reply:
        return await _outcome(
            self._client.chat_update(
                channel=thread.channel,
                ts=ts,
                text=message.text,
                blocks=message.blocks,
                metadata=_metadata(thread, slot),
            )
        )

    async def react(self, thread: ThreadRef, body: ReactionBody) -> Reply:
        call = self._client.reactions_add if body.on else self._client.reactions_remove
        reply = await _outcome(call(channel=thread.channel, timestamp=body.ts, name=body.name))
        return reply.model_copy(update={"kind": "done"}) if reply.error in _ALREADY_SO else reply

    async def set_session(self, thread: ThreadRef, body: PresenceBody) -> Reply:
        """The agent session's status, which brings Slack's own Stop button."""
        return await _outcome(
            self._client.agents_sessions_setStatus(
                channel_id=thread.channel,
                thread_ts=thread.root_ts,
                status=body.state,
                title=body.title[:200] or None,
                initiator_user_id=body.initiator or None,
            )
        )

    async def set_status(self, thread: ThreadRef, body: PresenceBody) -> Reply:
        """The older status line under the thread."""
        text = (body.text or "is working…") if body.state == "processing" else ""
        return await _outcome(
            self._client.assistant_threads_setStatus(
                channel_id=thread.channel, thread_ts=thread.root_ts, status=text
            )
        )

    async def begin_upload(self, start: UploadStart) -> Reply:
        return await _outcome(
            self._client.files_getUploadURLExternal(
                filename=start.file_name, length=start.size_bytes
            )
        )

    async def finish_upload(self, token: str, finish: UploadFinish, *, since: float) -> Reply:
        """Share the uploaded file in the thread once."""
        thread = finish.thread
        if not self._is_first_try(token, finish.file_id):
            found = await self._find(thread, since, lambda m: _has_file(m, finish.file_id))
            if found.kind in ("limited", "unclear") or found.ts:
                return found
        return await _outcome(
            self._client.files_completeUploadExternal(
                files=[{"id": finish.file_id, "title": finish.title}],
                channel_id=thread.channel,
                thread_ts=thread.root_ts,
                initial_comment=finish.comment or None,
            )
        )

    async def _find(
        self, thread: ThreadRef, since: float, wanted: Callable[[Mapping[str, Any]], bool]
    ) -> Reply:
        """`done` with the message's ts, or without one when it is not there."""
        cursor: str | None = None
        for _ in range(LOOK_BACK_PAGES):
            reply, page = await _ask(
                self._client.conversations_replies(
                    channel=thread.channel,
                    ts=thread.root_ts,
                    oldest=f"{since - LOOK_BACK_SECONDS:.6f}",
                    include_all_metadata=True,
                    limit=200,
                    cursor=cursor,
                )
            )
            if reply.kind != "done":
                return reply
            for message in page.get("messages", []):
                if message.get("bot_id") and wanted(message):
                    return reply.model_copy(update={"ts": str(message["ts"])})
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return Reply(kind="done", at=time.time())


def _metadata(thread: ThreadRef, slot: str) -> dict[str, Any]:
    return {"event_type": METADATA_TYPE, "event_payload": {"slot": slot, "thread": thread.key}}


def _shows(message: Mapping[str, Any], thread: ThreadRef, slot: str) -> bool:
    return message.get("metadata") == _metadata(thread, slot)


def _has_file(message: Mapping[str, Any], file_id: str) -> bool:
    return any(file.get("id") == file_id for file in message.get("files") or [])


async def _outcome(call: Awaitable[AsyncSlackResponse]) -> Reply:
    reply, _ = await _ask(call)
    return reply


async def _ask(call: Awaitable[AsyncSlackResponse]) -> tuple[Reply, Mapping[str, Any]]:
    try:
        response = await call
    except SlackApiError as error:
        return _refusal(error), {}
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Reply(kind="unclear", at=time.time(), error=type(error).__name__), {}
    data: Mapping[str, Any] = response.data if isinstance(response.data, dict) else {}
    reply = Reply(
        kind="done",
        at=time.time(),
        ts=str(data.get("ts") or ""),
        url=str(data.get("upload_url") or ""),
        file_id=str(data.get("file_id") or ""),
    )
    return reply, data


def _refusal(error: SlackApiError) -> Reply:
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
