"""Owns the `Thread` object: the one writer of a Slack thread, exactly once per post.

Events come in any order and as often as they like. What is due is shown by journaled calls to
Slack; the rest waits for one delayed `flush`. No call can block the key: each ends as a value, and
Slack saying no, not now, or nothing at all is decided here. What to show when is `board.py`; how it
looks is `views/`.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import restate
from restate import InvocationRetryPolicy, ObjectContext, RunOptions, VirtualObject

from agent import protocol as p
from bot.board import PRESENCE_REFRESH_SECONDS, Board, Slot, slot_name
from bot.slack_api import Call, Moment, Reply, SlackApi
from bot.views import Rendered, render
from bot.workspace import Pause, grant, pause

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay

BOARD = "board"
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
TOO_RICH = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
)
_CAREFUL = InvocationRetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    exponentiation_factor=2.0,
    max_interval=timedelta(seconds=10),
    max_attempts=12,
    on_max_attempts="kill",  # one event that cannot be shown must not silence the thread
)


def build_thread(api: SlackApi) -> VirtualObject:
    """The Restate object `Thread`, showing through `api`."""
    thread = VirtualObject(
        p.THREAD,
        state_preload=False,  # a thread keeps a slot for each message it ever showed
        journal_retention=timedelta(minutes=10),
        invocation_retry_policy=_CAREFUL,
    )

    @thread.handler(p.SHOW.name)
    async def show(ctx: ObjectContext, event: p.ThreadEvent) -> p.Nothing:
        """Take one event in, and show what is due. Anyone may send it, in any order."""
        desk = await _Desk.open(ctx, api)
        if await desk.take_in(event):
            await desk.show_due()
            await desk.close(flush)
        return p.Nothing()

    @thread.handler(p.FLUSH.name)
    async def flush(ctx: ObjectContext, _: p.Nothing) -> p.Nothing:
        """Show what has become due. Sent only by this object to itself."""
        desk = await _Desk.open(ctx, api)
        desk.board.flush_id = ""
        await desk.show_due()
        await desk.close(flush)
        return p.Nothing()

    return thread


class _Desk:
    """One invocation's work on the board of its thread."""

    def __init__(self, ctx: ObjectContext, api: SlackApi, moment: Moment, board: Board) -> None:
        self.ctx, self.api, self.board = ctx, api, board
        self.thread = p.ThreadRef.parse(ctx.key())
        self.token, self.now = moment.token, moment.now

    @classmethod
    async def open(cls, ctx: ObjectContext, api: SlackApi) -> "_Desk":
        board = await ctx.get(BOARD, type_hint=Board) or Board()
        return cls(ctx, api, await ctx.run_typed("begin", api.begin), board)

    async def take_in(self, event: p.ThreadEvent) -> bool:
        name = slot_name(event)
        slot = await self._slot(name)
        changed = slot.accept(self.board.as_shown(event))
        self._keep(name, slot)
        if changed:
            self.board.add(name, slot.due_at(self.now, event.urgent), event.urgent)
        return changed

    async def show_due(self) -> None:
        while (name := self.board.next_due(self.now)) is not None:
            slot = await self._slot(name)
            face = slot.face
            if face is None or self._is_mute(face):
                slot.give_up()
                self.board.remove(name)
            else:
                await self._show(name, slot, face)
            self._keep(name, slot)

    async def close(
        self, flush: Callable[[ObjectContext, p.Nothing], Awaitable[p.Nothing]]
    ) -> None:
        """Store the board and see to it that a flush comes when the next thing is due."""
        board, at = self.board, self.board.wake_at()
        if board.flush_id and (at is None or at < board.flush_at):
            self.ctx.cancel_invocation(board.flush_id)
            board.flush_id = ""
        if at is not None and not board.flush_id:
            delay = timedelta(seconds=max(0.001, at - self.now))
            handle = self.ctx.object_send(flush, self.ctx.key(), p.Nothing(), send_delay=delay)
            board.flush_id, board.flush_at = await handle.invocation_id(), at
        self.ctx.set(BOARD, board)

    async def _slot(self, name: str) -> Slot:
        return await self.ctx.get(f"slot {name}", type_hint=Slot) or Slot()

    def _keep(self, name: str, slot: Slot) -> None:
        self.ctx.set(f"slot {name}", slot)

    def _is_mute(self, body: p.Body) -> bool:
        return isinstance(body, p.PresenceBody) and self.board.presence_via == "none"

    async def _show(self, name: str, slot: Slot, body: p.Body) -> None:
        """One call to Slack for one slot, if the workspace's budget has room for it."""
        urgent = self.board.pending[name].urgent
        method, call = self._call(name, slot, body)
        ask = p.GrantRequest(method=method, thread=self.thread.key, urgent=urgent)
        granted = await self.ctx.object_call(grant, self.thread.team, ask)
        if granted.wait_seconds > 0:
            self.board.postpone(name, self.now + granted.wait_seconds)
            return
        slot.note_try(self.now)
        options = RunOptions(type_hint=Reply)
        reply = await self.ctx.run_typed(f"{method} {name} v{slot.version}", call, options)
        self.now = max(self.now, reply.at)
        self._settle(name, slot, body, method, reply)

    def _call(self, name: str, slot: Slot, body: p.Body) -> tuple[str, Call]:
        """Slack's method for this body, and the call itself."""
        match body:
            case p.ReactionBody():
                method = "reactions.add" if body.on else "reactions.remove"
                return method, partial(self.api.react, self.thread, body)
            case p.PresenceBody():
                if self.board.presence_via == "sessions":
                    set_session = partial(self.api.set_session, self.thread, body)
                    return "agents.sessions.setStatus", set_session
                return "assistant.threads.setStatus", partial(
                    self.api.set_status, self.thread, body
                )
            case p.ActivityBody():
                raise ValueError("an activity has no message of its own")
        message = self._render(slot, body)
        if slot.ts:
            return "chat.update", partial(self.api.update, self.thread, name, slot.ts, message)
        return "chat.postMessage", partial(
            self.api.post,
            self.token,
            self.thread,
            name,
            message,
            maybe_posted=slot.maybe_posted,
            since=slot.tried_at or self.now,
        )

    def _render(
        self, slot: Slot, body: p.PlanBody | p.ApprovalBody | p.ResultBody | p.NoteBody
    ) -> Rendered:
        form = self.board.form_of(slot)
        message = render(body, self.thread.key, slot.activity, plain=form != "rich")
        return Rendered(text=message.text) if form == "text" else message

    def _settle(self, name: str, slot: Slot, body: p.Body, method: str, reply: Reply) -> None:
        slot.maybe_posted = reply.maybe_posted
        match reply.kind:
            case "done" if reply.found and not slot.settle_found(reply.ts):
                pass  # still due, as an edit now
            case "done":
                slot.settle_shown(reply.at, reply.ts if method == "chat.postMessage" else "")
                self.board.remove(name)
                if isinstance(body, p.PresenceBody) and body.state == "processing":
                    self.board.add(name, reply.at + PRESENCE_REFRESH_SECONDS, urgent=False)
            case "limited":
                slot.not_before = self.now + reply.retry_after
                self.board.postpone(name, slot.not_before)
                held = Pause(method=method, thread=self.thread.key, seconds=reply.retry_after)
                self.ctx.object_send(pause, self.thread.team, held)
            case "unclear":
                self._log("Slack gave no clear answer", name, method, reply)
                if slot.back_off(self.now):
                    self.board.postpone(name, slot.not_before)
                else:
                    self._drop(name, slot, method, reply)
            case "refused":
                self._settle_refused(name, slot, body, method, reply)

    def _settle_refused(
        self, name: str, slot: Slot, body: p.Body, method: str, reply: Reply
    ) -> None:
        if isinstance(body, p.PresenceBody):
            self.board.next_presence()  # older workspaces: the next best way, still due
            return
        if reply.error in TOO_RICH and self.board.plainer(slot):
            return
        slot.gone = reply.error in GONE and method == "chat.update"
        self._drop(name, slot, method, reply)

    def _drop(self, name: str, slot: Slot, method: str, reply: Reply) -> None:
        self._log("given up showing", name, method, reply)
        slot.give_up()
        self.board.remove(name)

    def _log(self, what: str, name: str, method: str, reply: Reply) -> None:
        place = f"{name} in {self.thread.key}"
        log.warning("%s: %s of %s (%s)", what, method, place, reply.error)
