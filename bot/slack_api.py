"""Owns how durable code calls Slack: each call ends as a value that a journal can hold.

Slack has no idempotency key for a post. So a post that may have happened already is looked for in
the thread first, by the metadata that each of our messages carries. All else is safe to repeat.
"""

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from slack_sdk.web.async_client import AsyncWebClient

from agent.protocol import PresenceBody, ReactionBody, ThreadRef, UploadFinish, UploadStart
from bot.names import METADATA_TYPE
from bot.replies import Reply, ask, outcome
from bot.views import Rendered

log = logging.getLogger(__name__)

LOOK_BACK_SECONDS = 300.0
"""How far before the first try a lost post is looked for; covers clocks that differ."""
LOOK_BACK_PAGES = 10
"""Looked through in one go; what is left comes with the next try."""
LOOK_ON_SECONDS = 1.0
FORGET_TRIES_AFTER = 20_000

_ALREADY_SO = frozenset({"already_reacted", "no_reaction"})


class Moment(BaseModel):
    """When an invocation began, and a token that only the process of its first attempt knows."""

    model_config = ConfigDict(frozen=True)

    now: float
    token: str


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
        cursor: str = "",
        begun: str = "",
    ) -> Reply:
        """Post into the thread once, however often this is called for the same slot.

        Args:
            cursor: where an earlier look for the post left off.
            begun: text that an earlier try may have begun to stream.
        """
        if maybe_posted or not self._is_first_try(token, slot):

            def wanted(shown: Mapping[str, Any]) -> bool:
                return _shows(shown, thread, slot) or _begins(shown, begun)

            if (earlier := await self._earlier(thread, since, wanted, cursor)) is not None:
                return earlier
        reply = await outcome(
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
        return await outcome(
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
        reply = await outcome(call(channel=thread.channel, timestamp=body.ts, name=body.name))
        return reply.model_copy(update={"kind": "done"}) if reply.error in _ALREADY_SO else reply

    async def set_session(self, thread: ThreadRef, body: PresenceBody) -> Reply:
        """The agent session's status, which brings Slack's own Stop button."""

        async def call(initiator: str) -> Reply:
            return await outcome(
                self._client.agents_sessions_setStatus(
                    channel_id=thread.channel,
                    thread_ts=thread.root_ts,
                    status=body.state,
                    title=body.title[:200] or None,
                    initiator_user_id=initiator or None,
                )
            )

        reply = await call(body.initiator)
        unknown = reply.error in ("user_not_in_channel", "user_not_found")
        return await call("") if body.initiator and unknown else reply

    async def set_status(self, thread: ThreadRef, body: PresenceBody) -> Reply:
        """The older status line under the thread."""
        text = {"processing": body.text or "is working…", "suspended": body.text}.get(
            body.state, ""
        )
        return await outcome(
            self._client.assistant_threads_setStatus(
                channel_id=thread.channel, thread_ts=thread.root_ts, status=text
            )
        )

    async def begin_upload(self, start: UploadStart) -> Reply:
        return await outcome(
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
        return await outcome(
            self._client.files_completeUploadExternal(
                files=[{"id": finish.file_id, "title": finish.title}],
                channel_id=thread.channel,
                thread_ts=thread.root_ts,
                initial_comment=finish.comment or None,
            )
        )

    async def start_stream(
        self, token: str, thread: ThreadRef, slot: str, first: str, text: str, *, since: float
    ) -> Reply:
        """Begin a message that is written bit by bit, once. `text` is what it is to be."""
        if not self._is_first_try(token, slot):
            earlier = await self._earlier(thread, since, lambda m: _begins(m, text))
            if earlier is not None:
                return earlier
        reply = await outcome(
            self._client.chat_startStream(
                channel=thread.channel, thread_ts=thread.root_ts, markdown_text=first
            )
        )
        return reply.model_copy(update={"maybe_posted": reply.kind == "unclear"})

    async def append_stream(self, thread: ThreadRef, ts: str, more: str) -> Reply:
        return await outcome(
            self._client.chat_appendStream(channel=thread.channel, ts=ts, markdown_text=more)
        )

    async def stop_stream(
        self, thread: ThreadRef, slot: str, ts: str, rest: str, below: list[dict[str, Any]]
    ) -> Reply:
        return await outcome(
            self._client.chat_stopStream(
                channel=thread.channel,
                ts=ts,
                markdown_text=rest or None,
                blocks=below or None,
                metadata=_metadata(thread, slot),
                session_status="active",
            )
        )

    async def mend_stream(self, thread: ThreadRef, slot: str, ts: str, message: Rendered) -> Reply:
        """End a stream that may still be open, and give the message its whole content."""
        await outcome(self._client.chat_stopStream(channel=thread.channel, ts=ts))
        reply = await self.update(thread, slot, ts, message)
        if reply.error == "streaming_state_conflict":  # the end was not taken: not over yet
            return reply.model_copy(update={"kind": "unclear"})
        return reply

    async def _earlier(
        self,
        thread: ThreadRef,
        since: float,
        wanted: Callable[[Mapping[str, Any]], bool],
        cursor: str = "",
    ) -> Reply | None:
        """What is answered in place of a post: that it is there, or cannot be looked for now. None
        where it has to be made."""
        found = await self._find(thread, since, wanted, cursor)
        if found.kind == "done" and found.ts:
            return found.model_copy(update={"found": True})
        if found.kind in ("limited", "unclear"):
            return found.model_copy(update={"maybe_posted": True})
        if found.kind == "refused":
            log.warning("cannot look for an earlier post: %s", found.error)
        return None

    async def _find(
        self,
        thread: ThreadRef,
        since: float,
        wanted: Callable[[Mapping[str, Any]], bool],
        cursor: str = "",
    ) -> Reply:
        """`done` with the message's ts, or without one when it is not there."""
        for _ in range(LOOK_BACK_PAGES):
            reply, page = await ask(
                self._client.conversations_replies(
                    channel=thread.channel,
                    ts=thread.root_ts,
                    oldest=f"{since - LOOK_BACK_SECONDS:.6f}",
                    include_all_metadata=True,
                    limit=200,
                    cursor=cursor or None,
                )
            )
            if reply.kind == "refused" and reply.error == "invalid_cursor" and cursor:
                return await self._find(thread, since, wanted)
            if reply.kind != "done":
                return reply.model_copy(update={"cursor": cursor})
            for message in page.get("messages", []):
                if message.get("bot_id") and wanted(message):
                    return reply.model_copy(update={"ts": str(message["ts"])})
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return Reply(kind="done", at=time.time())
        return Reply(kind="limited", at=time.time(), retry_after=LOOK_ON_SECONDS, cursor=cursor)


def _metadata(thread: ThreadRef, slot: str) -> dict[str, Any]:
    return {"event_type": METADATA_TYPE, "event_payload": {"slot": slot, "thread": thread.key}}


def _shows(message: Mapping[str, Any], thread: ThreadRef, slot: str) -> bool:
    return message.get("metadata") == _metadata(thread, slot)


def _begins(message: Mapping[str, Any], text: str) -> bool:
    """A stream of this text that was begun and not ended: only its end brings metadata."""
    there = str(message.get("text") or "").strip()
    return not message.get("metadata") and bool(there) and text.startswith(there)


def _has_file(message: Mapping[str, Any], file_id: str) -> bool:
    return any(file.get("id") == file_id for file in message.get("files") or [])
