"""The modal of preferences: who may open it, what it offers, what becomes of an answer."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import protocol as p
from bot import names
from bot.views import preferences as view_of
from bot.views.preferences import Owner
from local.slack.blockkit import check_view
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack
from tests.unit.bot.slack_rules import assert_harmless, parsed_texts

CHOICES = p.Choices(
    models=["gpt-a", "gpt-b"],
    approvals=["default", "strict"],
    most_budget_usd=5,
    defaults=p.Preferences(model="gpt-a", approvals="default", budget_usd=5),
)
KNOWN = p.PreferencesView(
    chosen=p.Preferences(model="gpt-b", budget_usd=2),
    choices=CHOICES,
    by=p.Person(user_id="U0BEN", name="ben"),
    at=1.0,
)
OPEN = {"type": "button", "action_id": names.OPEN_PREFERENCES, "value": "own"}
OWN, CHANNEL = Owner("person", "U0ANA"), Owner("channel", payloads.CHANNEL)


def values(
    model: str = "gpt-b",
    approvals: str = "strict",
    budget: str | None = "2,5",
    plans: str = view_of.FIRST,
) -> Any:
    return {
        view_of.PLAN: {view_of.ACTION_ID: {"selected_option": {"value": plans}}},
        view_of.MODEL: {view_of.ACTION_ID: {"selected_option": {"value": model}}},
        view_of.APPROVALS: {view_of.ACTION_ID: {"selected_option": {"value": approvals}}},
        view_of.BUDGET: {view_of.ACTION_ID: {"value": budget}},
    }


def submitted(owner: Owner, chosen: Any, *, user: str = "U0ANA") -> dict[str, Any]:
    return payloads.submission(view_of.modal(owner, KNOWN, now=60.0), chosen, user=user)


def element(view: dict[str, Any], block_id: str) -> dict[str, Any]:
    [found] = [block["element"] for block in view["blocks"] if block.get("block_id") == block_id]
    return dict(found)


async def test_the_button_of_home_opens_what_one_has_chosen_within_what_is_offered(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.answers[f"Preferences/read {TEAM}:U0ANA"] = KNOWN
    await deliver(payloads.click_in_view(OPEN))
    [opened] = slack.of("views.open")
    view = opened["view"]
    assert element(view, "model")["initial_option"]["value"] == "gpt-b"
    assert [o["value"] for o in element(view, "approvals")["options"]] == [
        view_of.NOBODY,
        "default",
        "strict",
    ]
    assert element(view, "approvals")["initial_option"]["value"] == view_of.NOBODY
    assert element(view, "budget_usd")["initial_value"] == "2.00"
    assert element(view, "budget_usd")["max_value"] == "5.00"


async def test_the_command_opens_the_channels_or_in_a_direct_message_ones_own(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.members[payloads.CHANNEL] = ["U0ANA"]
    ingress.answers[f"Preferences/read {TEAM}:{payloads.CHANNEL}"] = KNOWN
    use = payloads.command("config")
    await deliver(use)
    await deliver(use | {"channel_id": "D0ANA"})
    of_channel, own = [opened["view"] for opened in slack.of("views.open")]
    assert f"everyone in <#{payloads.CHANNEL}>" in str(of_channel)
    assert "Last changed by ben" in str(of_channel)
    assert json.loads(own["private_metadata"]) == {"kind": "person", "id": "U0ANA"}


async def test_a_link_names_the_channel_and_only_its_people_may_open_it(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.members["C0VAULT"] = ["U0BEN"]
    text = "config https://local.slack.com/archives/C0VAULT/p1712000000000100"
    told = {
        user: (await deliver(payloads.command(text, user=user))).body
        for user in ("U0ANA", "U0BEN", "U0GUEST")
    }
    assert "Only people in that channel" in told["U0ANA"]
    assert "members of this workspace" in told["U0GUEST"]
    assert told["U0BEN"] == ""
    [opened] = slack.of("views.open")
    assert json.loads(opened["view"]["private_metadata"])["id"] == "C0VAULT"


async def test_choices_are_saved_said_in_place_and_shown_at_home(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    response = await deliver(submitted(OWN, values()))
    [save] = [call for call in ingress.calls if call.handler == "Preferences/save"]
    assert save.key == f"{TEAM}:U0ANA"
    assert save.value["chosen"] == {
        "model": "gpt-b",
        "approvals": "strict",
        "budget_usd": 2.5,
        "plan_first": True,
    }
    assert save.value["by"]["user_id"] == "U0ANA"
    answer = json.loads(response.body)
    assert answer["response_action"] == "update"
    assert check_view(answer["view"]) == []
    assert "Saved for you" in str(answer["view"])
    assert [made["user_id"] for made in slack.of("views.publish")] == ["U0ANA"]


async def test_what_is_left_to_the_workspace_is_saved_as_no_choice(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.members[payloads.CHANNEL] = ["U0ANA"]
    chosen = values(view_of.NOBODY, view_of.NOBODY, None, view_of.NOBODY)
    response = await deliver(submitted(CHANNEL, chosen))
    [save] = [call for call in ingress.calls if call.handler == "Preferences/save"]
    assert save.key == f"{TEAM}:{payloads.CHANNEL}"
    assert save.value["chosen"] == p.Preferences().model_dump()
    assert "everyone in <#C0BUILD>" in response.body


@pytest.mark.parametrize("budget", ["a lot", "nan", "inf", "1.2.3"])
async def test_a_budget_that_is_no_amount_is_said_beside_it(
    budget: str, deliver: Deliver, ingress: FakeIngress
) -> None:
    response = await deliver(submitted(OWN, values(budget=budget)))
    assert "amount in dollars" in json.loads(response.body)["errors"]["budget_usd"]
    assert ingress.calls == []


async def test_a_refused_choice_is_said_beside_its_field(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    refused = p.SaveReceipt(ok=False, field="budget_usd", problem="At most $5.00.")
    ingress.answers["Preferences/save"] = refused
    response = await deliver(submitted(OWN, values(budget="9")))
    assert json.loads(response.body)["errors"] == {"budget_usd": "At most $5.00."}


async def test_a_change_that_cannot_be_saved_says_so_and_stays_open(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.down = True
    response = await deliver(submitted(OWN, values()))
    assert "try again" in json.loads(response.body)["errors"]["model"]
    assert slack.of("views.publish") == []


@pytest.mark.parametrize(
    ("owner", "user", "said"),
    [
        (CHANNEL, "U0BEN", "Only people in that channel"),
        (OWN, "U0BEN", "somebody else"),
        (CHANNEL, "U0OTTO", "members of this workspace"),
    ],
)
async def test_nobody_changes_what_is_not_theirs(
    owner: Owner, user: str, said: str, deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.members[payloads.CHANNEL] = ["U0ANA"]
    response = await deliver(submitted(owner, values(), user=user))
    assert said in json.loads(response.body)["errors"]["model"]
    assert ingress.calls == []


async def test_saved_is_saved_though_home_cannot_be_shown(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.answers["views.publish"] = {"ok": False, "error": "not_enabled"}
    response = await deliver(submitted(OWN, values()))
    assert json.loads(response.body)["response_action"] == "update"


def test_a_choice_that_is_offered_no_more_falls_back_to_the_workspaces() -> None:
    chosen = p.Preferences(model="gpt-old", approvals="relaxed")
    view = view_of.modal(OWN, p.PreferencesView(chosen=chosen, choices=CHOICES), now=0)
    for block_id in ("model", "approvals"):
        assert element(view, block_id)["initial_option"]["value"] == view_of.NOBODY
    assert dict(view_of.summary(p.PreferencesView(chosen=chosen, choices=CHOICES)))[
        "Model"
    ].startswith("gpt-a")


def test_a_budget_above_a_bound_that_came_later_is_shown_as_the_bound() -> None:
    """Slack takes no modal whose value is out of bounds: it could never be opened again."""
    choices = p.Choices(most_budget_usd=5)
    known = p.PreferencesView(chosen=p.Preferences(budget_usd=20), choices=choices)
    budget = element(view_of.modal(OWN, known, now=0), "budget_usd")
    assert (budget["initial_value"], budget["max_value"]) == ("5.00", "5.00")


async def test_saved_is_saved_though_slack_hangs_up_on_home(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.silent.add("views.publish")
    response = await deliver(submitted(OWN, values()))
    assert json.loads(response.body)["response_action"] == "update"


@settings(max_examples=60)
@given(
    st.lists(st.text(min_size=1, max_size=200), max_size=120, unique=True),
    st.text(max_size=60),
    st.one_of(st.none(), st.floats(0.01, 1e6)),
)
def test_any_models_and_names_make_a_modal_that_slack_takes(
    models: list[str], name: str, most: float | None
) -> None:
    choices = p.Choices(models=models, most_budget_usd=most)
    by = p.Person(user_id="U0BEN", name=name)
    known = p.PreferencesView(choices=choices, by=by, at=1.0)
    view = view_of.modal(CHANNEL, known, now=60.0)
    assert check_view(view) == []
    for text in parsed_texts(view):
        assert_harmless(text)


def test_a_plan_is_begun_at_once_or_approved_first_unless_the_operator_wants_the_latter() -> None:
    offered = element(view_of.modal(OWN, KNOWN, now=60.0), view_of.PLAN)
    assert [o["value"] for o in offered["options"]] == [
        view_of.NOBODY,
        view_of.AT_ONCE,
        view_of.FIRST,
    ]
    must = p.Preferences(model="gpt-a", plan_first=True)
    strict = KNOWN.model_copy(update={"choices": CHOICES.model_copy(update={"defaults": must})})
    offered = element(view_of.modal(OWN, strict, now=60.0), view_of.PLAN)
    assert [o["value"] for o in offered["options"]] == [view_of.NOBODY, view_of.FIRST]
    said = dict(view_of.summary(strict))["Plans"]
    assert said.startswith("approved first (the workspace's default). I show each plan and wait")


def test_a_modal_of_an_older_release_leaves_the_plans_as_they_are() -> None:
    older = {name: state for name, state in values().items() if name != view_of.PLAN}
    view = view_of.modal(OWN, KNOWN, now=60.0) | {"state": {"values": older}}
    assert view_of.read(view)[1].plan_first is None
