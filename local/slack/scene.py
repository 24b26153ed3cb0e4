"""Owns the scene the samples are about: a thread of ana, ben and the bot, a modal, a home."""

import time
import uuid
from dataclasses import dataclass, field

from local.slack import modals, seed
from local.slack.blockkit import name_blocks
from local.slack.blockkit.values import values_of
from local.slack.state import Json, Message, StoredFile, View
from local.slack.workspace import Workspace

CHANNEL = "C0BUILD"
_ENTERED: Json = {"n": {"note": {"type": "plain_text_input", "value": "with tests"}}}
MENTION = f"<@{seed.BOT.id}>"


@dataclass
class Scene:
    """A thread in which ana and the bot have talked, a modal and a home."""

    ws: Workspace
    root: Message = field(init=False)
    reply: Message = field(init=False)
    ours: Message = field(init=False)
    whisper: Message = field(init=False)
    modal: View = field(init=False)
    home: View = field(init=False)

    def __post_init__(self) -> None:
        self.root = self.say(f"{MENTION} build a small URL shortener")
        self.reply = self.say("with tests, please", user="U0BEN", thread_ts=self.root.ts)
        self.ours = self.bot_says(thread_ts=self.root.ts)
        self.whisper = self.bot_says(thread_ts=self.root.ts, visible_to="U0ANA")
        self.modal = self._view(_modal())
        self.home = self._view({"type": "home", "blocks": [_buttons()]})
        self.ws.state.open_views["U0ANA"] = [self.modal.id]
        self.ws.state.homes["U0ANA"] = self.home

    def say(
        self,
        text: str,
        *,
        channel: str = CHANNEL,
        user: str = "U0ANA",
        thread_ts: str | None = None,
        subtype: str | None = None,
        broadcast: bool = False,
        file: StoredFile | None = None,
    ) -> Message:
        message = Message(
            channel=channel,
            ts=self.ws.state.next_ts(),
            user=user,
            text=text,
            thread_ts=thread_ts,
            client_msg_id=None if subtype else str(uuid.uuid4()),
            files=[] if file is None else [file.id],
            subtype=subtype,
            broadcast=broadcast,
        )
        self.ws.state.add(message)
        return message

    def bot_says(self, *, thread_ts: str | None = None, visible_to: str | None = None) -> Message:
        blocks: list[Json] = [_buttons(), {"type": "section", **_text("Which?"), **_menu()}]
        name_blocks(blocks)
        state = self.ws.state
        message = Message(CHANNEL, state.next_ts(), state.bot.id, "May I?", thread_ts, blocks)
        message.bot_id, message.visible_to = state.bot_id, visible_to
        state.add(message)
        return message

    def file(self, **changed: object) -> StoredFile:
        state = self.ws.state
        content = b"# spec\n"
        stored = StoredFile(
            state.next_id("F"), "spec.md", "spec.md", "U0ANA", len(content), int(time.time())
        )
        stored.content, stored.complete, stored.channels = content, True, [CHANNEL]
        for name, value in changed.items():
            setattr(stored, name, value)
        state.files[stored.id] = stored
        return stored

    def _view(self, body: Json) -> View:
        checked = modals.checked_view(body, body["type"])
        view_id = self.ws.state.next_id("V")
        view = View(view_id, "U0ANA", checked, f"{self.ws.state.next_ts()}.0", view_id)
        view.values = values_of(checked["blocks"], _ENTERED)
        self.ws.state.views[view_id] = view
        return view


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _text(text: str) -> Json:
    return {"text": {"type": "mrkdwn", "text": text}}


def _buttons() -> Json:
    pressed = {"type": "button", "text": _plain("Approve"), "action_id": "approve", "value": "key"}
    return {"type": "actions", "block_id": "ask", "elements": [pressed]}


def _menu() -> Json:
    options = [{"text": _plain(name), "value": name} for name in ("one", "two")]
    return {"accessory": {"type": "static_select", "action_id": "pick", "options": options}}


def _modal() -> Json:
    external = {"type": "external_select", "action_id": "project"}
    note = {"type": "plain_text_input", "action_id": "note"}
    return {
        "type": "modal",
        "callback_id": "sample",
        "title": _plain("Sample"),
        "submit": _plain("Send"),
        "private_metadata": "{}",
        "notify_on_close": True,
        "blocks": [
            _buttons(),
            {"type": "input", "block_id": "p", "label": _plain("Project"), "element": external},
            {"type": "input", "block_id": "n", "label": _plain("Note"), "element": note},
        ],
    }
