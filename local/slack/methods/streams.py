"""Owns `chat.startStream`, `chat.appendStream`, `chat.stopStream`: messages written bit by bit."""

import time
from typing import Literal, cast, get_args

from local.slack import conversation, shapes, streams
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.methods.chat import require_own
from local.slack.methods.content import checked_blocks, read_metadata
from local.slack.state import AgentSession, Channel, Json, Message, SessionStatus, Stream

MAX_MARKDOWN = 12_000
_MODES = ("timeline", "plan")


def start(call: Call) -> Json:
    """In channels for one person, who alone sees it grow; makes the thread's agent session."""
    channel = call.joined_channel()
    thread_ts = call.thread(channel)
    if thread_ts is None:
        raise SlackError("invalid_arguments", ["missing required field: thread_ts"])
    mode = call.args.text("task_display_mode") or "timeline"
    if mode not in _MODES:
        raise SlackError("invalid_arguments", ["must be one of: timeline, plan"])
    recipient = _recipient(call, channel)
    stream = Stream(recipient, cast(Literal["timeline", "plan"], mode), ("", []), [])
    streams.add(stream, _chunks(call))
    message = call.own_message("", channel)
    message.thread_ts = thread_ts
    streams.begin(call.ws, message, stream)
    _begin_session(call, channel, thread_ts, recipient or "")
    return {"channel": channel.id, "ts": message.ts}


def append(call: Call) -> Json:
    message, stream = _streaming(call)
    chunks = _chunks(call)
    if not chunks:
        raise SlackError("no_text")
    streams.add(stream, chunks)
    streams.grow(call.ws, message)
    return {"channel": message.channel, "ts": message.ts}


def stop(call: Call) -> Json:
    """May add last words, blocks below them, metadata; and set the session's status."""
    message, stream = _streaming(call)
    given = call.args.structure("blocks", "invalid_blocks_format")
    below = [] if given is None else checked_blocks(given)
    metadata = read_metadata(call)
    status = call.args.text("session_status")
    if status is not None and status not in get_args(SessionStatus):
        raise SlackError("invalid_arguments", ["invalid status [json-pointer:/session_status]"])
    streams.add(stream, [*_chunks(call), *([{"type": "blocks", "blocks": below}] if below else [])])
    streams.end(call.ws, message, {} if metadata is None else {"metadata": metadata or None})
    if status is not None and message.thread_ts is not None:
        _set_session(call, message.channel, message.thread_ts, cast(SessionStatus, status))
    shown = shapes.message_json(call.state, message, call.ws.base_url, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": shown}


def _recipient(call: Call, channel: Channel) -> str | None:
    if channel.is_im:
        return None
    user = call.args.required("recipient_user_id", "missing_recipient_user_id")
    team = call.args.required("recipient_team_id", "missing_recipient_team_id")
    if user not in call.state.users:
        raise SlackError("user_not_found")
    if call.state.users[user].team_id != team:
        raise SlackError("team_not_found")
    return user


def _streaming(call: Call) -> tuple[Message, Stream]:
    channel = call.joined_channel()
    message = call.message(channel, "ts", "message_not_found")
    require_own(call, message, "message_not_owned_by_app")
    if message.stream is None:
        raise SlackError("message_not_in_streaming_state")
    return message, message.stream


def _chunks(call: Call) -> list[Json]:
    """Markdown text is short for one chunk of it; the two cannot be sent together."""
    markdown = call.args.text("markdown_text")
    given = call.args.structure("chunks", "invalid_chunks")
    if markdown and given:
        problem = "markdown_text and chunks cannot be sent in the same call"
        raise SlackError("invalid_arguments", [problem])
    if markdown:
        given = [{"type": "markdown_text", "text": markdown}]
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise SlackError("invalid_chunks")
    if sum(len(str(one.get("text", ""))) for one in given) > MAX_MARKDOWN:
        raise SlackError("msg_too_long")
    return given


def _begin_session(call: Call, channel: Channel, thread_ts: str, initiator: str) -> None:
    """Only apps declared as agents have sessions; the others just stream."""
    if call.ws.manifest.features.agent_view is None:
        return
    place = (channel.id, thread_ts)
    if place not in call.state.sessions:
        call.state.sessions[place] = AgentSession(*place, "active", "", initiator)
    _set_session(call, *place, "processing")


def _set_session(call: Call, channel: str, thread_ts: str, status: SessionStatus) -> None:
    session = call.state.sessions.get((channel, thread_ts))
    if session is not None:
        session.status, session.since = status, time.time()
        conversation.announce_session(call.ws, channel, thread_ts)
