"""Owns response URLs: the app's answers to one interaction, without a token, a few times."""

from aiohttp import web

from local.slack import conversation
from local.slack.arguments import read_arguments
from local.slack.errors import SlackError
from local.slack.methods.content import checked_blocks
from local.slack.state import Json, Message
from local.slack.tickets import ResponseTarget, TicketRefused
from local.slack.workspace import Workspace


async def handle(ws: Workspace, request: web.Request) -> web.Response:
    """Slack answers `ok` as text, and errors as JSON with an HTTP status."""
    try:
        target = ws.responses.use(request.match_info["ticket"])
    except TicketRefused as refused:
        return web.json_response({"ok": False, "error": f"{refused.reason}_url"}, status=404)
    try:
        body = (await read_arguments(request)).values
        respond(ws, target, body)
    except SlackError as error:
        return web.json_response(error.as_json(), status=400)
    return web.Response(text="ok")


def respond(ws: Workspace, target: ResponseTarget, body: Json) -> None:
    """Raises SlackError when what is said cannot be shown."""
    original = _original(ws, target)
    if body.get("delete_original"):
        if original is None:
            raise SlackError("message_not_found")
        conversation.delete(ws, original)
        return
    blocks = checked_blocks(body["blocks"]) if body.get("blocks") else None
    text = str(body.get("text") or "")
    if not text.strip() and not blocks:
        raise SlackError("no_text")
    if body.get("replace_original"):
        if original is None:
            raise SlackError("message_not_found")
        conversation.change(ws, original, {"text": text, "blocks": blocks}, editor=None)
        return
    shared = body.get("response_type") == "in_channel"
    message = Message(
        channel=target.channel,
        ts=ws.state.next_ts(),
        user=ws.state.bot.id,
        bot_id=ws.state.bot_id,
        text=text,
        blocks=blocks,
        thread_ts=_thread(ws, target, body),
        visible_to=None if shared else target.user,
    )
    conversation.post(ws, message)


def _original(ws: Workspace, target: ResponseTarget) -> Message | None:
    """The message that was clicked; only the app's own can be replaced or deleted."""
    if target.message_ts is None:
        return None
    message = ws.state.message(target.channel, target.message_ts)
    return message if message is not None and message.bot_id is not None else None


def _thread(ws: Workspace, target: ResponseTarget, body: Json) -> str | None:
    thread_ts = body.get("thread_ts")
    if thread_ts is None:
        return None
    root = ws.state.message(target.channel, str(thread_ts))
    if root is None or root.thread_ts is not None:
        raise SlackError("thread_not_found")
    return root.ts
