"""Owns the `Upload` service: how a finished archive gets into a thread, by Slack's external upload.

The bytes never pass here: `begin` gives the caller a single-use address, `finish` shares the file.
"""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from restate import Context, RunOptions, Service

from agent import protocol as p
from bot.replies import Reply
from bot.retries import PROMPT
from bot.slack_api import SlackApi
from bot.views import note

R = TypeVar("R", bound=Reply)

MOST_TRIES = 8
_LONGEST_WAIT_SECONDS = 60.0

_BLOCKS = {
    "file_uploads_disabled": "An admin has switched file uploads off in this workspace.",
    "file_uploads_except_images_disabled": "This workspace takes images only, no other files.",
    "file_type_not_allowed": "This workspace does not take files of this type.",
    "file_upload_size_restricted": "The file is larger than this workspace allows.",
    "storage_limit_reached": "This workspace has no file storage left.",
    "missing_scope": "I was installed without the permission to upload files.",
}
"""Refusals of the file itself, wherever it is to be shown."""
_SENTENCES = _BLOCKS | {
    "channel_not_found": "The channel is not there any more, or I am not in it.",
    "not_in_channel": "I am not a member of this channel.",
    "is_archived": "The channel is archived.",
}


def build_upload(api: SlackApi) -> Service:
    """The Restate service `Upload`, working through `api`."""
    upload = Service(p.UPLOAD, invocation_retry_policy=PROMPT)

    @upload.handler(p.BEGIN_UPLOAD.name)
    async def begin(ctx: Context, start: p.UploadStart) -> p.UploadTicket:
        """Ask Slack for an upload address."""
        ask = partial(api.begin_upload, start)
        reply = await until_clear(ctx, "ask for an upload address", ask, Reply)
        if reply.kind != "done":
            blocked = reply.error in _BLOCKS
            return p.UploadTicket(problem=sentence(reply.error), blocked=blocked)
        return p.UploadTicket(file_id=reply.file_id, upload_url=reply.url)

    @upload.handler(p.FINISH_UPLOAD.name)
    async def finish(ctx: Context, finish: p.UploadFinish) -> p.UploadReceipt:
        """Share the uploaded file in its thread, once."""
        moment = await ctx.run_typed("begin", api.begin)
        shown = note.render(p.NoteBody(text=finish.comment, mentions=finish.mentions))
        safe = finish.model_copy(update={"comment": shown.text if finish.comment else ""})
        share = partial(api.finish_upload, moment.token, safe, since=moment.now)
        reply = await until_clear(ctx, "share the file", share, Reply)
        if reply.kind != "done":
            blocked = reply.error in _BLOCKS
            return p.UploadReceipt(ok=False, error=sentence(reply.error), blocked=blocked)
        return p.UploadReceipt(ok=True)

    return upload


def sentence(error: str) -> str:
    """What people are told when Slack did not take the file."""
    return _SENTENCES.get(error) or f"Slack did not take the file ({error or 'no answer'})."


async def until_clear(
    ctx: Context, name: str, call: Callable[[], Coroutine[Any, Any, R]], kind: type[R]
) -> R:
    """Repeat while Slack is busy or silent, waiting without holding a process."""
    for attempt in range(MOST_TRIES):
        reply = await ctx.run_typed(f"{name} {attempt + 1}", call, RunOptions(type_hint=kind))
        if reply.kind in ("done", "refused") or attempt + 1 == MOST_TRIES:
            break
        wait = max(reply.retry_after, min(2.0**attempt, _LONGEST_WAIT_SECONDS))
        await ctx.sleep(timedelta(seconds=wait), name=f"before try {attempt + 2}")
    return reply
