"""Owns `chat.*`: posting, updating and deleting the bot's messages."""

from local.slack import conversation, shapes
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.methods.content import MAX_POSTED, MAX_UPDATED, read_content
from local.slack.state import Json, Message


def post_message(call: Call) -> Json:
    channel = call.channel_to_post_in()
    content = read_content(call)
    thread_ts = call.thread(channel)
    message = call.own_message(content.text[:MAX_POSTED], channel)
    message.thread_ts = thread_ts
    message.blocks = content.blocks
    message.attachments = content.attachments
    message.metadata = content.metadata or None
    message.broadcast = thread_ts is not None and call.args.flag("reply_broadcast")
    conversation.post(call.ws, message)
    return {"channel": channel.id, "ts": message.ts, "message": _shown(call, message)}


def post_ephemeral(call: Call) -> Json:
    channel = call.channel_to_post_in()
    user = call.user()
    if user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = read_content(call)
    message = call.own_message(content.text[:MAX_POSTED], channel)
    message.thread_ts = call.thread(channel)
    message.blocks = content.blocks
    message.attachments = content.attachments
    message.visible_to = user.id
    conversation.post(call.ws, message)
    return {"message_ts": message.ts}


def update(call: Call) -> Json:
    """Text without blocks takes the old blocks away, and only such an edit is marked `(edited)`."""
    channel = call.channel()
    message = call.message(channel, "ts", "message_not_found")
    require_own(call, message, "cant_update_message")
    if message.stream is not None:
        raise SlackError("streaming_state_conflict")
    content = read_content(call)
    if len(content.text) > MAX_UPDATED:
        raise SlackError("msg_too_long")
    fields: Json = {"text": content.text or message.text}
    if content.text or content.blocks is not None:
        fields["blocks"] = content.blocks or None
    if content.attachments is not None:
        fields["attachments"] = content.attachments
    if content.metadata is not None:
        fields["metadata"] = content.metadata or None
    marked = content.text and not content.blocks
    conversation.change(call.ws, message, fields, editor=message.user if marked else None)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": _shown(call, message),
    }


def delete(call: Call) -> Json:
    channel = call.channel()
    message = call.message(channel, "ts", "message_not_found")
    require_own(call, message, "cant_delete_message")
    conversation.delete(call.ws, message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Call) -> Json:
    channel = call.channel()
    message = call.message(channel, "message_ts", "message_not_found")
    return {"channel": channel.id, "permalink": shapes.permalink(call.ws.base_url, message)}


def require_own(call: Call, message: Message, error: str) -> None:
    if message.bot_id != call.install.bot_id:
        raise SlackError(error)


def _shown(call: Call, message: Message) -> Json:
    return shapes.message_json(call.state, message, call.ws.base_url, metadata=True)
