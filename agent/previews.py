"""Owns what is shown of a sandbox in a browser: `Preview`, one per session and port.

A preview ends at its time, when its server or its sandbox does, or when the port is shown anew.
Then its server is ended, its address is closed as far as the backend can, and its note in the
thread says so. Looking after it holds no process: a delayed send wakes it now and then.
"""

from datetime import UTC, datetime, timedelta

import restate
from pydantic import BaseModel
from restate import ObjectContext, VirtualObject

from agent import events
from agent import protocol as p
from agent.retries import PROMPT
from sandbox import client as sandbox
from sandbox.backend import current_backend
from sandbox.errors import SandboxError, SandboxGone
from sandbox.journal import effect
from sandbox.protocol import Done, SandboxRef

preview = VirtualObject("Preview", invocation_retry_policy=PROMPT)

STATE = "preview"
LONGEST_LOOK_SECONDS = 30.0
LOOKS = 10
"""At least this many during its life."""
STARTED_WITHIN_SECONDS = 120.0
"""Of the step that begins a preview; then it counts as given up."""
ATTEMPTS = 5

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class Opening(p.Wire):
    """What one call of the tool opens."""

    id: str
    thread: p.ThreadRef
    task: str
    title: str
    port: int
    sandbox: SandboxRef
    job: str = ""
    """The server, when it is ours to end."""
    until: float = 0.0
    seconds: float = 3600.0


class Shown(p.Wire):
    id: str
    url: str
    until: float


class Look(p.Wire):
    number: int


class Running(p.Wire):
    running: bool


class PreviewState(BaseModel):
    """Only grows, with defaults."""

    opening: Opening | None = None
    url: str = ""
    """Empty until it is shown."""
    rev: int = 0
    """Of the notes, over all openings."""
    looks: int = 0
    """Armed so far; only the last one counts."""


def key(thread: p.ThreadRef, port: int) -> str:
    return f"{thread.key}/{port}"


def holder(port: int) -> str:
    """Who holds the sandbox's lease."""
    return f"preview of port {port}"


@preview.handler()
async def begin(ctx: ObjectContext, opening: Opening) -> p.Nothing:
    """A step is about to show this port: what was shown on it before ends now."""
    state = await _state(ctx)
    if state.opening is not None and state.opening.id != opening.id:
        state = await _end(ctx, state, "was opened anew")
    state.opening = opening
    _arm(ctx, state, STARTED_WITHIN_SECONDS)
    return p.Nothing()


@preview.handler()
async def show(ctx: ObjectContext, shown: Shown) -> p.Nothing:
    """It answers: tell the thread."""
    state = await _state(ctx)
    opening = state.opening
    if opening is None or opening.id != shown.id:
        return p.Nothing()
    state.opening = opening = opening.model_copy(update={"until": shown.until})
    state.url = shown.url
    text = f"Preview of [{opening.title}]({shown.url}), until {clock(shown.until)}."
    _note(ctx, state, text)
    _arm(ctx, state, _pause(opening))
    return p.Nothing()


@preview.handler()
async def close(ctx: ObjectContext, shown: Shown) -> p.Nothing:
    """The step could not show it after all, or does not want to any more."""
    state = await _state(ctx)
    if state.opening is not None and state.opening.id == shown.id:
        _store(ctx, await _end(ctx, state, "was closed"))
    return p.Nothing()


@preview.handler()
async def look(ctx: ObjectContext, wanted: Look) -> p.Nothing:
    """The timer: end it when it is time or nothing is behind it; else look again later."""
    state = await _state(ctx)
    opening = state.opening
    if opening is None or wanted.number != state.looks:
        return p.Nothing()
    if not state.url:
        _store(ctx, await _end(ctx, state, "was closed"))
    elif await events.now(ctx) >= opening.until:
        _store(ctx, await _end(ctx, state, "has expired"))
    elif not await _is_running(ctx, opening):
        _store(ctx, await _end(ctx, state, "has ended: its server or its sandbox was stopped"))
    else:
        left = opening.until - await events.now(ctx)
        _arm(ctx, state, min(_pause(opening), max(left, 0.0)))
    return p.Nothing()


def clock(at: float) -> str:
    """For people: `14:32 UTC`."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M UTC")


async def _state(ctx: ObjectContext) -> PreviewState:
    return await ctx.get(STATE, type_hint=PreviewState) or PreviewState()


def _store(ctx: ObjectContext, state: PreviewState) -> None:
    ctx.set(STATE, state)


def _arm(ctx: ObjectContext, state: PreviewState, seconds: float) -> None:
    state.looks += 1
    _store(ctx, state)
    ctx.object_send(
        look, ctx.key(), Look(number=state.looks), send_delay=timedelta(seconds=seconds)
    )


def _pause(opening: Opening) -> float:
    return min(LONGEST_LOOK_SECONDS, opening.seconds / LOOKS)


def _note(ctx: ObjectContext, state: PreviewState, text: str) -> None:
    opening = state.opening
    assert opening is not None
    state.rev += 1
    slot = f"note:preview:{opening.task}:{opening.port}"
    events.show(ctx, opening.thread, slot, state.rev, p.NoteBody(text=text))


async def _is_running(ctx: ObjectContext, opening: Opening) -> bool:
    """False only for what certainly ended: a backend in trouble says nothing about the server."""

    async def ask() -> Running:
        backend = current_backend()
        if not opening.job:
            await backend.expose(opening.sandbox, opening.port)
            return Running(running=True)
        job = await backend.poll(opening.sandbox, opening.job, 0, 0, 0)
        return Running(running=job.exit_code is None and not job.lost)

    try:
        return (await effect(ctx, "look", ask, Running, ATTEMPTS)).running
    except SandboxGone:
        return False
    except SandboxError as error:
        log.warning("a preview could not be looked at: %s", error, extra={"preview": ctx.key()})
        return True


async def _end(ctx: ObjectContext, state: PreviewState, how: str) -> PreviewState:
    """What is left once the preview is over; its note says how it ended."""
    opening = state.opening
    assert opening is not None

    async def end() -> Done:
        backend = current_backend()
        if opening.job:
            await backend.cancel(opening.sandbox, opening.job)
        await backend.hide(opening.sandbox, opening.port)
        return Done()

    try:
        await effect(ctx, "end", end, Done, ATTEMPTS)
    except SandboxGone:
        pass  # and with it all that was shown
    except SandboxError as error:
        # The server's own time limit ends it soon after.
        log.warning("a preview was not closed: %s", error, extra={"preview": ctx.key()})
    sandbox.release(ctx, opening.thread.key, holder(opening.port))
    if state.url:
        _note(ctx, state, f"The preview of {opening.title} {how}. Ask for it to open it again.")
    return state.model_copy(update={"opening": None, "url": ""})
