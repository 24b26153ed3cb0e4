"""Owns messages the app writes bit by bit: what their chunks add up to, and when they end.

Slack ends a stream after some minutes, whatever the app thinks; open tasks then look failed.
"""

import asyncio
import copy

from local.slack import conversation
from local.slack.blockkit import check_blocks, name_blocks
from local.slack.blockkit.blocks import MAX_TEXT, text_length
from local.slack.errors import SlackError
from local.slack.state import Json, Message, Stream
from local.slack.workspace import Workspace

MAX_TASKS = 50
_TASK_FIELDS = {"type", "id", "title", "status", "details", "output", "sources"}


def add(stream: Stream, chunks: list[Json]) -> None:
    """Write these at the end; a task or plan that is there already is changed in place.

    Raises:
        SlackError: `invalid_chunks` or `invalid_blocks` for what is no chunk, and
            `msg_blocks_too_long` for too much of it; then nothing was written.
    """
    blocks = copy.deepcopy(stream.blocks)
    text = stream.text
    for chunk in chunks:
        kind = chunk.get("type")
        if kind == "markdown_text":
            text += _add_text(blocks, chunk)
        elif kind == "task_update":
            _add_task(blocks, chunk, in_plan=stream.mode == "plan")
        elif kind == "plan_update":
            _plan(blocks)["title"] = _string(chunk, "title")
        elif kind == "blocks":
            blocks += _own_blocks(chunk)
        else:
            raise SlackError("invalid_chunks", [f"unsupported type: {kind}"])
    check(blocks)
    stream.blocks, stream.text = blocks, text


def check(blocks: list[Json]) -> None:
    """Raises SlackError when a message cannot hold these."""
    problems = [one for one in check_blocks(blocks, "message") if not _beside_plan(one)]
    if problems:
        raise SlackError("invalid_blocks", problems)
    if text_length(blocks) > MAX_TEXT or len(_tasks(blocks)) > MAX_TASKS:
        raise SlackError("msg_blocks_too_long")
    name_blocks(blocks)


def begin(ws: Workspace, message: Message, stream: Stream) -> None:
    """Post the message with what it has so far; from now on it can grow, for a while."""
    message.stream = stream
    show(message)
    stream.first = (message.text, copy.deepcopy(message.blocks or []))
    loop = asyncio.get_running_loop()
    stream.expiry = loop.call_later(ws.limits.stream_seconds, _expire, ws, message)
    conversation.post(ws, message)


def grow(ws: Workspace, message: Message) -> None:
    """Show what was added, to the one person who sees it live."""
    show(message)
    conversation.announce_growth(ws, message)


def end(ws: Workspace, message: Message, more: Json) -> None:
    """Everybody sees all of it; `more` are further fields of the message."""
    stream = message.stream
    if stream is None:
        raise SlackError("message_not_in_streaming_state")
    if stream.expiry is not None:
        stream.expiry.cancel()
    show(message)
    conversation.change(ws, message, {"stream": None, **more}, editor=None)


def end_of_thread(ws: Workspace, channel: str, thread_ts: str) -> list[str]:
    """End all that are under way in this thread, as the Stop button does; their ts."""
    live = [one for one in ws.state.thread(channel, thread_ts) if one.stream is not None]
    for message in live:
        end(ws, message, {})
    return [one.ts for one in live]


def show(message: Message) -> None:
    """What has been streamed becomes what the message holds."""
    if message.stream is not None:
        message.text = message.stream.text
        message.blocks = copy.deepcopy(message.stream.blocks) or None


def _expire(ws: Workspace, message: Message) -> None:
    """Time is over: what was in progress is shown as failed."""
    if message.stream is None or ws.state.message(message.channel, message.ts) is not message:
        return
    for task in _tasks(message.stream.blocks):
        if task["status"] == "in_progress":
            task["status"] = "error"
    end(ws, message, {})


def _add_text(blocks: list[Json], chunk: Json) -> str:
    text = _string(chunk, "text")
    if blocks and blocks[-1]["type"] == "markdown":
        blocks[-1]["text"] += text
    elif text:
        blocks.append({"type": "markdown", "text": text})
    return text


def _add_task(blocks: list[Json], chunk: Json, *, in_plan: bool) -> None:
    unknown = set(chunk) - _TASK_FIELDS
    if unknown:
        raise SlackError("invalid_chunks", [f"invalid additional property: {min(unknown)}"])
    card: Json = {
        "type": "task_card",
        "task_id": _string(chunk, "id"),
        "title": _string(chunk, "title"),
        "status": _string(chunk, "status"),
    }
    for name in ("details", "output"):
        if chunk.get(name):
            card[name] = _rich(_string(chunk, name))
    if chunk.get("sources"):
        card["sources"] = chunk["sources"]
    for task in _tasks(blocks):
        if task["task_id"] == card["task_id"]:
            task.update(card)
            return
    if in_plan:
        _plan(blocks).setdefault("tasks", []).append(card)
    else:
        blocks.append(card)


def _plan(blocks: list[Json]) -> Json:
    for block in blocks:
        if block["type"] == "plan":
            return block
    plan: Json = {"type": "plan", "title": "Plan"}
    blocks.append(plan)
    return plan


def _tasks(blocks: list[Json]) -> list[Json]:
    tasks = [block for block in blocks if block["type"] == "task_card"]
    return tasks + [task for block in blocks for task in block.get("tasks", [])]


def _own_blocks(chunk: Json) -> list[Json]:
    given = chunk.get("blocks")
    if not isinstance(given, list):
        raise SlackError("invalid_chunks", ["missing required field: blocks"])
    problems = check_blocks(given, "message")
    if problems:
        raise SlackError("invalid_blocks", problems)
    return given


def _string(chunk: Json, name: str) -> str:
    value = chunk.get(name)
    if not isinstance(value, str):
        raise SlackError("invalid_chunks", [f"missing required field: {name}"])
    return value


def _rich(text: str) -> Json:
    part = {"type": "text", "text": text}
    section = {"type": "rich_text_section", "elements": [part]}
    return {"type": "rich_text", "elements": [section]}


def _beside_plan(problem: str) -> bool:
    """In a stream the two may stand in one message: Slack put them there itself."""
    return problem.startswith("a plan and a task_card cannot share")
