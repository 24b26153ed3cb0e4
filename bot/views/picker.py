"""Owns the modal that asks which session is meant."""

import json
from collections.abc import Sequence
from typing import Any, get_args

from agent.protocol import SessionCard, ThreadRef
from bot import names
from bot.names import Verb
from bot.views import modals, status
from bot.views.blocks import Block

MOST_OPTIONS = 100
BLOCK_ID = "session"
ACTION_ID = "choice"

_SUBMIT: dict[Verb, str] = {"download": "Download", "stop": "Stop", "status": "Show status"}


def modal(verb: Verb, channel: str, cards: Sequence[SessionCard], now: float) -> Block:
    """`channel` is where the command was typed; the answer goes there."""
    options = [
        {
            "text": modals.plain(status.option(card, now)),
            "value": card.thread.key,
        }
        for card in cards[:MOST_OPTIONS]
    ]
    return {
        "type": "modal",
        "callback_id": names.PICKER,
        "private_metadata": json.dumps({"verb": verb, "channel": channel}),
        "title": modals.plain("Choose a session"),
        "submit": modals.plain(_SUBMIT[verb]),
        "close": modals.plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": BLOCK_ID,
                "label": modals.plain("Session"),
                "element": {
                    "type": "static_select",
                    "action_id": ACTION_ID,
                    "options": options,
                    "initial_option": options[0],
                },
            }
        ],
    }


def chosen(view: dict[str, Any]) -> tuple[Verb, str, ThreadRef]:
    """Verb, channel of the command, and the thread chosen in a submitted modal."""
    metadata = json.loads(view["private_metadata"])
    state = view["state"]["values"][BLOCK_ID][ACTION_ID]
    thread = ThreadRef.parse(state["selected_option"]["value"])
    verb: Verb = next(v for v in get_args(Verb) if v == metadata["verb"])
    return verb, str(metadata["channel"]), thread
