"""Owns a catalogue of everything Slack may send the app: one realistic payload of each kind.

Made by the same code that delivers the real ones, about messages that are in the workspace, so
that an app may ask about them and answer them. Subscriptions and scopes are not looked at: an app
must stand whatever comes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from local.slack import events, http_mode, interactions, seed
from local.slack.blockkit import find_element
from local.slack.manifest import Shortcut, SlashCommand
from local.slack.scene import CHANNEL, MENTION, Scene
from local.slack.state import Json, Message
from local.slack.transport import EnvelopeType
from local.slack.workspace import Workspace

DIRECT, PRIVATE, GROUP = "D0ANA", "C0VAULT", "G0TRIO"


@dataclass(frozen=True)
class Sample:
    """One payload. `http` ones come over HTTP only, as a bare JSON body."""

    name: str
    """`event/message/file_share`, `interactive/block_actions/modal`, `slash_commands/...`."""

    envelope: EnvelopeType | Literal["http"]
    payload: Json


def samples(ws: Workspace) -> list[Sample]:
    """One of each kind. Puts the messages and views they are about into the workspace."""
    scene = Scene(ws)
    listed = [*_message_events(scene), *_other_events(scene), *_interactions(scene)]
    if ws.manifest.commands:
        listed += _commands(scene)
    return [*listed, *_bare(scene)]


def _event(scene: Scene, name: str, event: Json, channel: str | None) -> Sample:
    where = None if channel is None else scene.ws.state.channels[channel]
    (install, *_) = scene.ws.installs
    payload = events.callback(scene.ws, event, install, where)
    return Sample(f"event/{name}", "events_api", payload)


def _posted(scene: Scene, name: str, message: Message) -> Sample:
    event = events.posted_event(scene.ws, message)
    return _event(scene, f"message/{name}", event, message.channel)


def _message_events(scene: Scene) -> list[Sample]:
    say, root = scene.say, scene.root.ts

    def posted(name: str, message: Message) -> Sample:
        return _posted(scene, name, message)

    listed = [
        posted("plain", scene.root),
        posted("reply", scene.reply),
        posted("direct", say("help", channel=DIRECT)),
        posted("private", say("build it here", channel=PRIVATE)),
        posted("group", say(f"{MENTION} build it", channel=GROUP)),
        posted("shared", say("hello from outside", channel=seed.SHARED, user="U0OTTO")),
        posted("bot", scene.ours),
        posted("slackbot", say("Reminder: stand-up", user=seed.SLACKBOT.id)),
        posted("file_share", say("start from this", file=scene.file())),
        posted("file_share_external", say("and this", file=scene.file(mode="external"))),
        posted("file_share_tombstone", say("", file=scene.file(mode="tombstone"))),
        posted("file_share_hidden", say("", file=scene.file(mode="hidden_by_limit"))),
        posted("file_share_check", say("", file=scene.file(hidden_details=True))),
        posted("thread_broadcast", say("all see this", thread_ts=root, broadcast=True)),
    ]
    for subtype, text in _NOTICES.items():
        listed.append(posted(subtype, say(text, subtype=subtype)))
    return [*listed, _foreign_bot(scene), *_changes(scene)]


_NOTICES = {
    "channel_join": "<@U0ANA> has joined the channel",
    "channel_leave": "<@U0ANA> has left the channel",
    "channel_topic": "<@U0ANA> set the channel topic: builds",
    "channel_purpose": "<@U0ANA> set the channel purpose: builds",
    "channel_name": "<@U0ANA> has renamed the channel",
    "channel_archive": "<@U0ANA> archived the channel",
    "channel_unarchive": "<@U0ANA> un-archived the channel",
    "pinned_item": "<@U0ANA> pinned a message",
    "me_message": "waves",
    "reminder_add": "<@U0ANA> set up a reminder",
    "huddle_thread": "A huddle started",
}


def _foreign_bot(scene: Scene) -> Sample:
    """Another app's message: no user of its own, maybe, but a bot id."""
    event = events.posted_event(scene.ws, scene.say("deploy finished", subtype="bot_message"))
    event |= {"bot_id": "B0DEPLOY", "username": "deploys", "icons": {"emoji": ":rocket:"}}
    del event["user"]
    return _event(scene, "message/bot_message", event, CHANNEL)


def _changes(scene: Scene) -> list[Sample]:
    ws = scene.ws

    def changed(name: str, message: Message, alter: Callable[[Message], None]) -> Sample:
        previous = events.snapshot(ws, message)
        alter(message)
        event = events.changed_event(ws, message, previous)
        return _event(scene, f"message/{name}", event, CHANNEL)

    def edit(message: Message) -> None:
        message.text += " in Rust"
        message.edited = {"user": message.user, "ts": ws.state.next_ts()}

    def unfurl(message: Message) -> None:
        message.attachments = [{"id": 1, "title": "Example", "fallback": "Example"}]

    def bury(message: Message) -> None:
        message.text, message.tombstone = "This message was deleted.", True

    old = scene.say("an old plan")
    ws.state.add(Message(CHANNEL, ws.state.next_ts(), "U0BEN", "a reply", old.ts))
    gone = scene.say("never mind")
    previous = events.snapshot(ws, gone)
    ws.state.remove(gone)
    return [
        changed("message_changed", scene.say("build it"), edit),
        changed("message_changed_unfurl", scene.say("see https://example.com"), unfurl),
        changed("message_changed_by_us", scene.ours, edit),
        changed("message_changed_tombstone", old, bury),
        _event(
            scene, "message/message_deleted", events.deleted_event(ws, CHANNEL, previous), CHANNEL
        ),
        _event(scene, "message/message_replied", events.replied_event(ws, scene.root), CHANNEL),
    ]


