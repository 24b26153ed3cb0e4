"""Owns one invocation's work on what a thread shows: take an event in, then show what is due.

Each call to Slack is journaled, if the workspace's budget has room for it; what Slack answered is
decided here: yes, no, not now, or nothing at all.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import restate
from restate import ObjectContext, RunOptions

from agent import calls
from agent import protocol as p
from bot import streaming
from bot.board import PRESENCE_REFRESH_SECONDS, Board, is_passing, slot_name
from bot.replies import Call, Reply
from bot.slack_api import Moment, SlackApi
from bot.slot import Slot
from bot.views import Rendered, render
from bot.workspace import LOCKED_OUT_SECONDS, PAUSE, Pause

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay

BOARD = "board"
LOOK_UP = "conversations.replies"
HELD_SECONDS = 7 * 86_400.0
"""So long the last state of things is kept for a workspace that has removed us."""
PATIENCE_SECONDS = 60.0
"""Beyond what Slack told us to wait, for a turn that is sure to come."""
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
NOWHERE = frozenset(
    {"thread_not_found", "channel_not_found", "not_in_channel", "is_archived", "message_not_found"}
)
LOCKED_OUT = frozenset({"token_revoked", "account_inactive", "invalid_auth", "not_authed"})
TOO_RICH = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
)


class Desk:
    """One invocation's work on the board of its thread."""

    def __init__(self, ctx: ObjectContext, api: SlackApi, moment: Moment, board: Board) -> None:
        self.ctx, self.api, self.board = ctx, api, board
        self.thread = p.ThreadRef.parse(ctx.key())
        self.token, self.now = moment.token, moment.now
        self.turns: set[str] = set()
        """Methods that may be called once without asking."""
        self.streams = False
        self.slots: dict[str, Slot] = {}
        """Those read so far."""

    @classmethod
    async def open(
        cls, ctx: ObjectContext, api: SlackApi, stream_answers: bool, first: str = ""
    ) -> "Desk":
        """`first` is the slot that is needed at once: all that is read comes in one round."""
        kept = ctx.get(BOARD, type_hint=Board)
        slot = ctx.get(f"slot {first}", type_hint=Slot) if first else None
        moment = await ctx.run_typed("begin", api.begin, RunOptions(type_hint=Moment))
        desk = cls(ctx, api, moment, await kept or Board())
        desk.streams = stream_answers and desk.thread.channel.startswith("D")
        if slot is not None:
            desk.slots[first] = await slot or Slot()
        return desk

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
            if face is None or self.board.is_pointless(name, slot):
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
        if name not in self.slots:
            self.slots[name] = await self.ctx.get(f"slot {name}", type_hint=Slot) or Slot()
        return self.slots[name]

    def _keep(self, name: str, slot: Slot) -> None:
        self.ctx.set(f"slot {name}", slot)

    async def _show(self, name: str, slot: Slot, body: p.Body) -> None:
        """One call to Slack for one slot, if the workspace's budget has room for it."""
        if await self._is_streamed(name, slot, body):
            return
        method, call = self._call(name, slot, body)
        looks = method == "chat.postMessage" and slot.maybe_posted
        if looks and not await self._may_call(LOOK_UP, name, slot):
            return
        if not await self._may_call(method, name, slot):
            return
        slot.note_try(self.now)
        options = RunOptions(type_hint=Reply)
        reply = await self.ctx.run_typed(f"{method} {name} v{slot.version}", call, options)
        self.now = max(self.now, reply.at)
        self._settle(name, slot, body, method, reply)

    async def _may_call(self, method: str, name: str, slot: Slot) -> bool:
        """If not, the slot waits for the thread's turn."""
        board = self.board
        if method in self.turns:
            self.turns.remove(method)
            return True
        if board.has_place(name, method, self.now):
            board.wait(name, method)
            return False
        granted = await self._ask(method, urgent=board.pending[name].urgent)
        if granted.wait_seconds <= 0:
            board.places.pop(method, None)
            return True
        board.wait_for_turn(name, method, self.now, granted.wait_seconds)
        held = self.now - board.places[method].since
        if granted.away and (is_passing(slot.body) or held > HELD_SECONDS):
            slot.give_up()
            board.remove(name)
        return False

    async def _ask(self, method: str, *, urgent: bool) -> p.Grant:
        ask = p.GrantRequest(method=method, thread=self.thread.key, urgent=urgent, now=self.now)
        return await calls.call(self.ctx, p.GRANT, self.thread.team, ask)

    async def _is_streamed(self, name: str, slot: Slot, body: p.Body) -> bool:
        """Let an answer appear bit by bit; False when an ordinary call is to be made."""
        if not (self.streams and isinstance(body, p.ResultBody) and streaming.is_fresh(slot)):
            return False
        slot.note_try(self.now)
        message = self._render(slot, body)

        async def may_call(method: str) -> bool:
            return (await self._ask(method, urgent=True)).wait_seconds <= 0

        stream = streaming.Stream(self.ctx, self.api, self.thread, name, may_call)
        reply = await stream.show(self.token, streaming.parts_of(body, message), self.now)
        self.now = max(self.now, reply.at)
        if reply.kind == "done":
            slot.settle_shown(reply.at, reply.ts)
            self.board.spoke_at = reply.at
            self.board.remove(name)
            return True
        slot.no_stream, slot.maybe_posted = True, reply.maybe_posted
        if reply.ts:
            slot.leave_open(reply.ts)
        return False

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
        if slot.ts and slot.open_stream:
            mend = partial(self.api.mend_stream, self.thread, name, slot.ts, message)
            return "chat.update", mend
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
            cursor=slot.cursor,
            begun=streaming.text_of(body)
            if slot.no_stream and isinstance(body, p.ResultBody)
            else "",
        )

    def _render(
        self, slot: Slot, body: p.PlanBody | p.ApprovalBody | p.ResultBody | p.NoteBody
    ) -> Rendered:
        form = self.board.form_of(slot)
        message = render(body, self.thread.key, slot.activity, plain=form != "rich")
        return Rendered(text=message.text) if form == "text" else message

    def _settle(self, name: str, slot: Slot, body: p.Body, method: str, reply: Reply) -> None:
        slot.maybe_posted, slot.cursor = reply.maybe_posted, reply.cursor
        match reply.kind:
            case "done" if reply.found and self._is_out_of_date(slot, reply.ts):
                pass  # still due, as an edit now
            case "done":
                self._settle_done(name, slot, body, method, reply)
            case "limited" if reply.maybe_posted and not reply.error:  # there is more to look at
                slot.not_before = self.now + reply.retry_after
                self.board.postpone(name, slot.not_before)
            case "limited" if reply.maybe_posted:
                self._hold(name, LOOK_UP, reply.retry_after)
            case "limited":
                self._hold(name, method, reply.retry_after)
            case "unclear":
                self._log("Slack gave no clear answer", name, method, reply)
                if slot.back_off(self.now):
                    self.board.postpone(name, slot.not_before)
                else:
                    self._drop(name, slot, method, reply)
            case "refused":
                self._settle_refused(name, slot, body, method, reply)

    def _is_out_of_date(self, slot: Slot, ts: str) -> bool:
        """What an earlier try has posted, or a stream it left open."""
        if slot.no_stream:
            slot.leave_open(ts)
            return True
        return not slot.settle_found(ts)

    def _settle_done(self, name: str, slot: Slot, body: p.Body, method: str, reply: Reply) -> None:
        slot.settle_shown(reply.at, reply.ts if method == "chat.postMessage" else "")
        self.board.remove(name)
        if not is_passing(body):
            self.board.spoke_at = reply.at
        if isinstance(body, p.PresenceBody) and body.state == "processing":
            self.board.add(name, reply.at + PRESENCE_REFRESH_SECONDS, urgent=False)

    def _hold(self, name: str, method: str, seconds: float, *, locked_out: bool = False) -> None:
        """Nobody calls for a while; then this slot is the first to try again."""
        urgent = self.board.pending[name].urgent
        pause = Pause(
            method=method,
            thread=self.thread.key,
            seconds=seconds,
            urgent=urgent,
            locked_out=locked_out,
        )
        calls.send(self.ctx, PAUSE, self.thread.team, pause)
        self.board.wait_for_turn(name, method, self.now, seconds + PATIENCE_SECONDS)

    def _settle_refused(
        self, name: str, slot: Slot, body: p.Body, method: str, reply: Reply
    ) -> None:
        if reply.error in LOCKED_OUT:
            self._log("Slack does not accept our token", name, method, reply)
            self._hold(name, method, LOCKED_OUT_SECONDS, locked_out=True)
            return
        if isinstance(body, p.PresenceBody) and reply.error not in NOWHERE:
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
