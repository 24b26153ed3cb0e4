"""Owns handing over the project: archive in the sandbox, bytes straight to Slack, share in the
thread.

The bytes never touch the journal, and Slack's token never leaves the bot: it gives a single-use
upload address, we stream to it, it shares the file. A repeated request id does nothing. A sandbox
that has ended is brought back from its last snapshot first, and the thread is told as of when.
"""

import aiohttp
import restate
from restate import Context, RunOptions, Service, TerminalError

from agent import calls, events, leases
from agent import protocol as p
from agent.retries import LONG_STEP, PROMPT
from sandbox import client as sandbox
from sandbox.backend import current_backend
from sandbox.durable import is_cancel
from sandbox.errors import SandboxError, SandboxGone
from sandbox.protocol import ArchiveInfo, SandboxRef

download = Service(
    p.DOWNLOAD,
    invocation_retry_policy=PROMPT,
    inactivity_timeout=LONG_STEP,
    abort_timeout=LONG_STEP,
)

UPLOAD_SECONDS = 600
TRIES = 3

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


@download.handler()
async def run(ctx: Context, request: p.DownloadRequest) -> p.Nothing:
    """Post the project into its thread, or one sentence why not."""
    thread = request.thread
    view = await calls.call(ctx, p.READ_SESSION, thread.key, p.Nothing())
    owner = f"download {request.request_id}"
    try:
        if not view.exists:
            raise TerminalError("I have no project in this thread.")
        problem = await _hand_over(ctx, request, owner, view.title)
    except (TerminalError, SandboxError) as error:
        if isinstance(error, TerminalError) and is_cancel(error):
            sandbox.release(ctx, thread.key, owner)
            raise
        problem = error.message if isinstance(error, TerminalError) else str(error)
    if view.exists:
        sandbox.release(ctx, thread.key, owner)
    if problem:
        note = p.NoteBody(text=f"The project could not be handed over. {problem}")
        events.show(ctx, thread, f"note:{owner}", 1, note)
    return p.Nothing()


async def _hand_over(ctx: Context, request: p.DownloadRequest, owner: str, title: str) -> str:
    """Returns one sentence when there was nothing to share or Slack did not take it, else
    nothing."""
    known: int | None = None
    for attempt in range(1, TRIES + 1):
        lease = await leases.acquire(ctx, request.thread, owner, known)
        known = lease.ref.generation
        if lease.note:
            events.restarted(ctx, request.thread, known, lease.note)
        box = sandbox.SandboxClient(ctx, lease.ref, 0)
        try:
            archive = await box.make_archive(f"archive {attempt}", request.request_id, title)
        except SandboxGone:
            continue  # it ended since it was acquired
        if archive.file_count == 0:
            return "It has no files yet."
        start = p.UploadStart(
            file_name=archive.file_name, size_bytes=archive.size_bytes, team=request.thread.team
        )
        ticket = await calls.call(ctx, p.BEGIN_UPLOAD, None, start)
        if await _uploaded(ctx, f"upload {attempt}", ticket.upload_url, lease.ref, archive):
            return await _share(ctx, request, ticket.file_id, archive, _as_of(lease))
    return "It could not be packed and sent: try again in a moment."


async def _share(
    ctx: Context, request: p.DownloadRequest, file_id: str, archive: ArchiveInfo, as_of: str
) -> str:
    finish = p.UploadFinish(
        file_id=file_id,
        thread=request.thread,
        title=archive.file_name,
        comment=f"<@{request.by.user_id}> here is the project{as_of}: {archive.file_count} files.",
    )
    receipt = await calls.call(ctx, p.FINISH_UPLOAD, None, finish)
    return "" if receipt.ok else receipt.error


async def _uploaded(
    ctx: Context, place: str, url: str, ref: SandboxRef, archive: ArchiveInfo
) -> bool:
    """One try, since the address is good for one: the next try asks for another."""

    async def upload() -> p.Nothing:
        await _stream(url, ref, archive)
        return p.Nothing()

    try:
        await ctx.run_typed(place, upload, RunOptions(type_hint=p.Nothing, max_attempts=1))
    except TerminalError as error:
        if is_cancel(error):
            raise
        log.warning("%s of %s failed: %s", place, archive.file_name, error.message)
        return False
    return True


def _as_of(lease: sandbox.Lease) -> str:
    """Empty when the archive holds everything that was ever done."""
    if not lease.rolled_back or lease.restored is None:
        return ""
    return f" as of {lease.restored.label or 'its last snapshot'}"


async def _stream(url: str, ref: SandboxRef, archive: ArchiveInfo) -> None:
    """POST the archive's bytes. Raises on any answer but 200, and when the sandbox ends."""
    headers = {
        "content-type": "application/octet-stream",
        "content-length": str(archive.size_bytes),
    }
    timeout = aiohttp.ClientTimeout(total=UPLOAD_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        stream = current_backend().read_archive(ref, archive)
        async with http.post(url, data=stream, headers=headers) as response:
            response.raise_for_status()
