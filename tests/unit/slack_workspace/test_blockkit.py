"""Block Kit: what Slack accepts passes, what it refuses is named with its place."""

from typing import Any

import pytest
from slack_sdk.models import blocks as sdk

from local.slack.blockkit import Surface, check_blocks, find_element, name_blocks
from local.slack.blockkit.blocks import text_length
from tests.unit.slack_workspace.blocks import (
    Json,
    actions,
    button,
    field,
    mrkdwn,
    plain,
    plan,
    rich,
    section,
    select,
    task,
)

OPTION: Json = {"text": plain("a"), "value": "a"}
BELOW = {"max_value": "2"}
ACCEPTED: list[Json] = [
    actions(select(3, initial_option={"text": plain("2"), "value": "2"})),
    actions({"type": "overflow", "options": [OPTION, {**OPTION, "url": "https://a.example"}]}),
    actions({"type": "radio_buttons", "options": [OPTION], "initial_option": OPTION}),
    actions({"type": "checkboxes", "options": [OPTION], "initial_options": [OPTION]}),
    field(
        {
            "type": "number_input",
            "is_decimal_allowed": False,
            "min_value": "1",
            "initial_value": "5",
            "max_value": "9",
        }
    ),
    field({"type": "plain_text_input", "min_length": 1, "max_length": 3000, "multiline": True}),
    section("x" * 3000),
    {"type": "section", "fields": [plain("a"), mrkdwn("b")]},
    section(accessory=button(action_id="a", value="x" * 2000)),
    {"type": "header", "text": plain("x" * 150)},
    {"type": "divider"},
    {"type": "context", "elements": [mrkdwn("a")] * 10},
    actions(*[button() for _ in range(25)]),
    actions(button(style="primary", confirm={"title": plain("?"), "text": mrkdwn("Sure?")})),
    {"type": "markdown", "text": "x" * 12_000},
    rich({"type": "link", "url": "https://example.com"}, {"type": "user", "user_id": "U0ANA"}),
    {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "ls"}]},
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": rich()["elements"],
            },
        ],
    },
    plan(task(status="complete", details=rich(), output=rich()), task(task_id="2")),
    task(sources=[{"type": "url", "url": "https://example.com", "text": "Example"}]),
    {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "feedback",
                "positive_button": {"text": plain("Good"), "value": "good"},
                "negative_button": {"text": plain("Bad"), "value": "bad"},
            },
            {"type": "icon_button", "icon": "trash", "text": plain("Delete")},
        ],
    },
    {"type": "alert", "text": mrkdwn("Careful"), "level": "warning"},
    {"type": "card", "title": plain("A card"), "actions": [button()]},
    {"type": "carousel", "elements": [{"type": "card", "body": plain("A card")}]},
    {"type": "container", "title": plain("More"), "child_blocks": [section()]},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, rich()]]},
    {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"},
]
REFUSED: list[tuple[Json, str]] = [
    ({"type": "sections"}, "unsupported type: sections [json-pointer:/blocks/0/type]"),
    ({"text": plain("a")}, "missing required field: type [json-pointer:/blocks/0]"),
    ({"type": "section"}, "must define either `text` or `fields` [json-pointer:/blocks/0]"),
    (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (section(colour="red"), "invalid additional property: colour [json-pointer:/blocks/0]"),
    (
        section(block_id="x" * 256),
        "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
    ),
    ({"type": "section", "text": "hi"}, "must provide an object [json-pointer:/blocks/0/text]"),
    (
        {"type": "section", "text": {**mrkdwn("a"), "emoji": True}},
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    (
        {"type": "section", "fields": [plain("a")] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    (
        {"type": "header", "text": mrkdwn("a")},
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    (
        {"type": "header", "text": plain("x" * 151)},
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    (
        {"type": "context", "elements": [mrkdwn("a")] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (
        actions(*[button() for _ in range(26)]),
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (actions(), "no fewer than 1 items required [json-pointer:/blocks/0/elements]"),
    (
        actions(button(value="x" * 2001)),
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    (
        actions({"type": "button", "text": plain("x" * 76)}),
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    (
        actions(button(style="green")),
        "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    (
        actions(button(url="example.com")),
        "must be a valid URL [json-pointer:/blocks/0/elements/0/url]",
    ),
    (
        actions({"type": "plain_text_input"}),
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    (
        actions(button(action_id="a"), button(action_id="a")),
        "`action_id` a already exists [json-pointer:/blocks/0/elements]",
    ),
    (
        actions(select(101)),
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        actions({"type": "static_select"}),
        "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
    ),
    (
        actions({"type": "static_select", "options": [{"text": plain("a"), "value": "x" * 151}]}),
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]",
    ),
    (
        {"type": "markdown", "text": "x" * 12_001},
        "must be less than 12001 characters [json-pointer:/blocks/0/text]",
    ),
    (
        {"type": "rich_text", "elements": []},
        "no fewer than 1 items required [json-pointer:/blocks/0/elements]",
    ),
    (
        rich({"type": "text", "text": ""}),
        "must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]",
    ),
    (
        plan(task(status="completed")),
        "must be one of: pending, in_progress, complete, error "
        "[json-pointer:/blocks/0/tasks/0/status]",
    ),
    (
        plan(task(output="plain text")),
        "must provide an object [json-pointer:/blocks/0/tasks/0/output]",
    ),
    (plan(*[task()] * 51), "no more than 50 items allowed [json-pointer:/blocks/0/tasks]"),
    (
        {"type": "file", "external_id": "F1", "source": "remote"},
        "file not found [json-pointer:/blocks/0/external_id]",
    ),
    ({"type": "call", "call_id": "R1"}, "unsupported type: call [json-pointer:/blocks/0/type]"),
    (
        actions(select(initial_option={"text": plain("9"), "value": "9"})),
        "must be one of the options [json-pointer:/blocks/0/elements/0/initial_option]",
    ),
    (
        actions(select(option_groups=[{"label": plain("g"), "options": [OPTION]}])),
        "cannot define both `options` and `option_groups` [json-pointer:/blocks/0/elements/0]",
    ),
    (
        actions({"type": "static_select", "options": [{**OPTION, "url": "https://a.example"}]}),
        "invalid additional property: url [json-pointer:/blocks/0/elements/0/options/0]",
    ),
    (
        actions({"type": "overflow", "options": [OPTION] * 6}),
        "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        actions({"type": "radio_buttons", "options": [OPTION] * 11}),
        "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        actions({"type": "checkboxes", "options": [OPTION], "initial_options": []}),
        "no fewer than 1 items required [json-pointer:/blocks/0/elements/0/initial_options]",
    ),
    (
        field({"type": "number_input", "is_decimal_allowed": True, "min_value": "many"}),
        "must be a number [json-pointer:/blocks/0/element/min_value]",
    ),
    (
        field({"type": "number_input", "is_decimal_allowed": True} | {"min_value": "3"} | BELOW),
        "must be between min_value and max_value [json-pointer:/blocks/0/element/min_value]",
    ),
    (
        field({"type": "number_input"}),
        "missing required field: is_decimal_allowed [json-pointer:/blocks/0/element]",
    ),
    (
        field({"type": "plain_text_input", "min_length": 9, "max_length": 3}),
        "must be no more than max_length [json-pointer:/blocks/0/element/min_length]",
    ),
    (
        field({"type": "plain_text_input", "max_length": 3001}),
        "must be between 1 and 3000 [json-pointer:/blocks/0/element/max_length]",
    ),
    (
        field(button()),
        "unsupported type: button [json-pointer:/blocks/0/element/type]",
    ),
]


@pytest.mark.parametrize("block", ACCEPTED, ids=lambda block: block["type"])
def test_a_block_slack_accepts_passes(block: Json) -> None:
    assert check_blocks([block], "message") == []


@pytest.mark.parametrize(("block", "problem"), REFUSED)
def test_a_block_slack_refuses_is_refused_at_its_place(block: Json, problem: str) -> None:
    assert check_blocks([block], "message") == [problem]


@pytest.mark.parametrize(("surface", "maximum"), [("message", 50), ("modal", 100), ("home", 100)])
def test_a_surface_holds_so_many_blocks(surface: Surface, maximum: int) -> None:
    divider = {"type": "divider"}
    assert check_blocks([divider] * maximum, surface) == []
    (problem,) = check_blocks([divider] * (maximum + 1), surface)
    assert problem == f"no more than {maximum} items allowed [json-pointer:/blocks]"


@pytest.mark.parametrize("kind", ["plan", "task_card", "markdown", "context_actions", "table"])
def test_some_blocks_are_for_messages_only(kind: str) -> None:
    block = next(one for one in ACCEPTED if one["type"] == kind)
    (problem,) = check_blocks([block], "modal")
    assert problem.startswith(f"unsupported type: {kind}")


def test_block_ids_are_unique_in_a_message_and_action_ids_in_a_block() -> None:
    (problem,) = check_blocks([section(block_id="a"), section(block_id="a")], "message")
    assert problem == "block_id `a` already exists [json-pointer:/blocks/1/block_id]"
    one, two = actions(button(action_id="go")), actions(button(action_id="go"))
    assert check_blocks([one, two], "message") == []


def test_a_plan_does_not_stand_beside_a_task_card() -> None:
    (problem,) = check_blocks([plan(task()), task()], "message")
    assert problem.startswith("a plan and a task_card cannot share one message")


def test_what_slacks_own_sdk_builds_passes() -> None:
    built = [
        sdk.PlanBlock(
            title="To-do CLI",
            tasks=[sdk.TaskCardBlock(task_id="1", title="Write it", status="in_progress")],
        ),
        sdk.SectionBlock(text="Done", accessory=sdk.ButtonElement(text="Go", action_id="go")),
        sdk.ActionsBlock(
            elements=[
                sdk.StaticSelectElement(
                    placeholder="Pick", action_id="a", options=[sdk.Option(text="A", value="a")]
                )
            ]
        ),
        sdk.ContextBlock(elements=[sdk.MarkdownTextObject(text="3 files")]),
        sdk.MarkdownBlock(text="**Done**"),
    ]
    blocks = [_as_json(block.to_dict()) for block in built]
    assert check_blocks(blocks, "message") == []


def _as_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    if isinstance(value, dict):
        return {name: _as_json(one) for name, one in value.items()}
    return _as_json(value.to_dict()) if hasattr(value, "to_dict") else value


def test_missing_ids_are_filled_in_and_given_ones_stay() -> None:
    inner = actions(button())
    blocks = [
        actions(button(action_id="mine"), button(), block_id="here"),
        {"type": "container", "title": plain("More"), "child_blocks": [inner]},
    ]
    name_blocks(blocks)
    first = find_element(blocks, "mine", "here")
    assert first is not None
    assert first.element is blocks[0]["elements"][0]
    assert blocks[0]["elements"][1]["action_id"]
    hidden = find_element(blocks, inner["elements"][0]["action_id"])
    assert hidden is not None
    assert hidden.block_id == inner["block_id"]
    assert find_element(blocks, "mine", "elsewhere") is None


def test_the_text_a_reader_sees_is_counted_through_every_level() -> None:
    blocks = [section("12345"), plan(task(title="123")), actions(button(value="x" * 500))]
    assert text_length(blocks) == 5 + len("To-do CLI") + 3 + len("Go")
