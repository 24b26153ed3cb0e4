"""Nothing goes unanswered: controls nobody knows any more, and listeners that fail."""

import json
from typing import Any

import pytest

from agent import protocol as p
from bot.answers import TRY_AGAIN, UNKNOWN
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack

PERSON: dict[str, Any] = {
    "user": {"id": "U0ANA", "team_id": TEAM},
    "team": {"id": TEAM},
    "trigger_id": "1.2.abc",
}
INPUT = {"type": "input", "block_id": "which", "label": {}, "element": {}}


def modal(kind: str, *blocks: Any, callback_id: str = "of_the_past") -> dict[str, Any]:
    view = {"id": "V1", "type": "modal", "callback_id": callback_id, "blocks": list(blocks)}
    return PERSON | {"type": kind, "view": view}


@pytest.mark.parametrize(
    ("body", "told_by"),
    [
        (payloads.click("button_of_the_past", "x"), "chat.postEphemeral"),
        (payloads.shortcut() | {"callback_id": "of_the_past"}, "chat.postEphemeral"),
        (PERSON | {"type": "shortcut", "callback_id": "of_the_past"}, "views.open"),
        (
            modal("block_actions") | {"actions": [{"action_id": "old", "type": "button"}]},
            "views.open",
        ),
        (
            PERSON
            | {"type": "interactive_message", "callback_id": "old", "channel": {"id": "C0BUILD"}}
            | {"actions": [{"name": "old", "type": "button", "value": "1"}]},
            "chat.postEphemeral",
        ),
    ],
    ids=["click", "message shortcut", "global shortcut", "click in a modal", "old attachment"],
)
async def test_who_uses_a_control_of_the_past_is_told_in_a_sentence(
    body: dict[str, Any], told_by: str, deliver: Deliver, slack: FakeSlack
) -> None:
    assert (await deliver(body)).status == 200
    [told] = slack.of(told_by)
    assert UNKNOWN in json.dumps(told, ensure_ascii=False) or UNKNOWN in str(told.get("view"))


async def test_an_unknown_command_is_answered_in_place(deliver: Deliver) -> None:
    answer = await deliver(payloads.command("go") | {"command": "/of-the-past"})
    assert answer.status == 200
    assert json.loads(answer.body) == {"response_type": "ephemeral", "text": UNKNOWN}


async def test_an_unknown_modal_keeps_what_was_typed_or_says_so_in_its_place(
    deliver: Deliver,
) -> None:
    with_input = json.loads((await deliver(modal("view_submission", INPUT))).body)
    assert with_input == {"response_action": "errors", "errors": {"which": UNKNOWN}}
    without = json.loads((await deliver(modal("view_submission"))).body)
    assert without["response_action"] == "update"
    assert UNKNOWN in json.dumps(without["view"])


@pytest.mark.parametrize(
    "body",
    [
        modal("view_closed"),
        PERSON | {"type": "block_suggestion", "action_id": "old", "value": "a"},
        PERSON | {"type": "of_the_future"},
        {"type": "of_the_future"},
        {},
    ],
    ids=["closed", "suggestion", "future", "bare", "empty"],
)
async def test_what_nobody_waits_for_is_acknowledged(body: Any, deliver: Deliver) -> None:
    answer = await deliver(body)
    assert answer.status == 200
    if body.get("type") == "block_suggestion":
        assert json.loads(answer.body) == {"options": []}


@pytest.mark.parametrize(
    "body",
    [
        {"type": "event_callback", "event": None},
        {"type": "event_callback", "event": "message", "authorizations": [None]},
        {"type": "block_actions", "user": 7, "team": 8},
        {"authorizations": {"a": 1}},
    ],
)
async def test_a_shape_nobody_knows_is_taken_and_dropped(
    body: Any, deliver: Deliver, ingress: FakeIngress
) -> None:
    """Slack would repeat it for an hour, and it would never become readable."""
    assert (await deliver(body)).status == 200
    assert ingress.sends == []


async def test_when_nothing_becomes_durable_people_are_asked_to_try_again(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.down = True
    command = await deliver(payloads.command("status"))
    assert json.loads(command.body)["text"] == TRY_AGAIN
    click = await deliver(payloads.click("task_stop", f"{TEAM}:C0BUILD:{payloads.TS}"))
    assert click.status == 200
    [told] = slack.of("chat.postEphemeral")
    assert (told["text"], told["thread_ts"]) == (TRY_AGAIN, payloads.TS)


async def test_what_people_wrote_is_not_logged_with_a_failure(
    deliver: Deliver, ingress: FakeIngress, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer of another release, which pydantic would quote."""
    spoilt = p.SessionView.model_construct(status="the secret plan")  # type: ignore[arg-type]
    ingress.answers["Session/read"] = spoilt
    assert (await deliver(payloads.reply("go on"))).status == 500
    assert "SessionView is wrong" in caplog.text
    assert "secret" not in caplog.text
