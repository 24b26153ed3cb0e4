"""Modals and the home tab: what Slack accepts passes, what it refuses is named."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.slack.blockkit import check_blocks, check_view
from tests.unit.slack_workspace.blocks import (
    field,
    modal,
    plain,
    select,
)


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        (
            modal(title=plain("x" * 25)),
            "must be less than 25 characters [json-pointer:/view/title/text]",
        ),
        (
            modal(submit=plain("x" * 25)),
            "must be less than 25 characters [json-pointer:/view/submit/text]",
        ),
        (
            modal(private_metadata="x" * 3001),
            "must be less than 3001 characters [json-pointer:/view/private_metadata]",
        ),
        (modal(blocks=[]), "no fewer than 1 items required [json-pointer:/view/blocks]"),
        (modal(blocks="x"), "must provide an array [json-pointer:/view/blocks]"),
        (
            modal(blocks=[{"type": "input", "label": plain("a"), "element": select()}]),
            "missing required field: submit [json-pointer:/view]",
        ),
        (
            {"type": "home", "title": plain("a"), "blocks": []},
            "invalid additional property: title [json-pointer:/view]",
        ),
        ({"type": "page"}, "unsupported type: page [json-pointer:/view/type]"),
        ("a view", "must provide an object [json-pointer:/view]"),
    ],
)
def test_a_view_slack_refuses_is_refused_at_its_place(view: object, problem: str) -> None:
    assert check_view(view) == [problem]


def test_only_one_field_of_a_modal_is_in_focus_at_first() -> None:
    focused = [field({"type": "plain_text_input", "focus_on_load": True})] * 2
    (problem,) = check_view(modal(blocks=focused, submit=plain("Go")))
    assert problem == "only one element can have focus_on_load [json-pointer:/view/blocks]"


def test_a_whole_modal_and_an_empty_home_pass() -> None:
    field = {"type": "input", "label": plain("a"), "element": select()}
    assert check_view(modal(blocks=[field], submit=plain("Go"), close=plain("No"))) == []
    assert check_view({"type": "home", "blocks": []}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "text", "elements", "blocks", "x"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_however_odd_is_more_than_a_list_of_problems(value: Any) -> None:
    for problem in check_blocks(value, "message") + check_view(value):
        assert problem.endswith("]")
