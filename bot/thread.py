"""Owns the `Thread` object: the one writer of a Slack thread, exactly once per post.

Events come in any order and as often as they like. What is due is shown by journaled calls to
Slack; the rest waits for one delayed `flush`, or for its `turn` when the workspace's budget is
short. No call can block the key: each ends as a value (`replies.py`), and what follows from it is
decided at the `desk.py`. What to show when is `board.py`; how it looks is `views/`.
"""

from datetime import timedelta

from restate import InvocationRetryPolicy, ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from bot.board import PLAN, slot_name
from bot.desk import Desk
from bot.slack_api import SlackApi
from bot.slot import Slot
from bot.workspace import TURN, Turn

_CAREFUL = InvocationRetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    exponentiation_factor=2.0,
    max_interval=timedelta(seconds=10),
    max_attempts=400,  # about an hour: a bot that is away must not cost what is to be shown
    on_max_attempts="kill",  # one event that cannot be shown must not silence the thread for ever
)


def build_thread(api: SlackApi, *, stream_answers: bool = False) -> VirtualObject:
    """The Restate object `Thread`, showing through `api`. `stream_answers`: final answers in direct
    messages appear bit by bit."""
    thread = VirtualObject(
        p.THREAD,
        state_preload=False,  # a thread keeps a slot for each message it ever showed
        journal_retention=timedelta(minutes=10),
        invocation_retry_policy=_CAREFUL,
    )

    @thread.handler(p.SHOW.name)
    async def show(ctx: ObjectContext, event: p.ThreadEvent) -> p.Nothing:
        """Take one event in, and show what is due. Anyone may send it, in any order."""
        desk = await Desk.open(ctx, api, stream_answers, slot_name(event))
        if await desk.take_in(event):
            await desk.show_due()
            await desk.close(flush)
        return p.Nothing()

    @thread.handler(p.READ_SPENT.name, kind="shared")
    async def spent(ctx: ObjectSharedContext, request: p.SpentRequest) -> p.Spent:
        """What a task has cost by the activity it last told; `status` asks."""
        slot = await ctx.get(f"slot {PLAN}{request.task}", type_hint=Slot)
        return (slot.spent if slot else None) or p.Spent()

    @thread.handler(p.FLUSH.name)
    async def flush(ctx: ObjectContext, _: p.Nothing) -> p.Nothing:
        """Show what has become due. Sent only by this object to itself."""
        desk = await Desk.open(ctx, api, stream_answers)
        desk.board.flush_id = ""
        await desk.show_due()
        await desk.close(flush)
        return p.Nothing()

    @thread.handler(TURN.name)
    async def turn(ctx: ObjectContext, given: Turn) -> p.Nothing:
        """Make one call of the method this thread waited for. Sent only by `Workspace`."""
        desk = await Desk.open(ctx, api, stream_answers)
        desk.turns.add(given.method)
        desk.board.turn(given.method, desk.now)
        await desk.show_due()
        await desk.close(flush)
        return p.Nothing()

    return thread
