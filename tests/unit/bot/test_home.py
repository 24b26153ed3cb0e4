"""App Home, and the menu beside each session."""

import json
from typing import Any

import pytest

from agent import protocol as p
from bot import names
from bot.views import home
from local.slack.blockkit import check_view
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack

HERE = p.ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)


def card(status: p.SessionStatus = "idle", title: str = "To-do") -> p.SessionCard:
    return p.SessionCard(thread=HERE, title=title, updated_at=0, status=status, cost_usd=0.3)


def menu(verb: str, view_type: str = "home", *, user: str = "U0ANA") -> dict[str, Any]:
    chosen = {"value": f"{verb}:{HERE.key}"}
    action = {"type": "overflow", "action_id": names.SESSION_MENU, "selected_option": chosen}
    return payloads.click_in_view(action, view_type, user=user)


async def test_home_shows_sessions_settings_approvers_and_what_is_read(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.answers[f"Person/sessions {TEAM}:U0ANA"] = p.SessionCards(sessions=[card("waiting")])
    ingress.answers[f"Preferences/read {TEAM}:U0ANA"] = p.PreferencesView(
        chosen=p.Preferences(approvals="strict"),
        choices=p.Choices(
            models=["gpt-a"],
            most_budget_usd=5,
            defaults=p.Preferences(model="gpt-a", approvals="default", budget_usd=5),
            approvers=["U0BEN", "S0REVIEW"],
        ),
    )
    ingress.answers[f"Ledger/read {TEAM}"] = p.Spending(date="2026-11-22", day_usd=1.25)
    await deliver(payloads.home_opened())
    [published] = slack.of("views.publish")
    text = json.dumps(published["view"])
    for said in (
        "|To-do>*",
        "waiting for an answer",
        "$0.30",
        "*Model:* gpt-a (the workspace's default)",
        "*Approvals:* strict. I ask before every command",
        "*Budget of a task:* $5.00",
        "*Plans:* begun at once",
        "this whole workspace today (UTC): $1.25, as budgets count it",
        "<@U0BEN>, <!subteam^S0REVIEW>",
        "keep nothing of",
    ):
        assert said in text
    assert published["user_id"] == "U0ANA"


async def test_an_empty_home_says_how_to_begin_and_an_outsiders_says_why_it_is_empty(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(payloads.home_opened())
    await deliver(payloads.home_opened(user="U0OTTO"))
    own, outsider = [json.dumps(made["view"]) for made in slack.of("views.publish")]
    assert "No sessions yet. Mention me" in own
    assert "Whoever asked for the work; nobody else" in own
    assert "members of this workspace only" in outsider
    assert "settings" not in outsider


async def test_the_messages_tab_publishes_nothing(deliver: Deliver, slack: FakeSlack) -> None:
    await deliver(payloads.home_opened(tab="messages"))
    assert slack.of("views.publish") == []


def test_stop_is_offered_only_where_something_runs() -> None:
    idle, busy = [
        home.rows([card(status)], now=0, workspace_url="")[0]["accessory"]["options"]
        for status in ("idle", "working")
    ]
    assert [option["text"]["text"] for option in idle] == ["Download project", "Status"]
    assert [option["text"]["text"] for option in busy] == ["Download project", "Status", "Stop"]


def test_a_title_with_markup_is_a_link_all_the_same_and_a_direct_message_is_called_so() -> None:
    direct = HERE.model_copy(update={"channel": "D0ANA"})
    titled = card(title="What is *this* `thing` | ~that~?").model_copy(update={"thread": direct})
    [row] = home.rows([titled], now=0, workspace_url="https://acme.slack.com/")
    assert row["text"]["text"].startswith(
        "*<https://acme.slack.com/archives/D0ANA/p1712000000000100|What is this 'thing' / that?>* "
        "in a direct message: ready"
    )


def test_hundreds_of_sessions_stay_within_a_home_tab() -> None:
    cards = [card(title="<!channel> " * 40)] * 400
    view = home.view(home.Home(cards, p.PreferencesView(), "https://local.slack.com/"), now=0)
    assert check_view(view) == []
    assert "And 385 older ones" in json.dumps(view)


async def test_the_menu_acts_for_members_and_answers_in_a_modal(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE, title="To-do")
    slack.members[HERE.channel] = ["U0ANA"]
    for verb in ("download", "stop", "status"):
        assert (await deliver(menu(verb))).status == 200
    assert len(ingress.of("Download/run")) == len(ingress.of("Session/stop")) == 1
    packed, stopping, status = [str(opened["view"]) for opened in slack.of("views.open")]
    assert "is being packed" in packed
    assert "Stopping the work" in stopping
    assert "*To-do*: ready" in status


async def test_the_menu_of_the_modal_answers_on_top_of_it(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE)
    slack.members[HERE.channel] = ["U0ANA"]
    await deliver(menu("status", "modal"))
    assert len(slack.of("views.push")) == 1
    assert slack.of("views.open") == []


@pytest.mark.parametrize(("user", "said"), [("U0BEN", "not in that channel"), ("U0GUEST", "membe")])
async def test_the_menu_refuses_those_who_left_the_channel_and_outsiders(
    user: str, said: str, deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE)
    slack.members[HERE.channel] = ["U0ANA"]
    for verb in ("download", "stop", "status"):
        await deliver(menu(verb, user=user))
    assert ingress.sends == []
    assert all(said in str(opened["view"]) for opened in slack.of("views.open"))


async def test_the_word_sessions_tells_a_channel_of_its_own_sessions_alone(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    secret = p.SessionCard(
        thread=HERE.model_copy(update={"channel": "C0VAULT"}),
        title="Secret shop",
        updated_at=0,
        status="idle",
    )
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=[card(), secret])
    ingress.has_session(HERE)
    await deliver(payloads.reply("sessions"))
    await deliver(payloads.direct("sessions"))
    in_channel, in_direct = ingress.notes
    link = f"https://local.slack.com/archives/{HERE.channel}/p1712000000000100"
    assert in_channel.startswith(f"- [To-do]({link}): ready")
    assert "Secret" not in in_channel
    assert "1 elsewhere" in in_channel
    assert "Secret shop" in in_direct
