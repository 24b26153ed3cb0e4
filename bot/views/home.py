"""Owns the look of App Home, and of the same list of sessions as a modal."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.protocol import PreferencesView, SessionCard
from bot import names
from bot.names import Verb
from bot.views import blocks, help, modals, mrkdwn, preferences, status, words
from bot.views.blocks import Block

HOW = f"""\
*Mention me in a channel* with what you want, or write to me in the *Messages* tab. I plan, build \
and test in a sandbox of that thread's own, and tick the plan off.
*Reply in the thread* at any time, days later too: I take it in and go on from there.
`{names.COMMAND} help` lists all I understand."""

PRIVACY = (
    "I read what is addressed to me, the threads I work in and the files attached there, and, "
    "once, what stood in a thread before I was mentioned in it. Everything else in a channel I "
    "ignore and keep nothing of. A reply that starts with `aside:` is for others. "
    "Guests and people of other companies I answer only where the operator admits them."
)

_MENU: dict[Verb, str] = {"download": "Download project", "status": "Status", "stop": "Stop"}


@dataclass(frozen=True)
class Home:
    """All that one person's App Home shows."""

    cards: Sequence[SessionCard]
    preferences: PreferencesView
    workspace_url: str = ""
    today_usd: float = 0.0
    """What all tasks of the workspace have cost today, as budgets count it."""


def view(home: Home, now: float) -> Block:
    parts = [
        _header("How to start"),
        blocks.section(HOW),
        _header("Your sessions"),
        *rows(home.cards, now, home.workspace_url),
        _header("Your settings"),
        *_settings(home.preferences, home.today_usd),
        _header("Who may approve"),
        blocks.section(_approvers(home.preferences.choices.approvers)),
        _header("What I read"),
        blocks.section(PRIVACY),
    ]
    return {"type": "home", "blocks": parts}


def closed() -> Block:
    """The App Home of an outsider."""
    return {"type": "home", "blocks": [blocks.section(help.OUTSIDER)]}


def sessions_modal(cards: Sequence[SessionCard], now: float, workspace_url: str) -> Block:
    return modals.frame("Your sessions", rows(cards, now, workspace_url), close="Close")


def rows(cards: Sequence[SessionCard], now: float, workspace_url: str) -> list[Block]:
    """A block for each session, newest first, with what can be done to it."""
    if not cards:
        return [blocks.section(status.NONE_YET)]
    shown: list[Block] = [
        blocks.section(status.line(card, now, workspace_url)) | {"accessory": _menu(card)}
        for card in cards[: status.MOST_SESSIONS]
    ]
    if len(cards) > status.MOST_SESSIONS:
        shown.append(blocks.context(f"And {len(cards) - status.MOST_SESSIONS} older ones."))
    return shown


def chosen(value: str) -> tuple[Verb, str]:
    """Verb and session key of the menu's option. Raises ValueError when it is none of ours."""
    said, _, key = value.partition(":")
    verb = next((verb for verb in _MENU if verb == said), None)
    if verb is None:
        raise ValueError(f"{value!r} is no option of the menu of a session.")
    return verb, key


def _menu(card: SessionCard) -> Block:
    verbs = [verb for verb in _MENU if verb != "stop" or card.status != "idle"]
    options = [
        {"text": modals.plain(_MENU[verb]), "value": f"{verb}:{card.thread.key}"} for verb in verbs
    ]
    return {"type": "overflow", "action_id": names.SESSION_MENU, "options": options}


def _settings(view: PreferencesView, today_usd: float) -> list[Block]:
    change = blocks.button("Change", names.OPEN_PREFERENCES, "own")
    lines = [f"*{name}:* {value}" for name, value in preferences.summary(view)]
    return [
        blocks.section("\n".join(lines)) | {"accessory": change},
        blocks.context(
            f"They hold from your next task on. `{names.COMMAND} config` in a channel sets them "
            "for everyone there.",
            f"Finished work of this whole workspace today (UTC): {words.dollars(today_usd)}, as "
            "budgets count it.",
        ),
    ]


def _approvers(ids: Sequence[str]) -> str:
    if not ids:
        return "Whoever asked for the work; nobody else was named."
    named = ", ".join(map(mrkdwn.mention, ids[:20]))
    return f"Whoever asked for the work, and {named}."


def _header(text: str) -> Block:
    return {"type": "header", "text": modals.plain(text)}
