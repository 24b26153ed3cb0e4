"""Owns a Slack thread as text in a terminal: each message once, and again when it has changed."""

import html
import re
import textwrap
from typing import Any

_BOXES = {"pending": "☐", "in_progress": "▸", "complete": "☑", "error": "✗"}
_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
"""A moment as Slack writes it, with the words to show where it cannot be told."""
WIDTH = 96


class ThreadPrinter:
    """Args: `names` of people by user id, for the line above each message."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._shown: dict[str, str] = {}

    def show(self, thread: list[dict[str, Any]]) -> None:
        """Print what is new or changed since the last call."""
        for message in thread:
            text = text_of(message)
            if self._shown.get(message["ts"]) == text:
                continue
            changed = message["ts"] in self._shown
            self._shown[message["ts"]] = text
            who = self._names.get(message.get("user", ""), message.get("user", "?"))
            notes = [
                note
                for note, holds in (
                    ("changed", changed),
                    ("only visible to one person", message.get("ephemeral")),
                )
                if holds
            ]
            suffix = f"  ({', '.join(notes)})" if notes else ""
            print(f"\n  {who}{suffix}", flush=True)
            print(textwrap.indent(text, "  │ "), flush=True)


def text_of(message: dict[str, Any]) -> str:
    body = blocks_of(message) or message.get("text", "")
    files = [f"[file] {file['name']}, {file['size']} bytes" for file in message.get("files", [])]
    reactions = " ".join(f":{r['name']}:" for r in message.get("reactions", []))
    return "\n".join(part for part in [body, *files, reactions] if part)


def blocks_of(message: dict[str, Any]) -> str:
    return "\n".join(line for block in message.get("blocks", []) if (line := _block(block)))


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "plan":
            tasks = [_task(task) for task in block.get("tasks", [])]
            return "\n".join([block["title"], *tasks])
        case "task_card":
            return _task(block)
        case "header" | "section":
            return _wrapped(_text(block.get("text")))
        case "context":
            return _wrapped(" · ".join(_text(element) for element in block["elements"]))
        case "markdown":
            return _wrapped(block["text"])
        case "rich_text":
            return "\n".join(_rich(element) for element in block["elements"])
        case "actions" | "context_actions":
            return " ".join(_element(element) for element in block["elements"])
        case "divider":
            return "─" * 20
        case _:
            return f"[{block['type']}]"


def _task(task: dict[str, Any]) -> str:
    return f"{_BOXES.get(task['status'], '?')} {task['title']}"


def _text(node: Any) -> str:
    text: str = node if isinstance(node, str) else (node or {}).get("text", "")
    return html.unescape(_DATE.sub(r"\1", text))


def _rich(element: dict[str, Any]) -> str:
    inner = element.get("elements", [])
    separator = "\n" if element["type"] == "rich_text_list" else ""
    return separator.join(
        _rich(child) if "elements" in child else child.get("text", child.get("url", ""))
        for child in inner
    )


def _element(element: dict[str, Any]) -> str:
    if element["type"] == "feedback_buttons":
        return "[good] [bad]"
    return f"[{_text(element.get('text'))}]"


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.fill(line, WIDTH) for line in text.splitlines())
