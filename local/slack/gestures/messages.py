"""Owns what people say: posting (with files), editing, deleting."""

import base64
import binascii
import time
import uuid
from typing import Literal

from pydantic import BaseModel

from local.slack import conversation
from local.slack.errors import Refused
from local.slack.gestures.gesture import Gesture, joined_channel, visible_message
from local.slack.markup import typed_text
from local.slack.state import Channel, Json, Message, StoredFile, User
from local.slack.workspace import Workspace

FileKind = Literal["hosted", "external", "tombstone", "hidden_by_limit", "check_file_info"]


class AttachedFile(BaseModel):
    name: str
    content_base64: str
    kind: FileKind = "hosted"
    """Lying elsewhere, deleted, hidden by a plan's limit, or told in full only by `files.info`."""


class Post(Gesture):
    channel: str
    text: str = ""
    thread_ts: str | None = None
    files: list[AttachedFile] = []
    broadcast: bool = False
    """Also send to the channel; with thread_ts."""

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        channel = joined_channel(ws, user, self.channel)
        _require_writable(ws, channel)
        if not self.text.strip() and not self.files:
            raise Refused("A message needs text or a file.")
        root = self._root(ws, user, channel)
        if self.broadcast and root is None:
            raise Refused("Only a reply in a thread can also be sent to the channel.")
        message = Message(
            channel=channel.id,
            ts=ws.state.next_ts(),
            user=user.id,
            text=typed_text(ws.state, self.text),
            thread_ts=root,
            broadcast=self.broadcast,
            client_msg_id=str(uuid.uuid4()),
            files=[_stored(ws, user, file).id for file in self.files],
        )
        conversation.post(ws, message)
        return {"ts": message.ts}

    def _root(self, ws: Workspace, user: User, channel: Channel) -> str | None:
        """A reply to a reply goes to the same thread, as in Slack's thread pane."""
        if self.thread_ts is None:
            return None
        root = visible_message(ws, user, channel, self.thread_ts)
        return root.thread_ts or root.ts


class Edit(Gesture):
    channel: str
    ts: str
    text: str

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        message = _own_message(ws, user, self.channel, self.ts)
        if not self.text.strip():
            raise Refused("A message cannot be edited to nothing; delete it.")
        fields = {"text": typed_text(ws.state, self.text)}
        conversation.change(ws, message, fields, editor=user.id)
        return {}


class Delete(Gesture):
    channel: str
    ts: str

    async def perform(self, ws: Workspace) -> Json:
        conversation.delete(ws, _own_message(ws, self.person(ws), self.channel, self.ts))
        return {}


def _own_message(ws: Workspace, user: User, channel_id: str, ts: str) -> Message:
    message = visible_message(ws, user, joined_channel(ws, user, channel_id), ts)
    if message.user != user.id or message.tombstone:
        raise Refused(f"{user.name} can only change messages of their own.")
    return message


def _require_writable(ws: Workspace, channel: Channel) -> None:
    home = ws.manifest.features.app_home
    if channel.is_im and (not home.messages_tab_enabled or home.messages_tab_read_only_enabled):
        raise Refused(
            "Sending messages to this app is turned off: its manifest needs "
            "features.app_home with the messages tab enabled and not read-only."
        )


def _stored(ws: Workspace, user: User, attached: AttachedFile) -> StoredFile:
    try:
        content = base64.b64decode(attached.content_base64, validate=True)
    except binascii.Error as error:
        raise Refused(f"The content of {attached.name!r} is not valid base64.") from error
    if not content:
        raise Refused(f"The file {attached.name!r} is empty; Slack takes no empty files.")
    file = StoredFile(
        id=ws.state.next_id("F"),
        name=attached.name,
        title=attached.name,
        user=user.id,
        size=len(content),
        created=int(time.time()),
        content=content,
        complete=True,
        mode="hosted" if attached.kind == "check_file_info" else attached.kind,
        hidden_details=attached.kind == "check_file_info",
    )
    ws.state.files[file.id] = file
    return file
