"""Owns `agents.sessions.*` and the older `assistant.threads.setStatus`: what the agent is doing."""

import time
from typing import cast, get_args

from local.slack import conversation
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.state import AgentSession, Channel, Json, SessionStatus, StatusLine

MAX_TITLE = 200
MAX_LOADING_MESSAGES = 10
STATUS_LINE_SECONDS = 120.0

NO_STOP_EVENT = "missing_agent_session_stopped_event_subscription"


def set_status(call: Call) -> Json:
    """Creates the session on the first call; title and initiator count only then."""
    channel, thread_ts = _thread(call)
    status = call.args.required("status")
    if status not in get_args(SessionStatus):
        raise SlackError("invalid_arguments", ["invalid status [json-pointer:/status]"])
    title = _checked_title(call.args.text("title") or "")
    session = call.state.sessions.get((channel.id, thread_ts))
    if session is None:
        initiator = call.args.text("initiator_user_id") or ""
        if initiator and initiator not in channel.members:
            raise SlackError("user_not_in_channel")
        session = AgentSession(channel.id, thread_ts, "active", title, initiator)
        call.state.sessions[channel.id, thread_ts] = session
    session.status = cast(SessionStatus, status)
    session.since = time.time()
    conversation.announce_session(call.ws, channel.id, thread_ts)
    answer: Json = {"status": status, "agent_status": status, "title": session.title}
    if not call.ws.manifest.subscribes_to("agent_session_stopped"):
        answer["response_metadata"] = {"warnings": [NO_STOP_EVENT]}
    return answer


def rename(call: Call) -> Json:
    channel, thread_ts = _thread(call)
    title = _checked_title(call.args.required("title"))
    session = call.state.sessions.get((channel.id, thread_ts))
    if session is None:
        raise SlackError("session_not_found")
    session.title = title
    conversation.announce_session(call.ws, channel.id, thread_ts)
    return {"title": title}


def set_status_line(call: Call) -> Json:
    """An empty status takes the line away; so does time, and so does the app's next message."""
    channel = call.joined_channel("channel_id")
    thread_ts = call.thread(channel)
    if thread_ts is None:
        raise SlackError("invalid_arguments", ["missing required field: thread_ts"])
    status = call.args.text("status")
    if status is None:
        raise SlackError("invalid_arguments", ["missing required field: status"])
    loading = call.args.structure("loading_messages")
    if isinstance(loading, list) and len(loading) > MAX_LOADING_MESSAGES:
        problem = f"no more than {MAX_LOADING_MESSAGES} items allowed"
        raise SlackError("invalid_arguments", [f"{problem} [json-pointer:/loading_messages]"])
    if status:
        line = StatusLine(status, time.time() + STATUS_LINE_SECONDS)
        call.state.status_lines[channel.id, thread_ts] = line
    else:
        call.state.status_lines.pop((channel.id, thread_ts), None)
    conversation.announce_session(call.ws, channel.id, thread_ts)
    return {}


def _thread(call: Call) -> tuple[Channel, str]:
    """Only apps declared as agents have sessions, and only in threads."""
    if call.ws.manifest.features.agent_view is None:
        raise SlackError("not_authorized")
    channel = call.joined_channel("channel_id")
    thread_ts = call.thread(channel)
    if thread_ts is None:
        raise SlackError("invalid_arguments", ["missing required field: thread_ts"])
    return channel, thread_ts


def _checked_title(title: str) -> str:
    if len(title) > MAX_TITLE:
        problem = f"must be less than {MAX_TITLE + 1} characters [json-pointer:/title]"
        raise SlackError("invalid_arguments", [problem])
    return title
