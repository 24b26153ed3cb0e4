"""Owns handing over the project: archive in the sandbox, bytes straight to Slack, share in the
thread.

The bytes never touch the journal, and Slack's token never leaves the bot: it gives a single-use
upload address, we stream to it, it shares the file. Where the workspace takes no such file, the
thread gets a link to us instead, if the operator allows it. A repeated request id does nothing. A
sandbox that has ended is brought back from its last snapshot first, and the thread is told as of
when.
"""

from dataclasses import dataclass

import aiohttp
import restate
from restate import Context, RunOptions, Service, TerminalError

from agent import calls, events, leases, links, settings
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

UPLOAD_SECONDS = 1500
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
        end = await _hand_over(ctx, request, owner, view.title)
    except (TerminalError, SandboxError) as error:
        if isinstance(error, TerminalError) and is_cancel(error):
            sandbox.release(ctx, thread.key, owner)
            raise
        end = _not(error.message if isinstance(error, TerminalError) else str(error))
    if view.exists and not end.keeps_sandbox:
        sandbox.release(ctx, thread.key, owner)
    if end.note:
        events.show(ctx, thread, f"note:{owner}", 1, p.NoteBody(text=end.note))
    return p.Nothing()


@dataclass(frozen=True)
class _End:
    """How it ended, when not with a file in the thread."""

    note: str = ""
    keeps_sandbox: bool = False
    """Our lease stays until it ends by itself: the note has a link to the sandbox's archive."""


def _not(problem: str) -> _End:
    return _End(note=f"The project could not be handed over. {problem}")


async def _hand_over(ctx: Context, request: p.DownloadRequest, owner: str, title: str) -> _End:
    known: int | None = None
    for attempt in range(1, TRIES + 1):
        lease = await leases.acquire(ctx, request.thread, owner, known)
        known = lease.ref.generation
        if lease.note:
            events.restarted(ctx, request.thread, known, lease.note)
        box = sandbox.SandboxClient(ctx, lease.ref, 0)
        try:
            archive = await box.make_archive(
                f"archive {attempt}",
                request.request_id,
                title,
                settings.current().download_mb << 20,
            )
        except SandboxGone:
            continue  # it ended since it was acquired
        if archive.file_count == 0:
            return _not("It has no files yet.")
        start = p.UploadStart(
            file_name=archive.file_name, size_bytes=archive.size_bytes, team=request.thread.team
        )
        ticket = await calls.call(ctx, p.BEGIN_UPLOAD, None, start)
        if ticket.problem:
            refusal = p.UploadReceipt(ok=False, error=ticket.problem, blocked=ticket.blocked)
            return await _refused(ctx, request, refusal, lease, archive)
        if await _uploaded(ctx, f"upload {attempt}", ticket.upload_url, lease.ref, archive):
            finish = p.UploadFinish(
                file_id=ticket.file_id,
                thread=request.thread,
                title=archive.file_name,
                comment=_words(lease, archive),
                mentions=[request.by.user_id],
            )
            receipt = await calls.call(ctx, p.FINISH_UPLOAD, None, finish)
            return _End() if receipt.ok else await _refused(ctx, request, receipt, lease, archive)
    return _not("It could not be packed and sent: try again in a moment.")


async def _refused(
    ctx: Context,
    request: p.DownloadRequest,
    receipt: p.UploadReceipt,
    lease: sandbox.Lease,
    archive: ArchiveInfo,
) -> _End:
    """Slack did not take the file: where that is a rule of the workspace, give a link."""
    if not receipt.blocked:
        return _not(receipt.error)
    offer = links.Offer(thread=request.thread.key, sandbox=lease.ref, archive=archive)

    async def make() -> links.Link:
        return links.make(offer) if links.possible() else links.Link(url="", until="")

    link = await ctx.run_typed("link", make, RunOptions(type_hint=links.Link))
    if not link.url:
        return _not(
            f"{receipt.error} An operator can set THREADWRIGHT_PUBLIC_URL; then I give a link."
        )
    return _End(
        note=f"{receipt.error} Instead, {_words(lease, archive)} "
        f"[Download the project]({link.url}) until {link.until}.",
        keeps_sandbox=True,
    )


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


def _words(lease: sandbox.Lease, archive: ArchiveInfo) -> str:
    """Says as of when, unless the archive holds everything that was ever done."""
    as_of = ""
    if lease.rolled_back and lease.restored is not None:
        as_of = f" as of {lease.restored.label or 'its last snapshot'}"
    files = "1 file" if archive.file_count == 1 else f"{archive.file_count} files"
    return f"here is the project{as_of}: {files}."


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
