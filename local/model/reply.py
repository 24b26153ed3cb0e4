"""Owns what the scripted model says in one turn, whatever API carries it."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MODEL_NAME = "scripted-demo"
"""Named as the model of every answer, so that nobody takes a script for a real model: no price
table knows it, and costs show as unpriced."""


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str
    """Raw JSON, or what a fault made of it."""
    call_id: str = ""


@dataclass(frozen=True)
class Reply:
    text: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    """Summary of the reasoning, streamed before the rest."""
    refusal: str = ""
    incomplete: str = ""
    """Reason why the answer is cut, for example max_output_tokens."""
    failed: str = ""
    """Error code of an answer that failed on the server."""
    model: str = MODEL_NAME
    """Another name only where a test needs a price."""


def call(name: str, arguments: Json) -> Call:
    return Call(name, json.dumps(arguments, ensure_ascii=False))


def say(text: str) -> Reply:
    return Reply(text=text)


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
