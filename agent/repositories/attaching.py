"""Owns putting a difference that no card can hold into the thread, as a file.

It goes from the sandbox's bundle straight into the file, and is in no journal.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import restate
from restate import Context, RunOptions, TerminalError

from agent import calls
from agent import protocol as p
from agent.repositories import github, showing
from agent.repositories.git import GitProblem, workshop
from agent.repositories.publishing import Examined, named_of, taken
from agent.repositories.record import Record
from sandbox.durable import is_cancel
from sandbox.protocol import SandboxRef

UPLOADS = 3

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


async def attach(
    ctx: Context,
    place: str,
    thread: p.ThreadRef,
    ref: SandboxRef,
    record: Record,
    seen: Examined,
    words: str,
) -> str:
    """Put the whole of what was examined into the thread as a file; its name, or nothing when it
    cannot be had there."""
    name = f"{named_of(record).name}-{seen.commit[:7]}.diff"
    start = p.UploadStart(file_name=name, size_bytes=seen.file_bytes, team=thread.team)
    for attempt in range(1, UPLOADS + 1):
        ticket = await calls.call(ctx, p.BEGIN_UPLOAD, None, start)
        if ticket.problem:
            return ""

        async def send(url: str = ticket.upload_url) -> p.Nothing:
            await _upload(url, ref, record, seen, words)
            return p.Nothing()

        if not await _once(ctx, f"{place}: upload {attempt}", send):
            continue
        finish = p.UploadFinish(
            file_id=ticket.file_id,
            thread=thread,
            title=name,
            comment="here is what would be published, whole.",
        )
        receipt = await calls.call(ctx, p.FINISH_UPLOAD, None, finish)
        return name if receipt.ok else ""
    return ""


async def _upload(url: str, ref: SandboxRef, record: Record, seen: Examined, words: str) -> None:
    """From the bundle, as it was examined."""
    async with workshop() as git:
        change, _ = await taken(git, ref, record)
    if (change.commit, change.fingerprint) != (seen.commit, seen.fingerprint):
        raise GitProblem("What is to be shown has changed meanwhile.")
    async with (
        aiohttp.ClientSession(timeout=github.TIMEOUT) as http,
        http.post(url, data=showing.document(change, words).encode()) as response,
    ):
        response.raise_for_status()


async def _once(
    ctx: Context, place: str, send: Callable[[], Coroutine[Any, Any, p.Nothing]]
) -> bool:
    """One try, since the address is good for one."""
    try:
        await ctx.run_typed(place, send, RunOptions(type_hint=p.Nothing, max_attempts=1))
    except TerminalError as error:
        if is_cancel(error):
            raise
        log.warning("what is to be approved was not put into the thread: %s", error)
        return False
    return True
