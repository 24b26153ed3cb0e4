"""Owns small builders of Block Kit for the page's tests, and one of each kind."""

from typing import Any

Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text)]}


def markdown(text: str) -> Block:
    return {"type": "markdown", "text": text}


def option(value: str) -> Block:
    return {"text": plain(f"Option {value}"), "value": value}


def button(action_id: str, text: str = "Go", **more: Any) -> Block:
    return {"type": "button", "action_id": action_id, "text": plain(text), "value": "v1", **more}


def feedback(action_id: str = "rate") -> Block:
    return {
        "type": "context_actions",
        "block_id": "feedback",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": action_id,
                "positive_button": {"text": plain("Good"), "value": "good"},
                "negative_button": {"text": plain("Bad"), "value": "bad"},
            }
        ],
    }


def plan(done: int, total: int = 3) -> list[Block]:
    def status(index: int) -> str:
        return "complete" if index < done else "in_progress" if index == done else "pending"

    tasks = [
        {"type": "task_card", "task_id": f"t{i}", "title": f"Step {i}", "status": status(i)}
        for i in range(total)
    ]
    return [{"type": "plan", "title": "Build it", "tasks": tasks}]


def field(block_id: str, kind: str, label: str | None = None, **element: Any) -> Block:
    """An input block with one element of this kind, whose action_id is `a`."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label or block_id.capitalize()),
        "element": {"type": kind, "action_id": "a", **element},
    }


def every_input() -> list[Block]:
    """One of each input of Slack's modals."""
    options = [option("1"), option("2"), option("3")]
    described = [one | {"description": plain(f"What {one['value']} means")} for one in options]
    return [
        field("name", "plain_text_input", placeholder=plain("A short name")),
        field("goal", "plain_text_input", multiline=True) | {"hint": plain("A sentence.")},
        field("model", "static_select", options=options, placeholder=plain("Choose a model")),
        field("care", "radio_buttons", options=described, initial_option=described[0]),
        field("boxes", "checkboxes", options=options) | {"optional": True},
        field("budget", "number_input", is_decimal_allowed=True, min_value="0.01", max_value="50"),
        field("mail", "email_text_input") | {"optional": True},
        field("site", "url_text_input") | {"optional": True},
        field("day", "datepicker") | {"optional": True},
        field("time", "timepicker") | {"optional": True},
        field("moment", "datetimepicker") | {"optional": True},
        field("many", "multi_static_select", options=options) | {"optional": True},
        field("person", "users_select") | {"optional": True},
        field("people", "multi_users_select") | {"optional": True},
        field("channel", "conversations_select") | {"optional": True},
        field("channels", "multi_channels_select") | {"optional": True},
        field("outside", "external_select", min_query_length=0) | {"optional": True},
    ]


def rich(text: str, kind: str = "rich_text_section") -> dict[str, Any]:
    inner = {"type": kind, "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [inner]}


def every_block(text: str) -> list[Block]:
    """One of each kind, with `text` wherever a kind takes text."""
    button = {"type": "button", "action_id": "go", "value": text, "text": plain(text)}
    link_button = {**button, "action_id": "visit", "url": text}
    select = {"type": "static_select", "placeholder": plain(text), "options": [option(text)]}
    feedback = {
        "type": "feedback_buttons",
        "action_id": "feedback",
        "positive_button": {"text": plain(text), "value": "good"},
        "negative_button": {"text": plain(text), "value": "bad"},
    }
    card = {
        "type": "task_card",
        "task_id": text,
        "title": text,
        "status": "in_progress",
        "details": rich(text),
        "output": rich(text, "rich_text_preformatted"),
        "sources": [{"type": "url", "url": text, "text": text}],
    }
    link = {"type": "link", "url": text, "text": text}
    return [
        {"type": "section", "text": mrkdwn(text), "accessory": {**select, "action_id": "one"}},
        {"type": "section", "fields": [mrkdwn(text), plain(text)]},
        {"type": "header", "text": plain(text)},
        {"type": "context", "elements": [mrkdwn(text), {"type": "image", "alt_text": text}]},
        {"type": "divider"},
        {"type": "actions", "elements": [button, link_button, {**select, "action_id": "two"}]},
        {
            "type": "actions",
            "elements": [{"type": "overflow", "action_id": "menu", "options": [option(text)]}],
        },
        {
            "type": "plan",
            "title": text,
            "tasks": [card, {**card, "task_id": "2", "status": "error"}],
        },
        card,
        {"type": "markdown", "text": text},
        {
            "type": "context_actions",
            "elements": [feedback, {"type": "icon_button", "icon": "trash", "text": plain(text)}],
        },
        {"type": "file", "external_id": text, "source": "remote"},
        {"type": "image", "image_url": text, "alt_text": text, "title": plain(text)},
        rich(text),
        {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [link]}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": text}], [rich(text)]]},
        {"type": "alert", "level": "warning", "text": mrkdwn(text)},
        {
            "type": "input",
            "block_id": "b",
            "label": plain(text),
            "hint": plain(text),
            "element": {"type": "plain_text_input", "action_id": "a", "initial_value": text},
        },
    ]
