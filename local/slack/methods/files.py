"""Owns `files.*`: the external upload in three steps, and what a file is."""

import time

from local.slack import conversation, shapes
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.methods.content import checked_blocks
from local.slack.state import Channel, Json, StoredFile

MAX_FILE_BYTES = 1 << 30


def get_upload_url(call: Call) -> Json:
    name = call.args.required("filename")
    length = call.args.integer("length", 0)
    if length < 1:
        raise SlackError("invalid_arguments", ["must be greater than 0 [json-pointer:/length]"])
    _refuse_as_decided(call, name)
    if length > MAX_FILE_BYTES:
        raise SlackError("file_upload_size_restricted")
    file = StoredFile(
        id=call.state.next_id("F"),
        name=name,
        title=name,
        user=call.bot.id,
        size=length,
        created=int(time.time()),
    )
    call.state.files[file.id] = file
    url = f"{call.ws.base_url}/upload/v1/{call.ws.uploads.issue(file.id)}"
    return {"upload_url": url, "file_id": file.id}


def _refuse_as_decided(call: Call, name: str) -> None:
    """Admins may switch uploads off, or refuse kinds of files."""
    admin = call.ws.admin
    if admin.file_uploads_disabled:
        raise SlackError("file_uploads_disabled")
    if name.rpartition(".")[2].lower() in admin.file_types_refused:
        raise SlackError("file_type_not_allowed")


def complete_upload(call: Call) -> Json:
    """Shares the files when a channel is named. As with Slack, `shares` is not filled in yet."""
    files = _uploaded_files(call)
    channels = _channels(call)
    thread_ts = call.thread(channels[0]) if len(channels) == 1 else None
    comment = call.args.text("initial_comment") or ""
    blocks = None if comment else call.args.structure("blocks", "invalid_blocks_format")
    content = (comment, checked_blocks(blocks) if blocks else None)
    for file, title in files:
        _refuse_as_decided(call, file.name)
        file.complete = True
        file.title = title or file.name
    shown = [
        shapes.file_json(call.state, file, call.ws.base_url) | {"shares": {}, "channels": []}
        for file, _ in files
    ]
    for channel in channels:
        _share(call, channel, thread_ts, [file.id for file, _ in files], content)
    return {"files": shown}


def info(call: Call) -> Json:
    file = call.state.files.get(call.args.required("file", "file_not_found"))
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    bot = call.bot.id
    shared = [call.state.channels[one] for one in file.channels]
    if file.user != bot and not any(bot in channel.members for channel in shared):
        raise SlackError("file_not_found")
    if file.mode == "tombstone":
        raise SlackError("file_deleted")
    return {"file": shapes.file_json(call.state, file, call.ws.base_url), "comments": []}


def _uploaded_files(call: Call) -> list[tuple[StoredFile, str]]:
    given = call.args.structure("files")
    if not isinstance(given, list) or not given:
        raise SlackError("invalid_arguments", ["missing required field: files"])
    files = []
    for one in given:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str):
            raise SlackError("invalid_arguments", ["missing required field: id"])
        file = call.state.files.get(one["id"])
        if file is None or file.content is None or file.complete:
            raise SlackError("file_not_found")
        files.append((file, str(one.get("title") or "")))
    return files


def _channels(call: Call) -> list[Channel]:
    listed = call.args.text("channel_id") or call.args.text("channels") or ""
    channels = []
    for channel_id in filter(None, listed.split(",")):
        channel = call.state.channels.get(channel_id)
        if channel is None:
            raise SlackError("invalid_channel")
        if call.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        channels.append(channel)
    return channels


def _share(
    call: Call,
    channel: Channel,
    thread_ts: str | None,
    file_ids: list[str],
    content: tuple[str, list[Json] | None],
) -> None:
    message = call.own_message(content[0], channel)
    message.blocks = content[1]
    message.thread_ts = thread_ts
    message.files = file_ids
    conversation.post(call.ws, message)
