"""Owns how a final answer appears bit by bit, in direct messages only: start, append, stop.

In channels only one person would see it grow. The ts is journaled right after the start, and what
goes wrong later is mended by an ordinary edit of that message (`SlackApi.mend_stream`), so the
answer is there once and whole. A start that is refused becomes an ordinary post.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from restate import ObjectContext, RunOptions

from agent.protocol import ResultBody, ThreadRef
from bot.replies import Call, Reply
from bot.slack_api import SlackApi
from bot.slot import Slot
from bot.views import Rendered, mrkdwn, result
from bot.views.result import SUMMARY_CHARS

MOST_PARTS = 6
PART_CHARS = 120


@dataclass(frozen=True)
class Parts:
    """An answer: its text in pieces, and the blocks below."""

    pieces: list[str]
    below: list[dict[str, Any]]

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def is_fresh(slot: Slot) -> bool:
    """Nothing of it was tried yet."""
    return not (slot.ts or slot.maybe_posted or slot.no_stream or slot.tried_at)


def text_of(body: ResultBody) -> str:
    head, summary = result.head(body.outcome), mrkdwn.as_markdown(body.summary, SUMMARY_CHARS)
    return f"**{head}.** {summary}" if head else summary


def parts_of(body: ResultBody, message: Rendered) -> Parts:
    """The first block is the text; the stream brings it instead."""
    text = text_of(body)
    size = max(PART_CHARS, -(-len(text) // MOST_PARTS))
    return Parts([text[i : i + size] for i in range(0, len(text), size)], message.blocks[1:])


class Stream:
    """One answer on its way. `may_call` asks the workspace's budget for a method."""

    def __init__(
        self,
        ctx: ObjectContext,
        api: SlackApi,
        thread: ThreadRef,
        slot: str,
        may_call: Callable[[str], Awaitable[bool]],
    ) -> None:
        self.ctx, self.api, self.thread, self.slot = ctx, api, thread, slot
        self.may_call = may_call

    async def show(self, token: str, parts: Parts, since: float) -> Reply:
        """`done` with the ts when all of it is there. Anything else leaves the rest to the caller:
        with a ts there is a message to be mended, and without one none that we know of."""
        if not parts.text or not await self.may_call("chat.startStream"):
            return Reply(kind="refused", at=since)
        first, *rest = parts.pieces
        begin = partial(
            self.api.start_stream, token, self.thread, self.slot, first, parts.text, since=since
        )
        started = await self._run("chat.startStream", begin)
        if started.kind != "done":
            return started
        if started.found:  # who knows how much of it is there
            return started.model_copy(update={"kind": "unclear"})
        ended = await self._write(started.ts, rest, parts.below)
        return ended.model_copy(update={"ts": started.ts, "maybe_posted": False})

    async def _write(self, ts: str, rest: list[str], below: list[dict[str, Any]]) -> Reply:
        written = 0
        while written < len(rest) and await self.may_call("chat.appendStream"):
            append = partial(self.api.append_stream, self.thread, ts, rest[written])
            reply = await self._run(f"chat.appendStream {written}", append)
            if reply.kind != "done":
                return reply
            written += 1
        if not await self.may_call("chat.stopStream"):
            return Reply(kind="unclear", at=0.0)
        left = "".join(rest[written:])
        return await self._run(
            "chat.stopStream",
            partial(self.api.stop_stream, self.thread, self.slot, ts, left, below),
        )

    async def _run(self, what: str, call: Call) -> Reply:
        return await self.ctx.run_typed(f"{what} {self.slot}", call, RunOptions(type_hint=Reply))
