"""Builders of blocks and views, as an app would send them."""

from typing import Any

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "hi", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain("Go"), **more}


def select(options: int = 1, **more: Any) -> Json:
    offered = [{"text": plain(str(n)), "value": str(n)} for n in range(options)]
    return {"type": "static_select", "options": offered, **more}


def rich(*elements: Json) -> Json:
    parts = list(elements) or [{"type": "text", "text": "hi"}]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def task(**more: Any) -> Json:
    return {"type": "task_card", "task_id": "1", "title": "Plan", "status": "pending", **more}


def plan(*tasks: Json, **more: Any) -> Json:
    return {"type": "plan", "title": "To-do CLI", "tasks": list(tasks), **more}


def field(element: Json) -> Json:
    return {"type": "input", "label": plain("a"), "element": element}


def modal(**more: Any) -> Json:
    return {"type": "modal", "title": plain("Download"), "blocks": [section()], **more}
