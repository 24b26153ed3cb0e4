"""Owns handing over the project: archive in the sandbox, bytes straight to Slack, share in the
thread.

The bytes never touch the journal, and Slack's token never leaves the bot: it gives a single-use
upload
address, we stream to it, it shares the file. A repeated request id does nothing.
"""

from datetime import timedelta

import aiohttp
from restate import Context, RunOptions, Service, TerminalError

from agent import calls, events
from agent import protocol as p
from agent.retries import LONG_STEP, PROMPT
from sandbox import client as sandbox
from sandbox.backend import current_backend
from sandbox.durable import is_cancel
from sandbox.errors import SandboxError
from sandbox.protocol import ArchiveInfo, SandboxRef

download = Service(
    p.DOWNLOAD,
    invocation_retry_policy=PROMPT,
    inactivity_timeout=LONG_STEP,
    abort_timeout=LONG_STEP,
)

UPLOAD_SECONDS = 600


@download.handler()
async def run(ctx: Context, request: p.DownloadRequest) -> p.Nothing:
    """Post the project into its thread, or one sentence why not."""
    thread = request.thread
    view = await calls.call(ctx, p.READ_SESSION, thread.key, p.Nothing())
    owner = f"download {request.request_id}"
    try:
        if not view.exists:
            raise TerminalError("I have no project in this thread.")
        lease = await sandbox.acquire(ctx, thread.key, owner)
        problem = await _hand_over(ctx, request, lease.ref, view.title)
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


async def _hand_over(ctx: Context, request: p.DownloadRequest, ref: SandboxRef, title: str) -> str:
    """Returns one sentence when Slack did not take the file, else nothing."""
    box = sandbox.SandboxClient(ctx, ref, 0)
    archive = await box.make_archive("archive", request.request_id, title)
    if archive.file_count == 0:
        return "It has no files yet."
    start = p.UploadStart(
        file_name=archive.file_name, size_bytes=archive.size_bytes, team=request.thread.team
    )
    ticket = await calls.call(ctx, p.BEGIN_UPLOAD, None, start)

    async def upload() -> p.Nothing:
        await _stream(ticket.upload_url, ref, archive)
        return p.Nothing()

    options = RunOptions(type_hint=p.Nothing, max_attempts=3, max_duration=timedelta(minutes=15))
    await ctx.run_typed("upload", upload, options)
    finish = p.UploadFinish(
        file_id=ticket.file_id,
        thread=request.thread,
        title=archive.file_name,
        comment=f"<@{request.by.user_id}> here is the project: {archive.file_count} files.",
    )
    receipt = await calls.call(ctx, p.FINISH_UPLOAD, None, finish)
    return "" if receipt.ok else receipt.error


async def _stream(url: str, ref: SandboxRef, archive: ArchiveInfo) -> None:
    """POST the archive's bytes. Raises on any answer but 200, so that the step is tried again."""
    headers = {
        "content-type": "application/octet-stream",
        "content-length": str(archive.size_bytes),
    }
    timeout = aiohttp.ClientTimeout(total=UPLOAD_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        stream = current_backend().read_archive(ref, archive)
        async with http.post(url, data=stream, headers=headers) as response:
            response.raise_for_status()