def _other_events(scene: Scene) -> list[Sample]:
    ws, root = scene.ws, scene.root
    channel, direct = ws.state.channels[CHANNEL], ws.state.channels[DIRECT]
    stopped = events.session_stopped_event(ws, channel, root.ts, "U0ANA", [scene.ours.ts])
    shared = events.file_shared_event(ws, scene.file().id, "U0ANA", channel)
    inner: list[tuple[str | None, Json]] = [
        (CHANNEL, events.mention_event(ws, root)),
        (DIRECT, events.home_opened_event(ws, "U0ANA", direct, "home")),
        (CHANNEL, stopped),
        (CHANNEL, shared),
        (CHANNEL, {**shared, "type": "file_created"}),
        (CHANNEL, events.reaction_event(ws, "reaction_added", root, "U0BEN", "octagonal_sign")),
        (CHANNEL, events.reaction_event(ws, "reaction_removed", root, "U0BEN", "octagonal_sign")),
        (CHANNEL, events.member_event(ws, "member_joined_channel", "U0BEN", channel)),
        (CHANNEL, events.member_event(ws, "member_left_channel", "U0BEN", channel)),
        (None, events.tokens_revoked_event(ws)),
        (None, events.uninstalled_event(ws)),
    ]
    return [_event(scene, event["type"], event, where) for where, event in inner]


def _interactions(scene: Scene) -> list[Sample]:
    ws, ana = scene.ws, scene.ws.state.users["U0ANA"]
    press = _action(scene, scene.ours.blocks or [], "approve")
    choice = _action(scene, scene.ours.blocks or [], "pick")
    external = find_element(scene.modal.body["blocks"], "project")
    message_menu, anywhere = (
        Shortcut(name="Sample", type=kind, callback_id=f"sample_{kind}", description="A sample")
        for kind in ("message", "global")
    )
    for declared in ws.manifest.message_shortcuts[:1]:
        message_menu = declared
    for declared in ws.manifest.global_shortcuts[:1]:
        anywhere = declared
    payloads: dict[str, Json] = {
        "block_actions/message": interactions.message_action(ws, ana, scene.ours, press),
        "block_actions/menu": interactions.message_action(ws, ana, scene.ours, choice),
        "block_actions/ephemeral": interactions.message_action(ws, ana, scene.whisper, press),
        "block_actions/modal": interactions.view_action(ws, ana, scene.modal, press),
        "block_actions/home": interactions.view_action(ws, ana, scene.home, press),
        "view_submission": interactions.view_submission(ws, ana, scene.modal),
        "view_closed": interactions.view_closed(ws, ana, scene.modal, cleared=False),
        "message_action": interactions.message_shortcut(ws, ana, message_menu, scene.reply),
        "shortcut": interactions.global_shortcut(ws, ana, anywhere),
    }
    if external is not None:
        suggestion = interactions.suggestion(ws, ana, scene.modal, external, "conv")
        payloads["block_suggestion"] = suggestion
    return [Sample(f"interactive/{name}", "interactive", one) for name, one in payloads.items()]


def _commands(scene: Scene) -> list[Sample]:
    ws, ana = scene.ws, scene.ws.state.users["U0ANA"]
    command: SlashCommand = ws.manifest.commands[0]

    def used(name: str, channel: str, text: str) -> Sample:
        where = ws.state.channels[channel]
        payload = interactions.slash_command(ws, ana, where, command, text)
        return Sample(f"slash_commands/{name}", "slash_commands", payload)

    return [
        used("bare", CHANNEL, ""),
        used("text", CHANNEL, "help"),
        used("direct", DIRECT, "help"),
    ]


def _bare(scene: Scene) -> list[Sample]:
    limited = {
        "token": seed.VERIFICATION_TOKEN,
        "type": "app_rate_limited",
        "team_id": scene.ws.state.team.id,
        "minute_rate_limited": int(time.time()) // 60 * 60,
        "api_app_id": scene.ws.state.app_id,
    }
    return [
        Sample("http/url_verification", "http", http_mode.url_verification("a-challenge")),
        Sample("http/app_rate_limited", "http", limited),
    ]


def _action(scene: Scene, blocks: list[Json], action_id: str) -> Json:
    found = find_element(blocks, action_id)
    if found is None:
        raise LookupError(f"the scene has no element {action_id}")
    element = found.element
    did: Json = {"value": element.get("value", "")}
    if "options" in element:
        did = {"selected_option": element["options"][0]}
    return {
        "type": element["type"],
        "action_id": action_id,
        "block_id": found.block_id,
        **did,
        "action_ts": scene.ws.state.next_ts(),
    }
