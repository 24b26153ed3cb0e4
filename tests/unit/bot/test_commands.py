"""The slash command, its picker, and the message shortcut."""

import json
from typing import Any

import pytest

from agent import protocol as p
from bot import names
from bot.views import picker
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack

HERE = p.ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)
THERE = p.ThreadRef(team=TEAM, channel="C0GENERAL", root_ts="1711000000.000300")
LINK = "https://local.slack.com/archives/{}/p{}"


def link(thread: p.ThreadRef) -> str:
    return LINK.format(thread.channel, thread.root_ts.replace(".", ""))


def card(thread: p.ThreadRef, title: str, status: p.SessionStatus = "idle") -> p.SessionCard:
    return p.SessionCard(thread=thread, title=title, updated_at=1712000000.0, status=status)


def use(slack: FakeSlack, text: str, user: str = "U0ANA") -> dict[str, Any]:
    return payloads.command(text, f"{slack.url}/respond", user=user)


async def test_the_only_session_in_this_channel_is_meant(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    cards = [card(THERE, "elsewhere"), card(HERE, "to-do")]
    ingress.answers[f"Person/sessions {TEAM}:U0ANA"] = p.SessionCards(sessions=cards)
    ingress.has_session(HERE)
    await deliver(use(slack, "download"))
    [sent] = ingress.of("Download/run")
    assert sent.value["thread"] == HERE.model_dump()
    [answer] = slack.of("response_url")
    assert "will be posted in <https://local.slack.com/" in answer["text"]
    assert slack.of("views.open") == []


async def test_several_sessions_open_a_picker_with_those_of_this_channel_first(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    second = HERE.model_copy(update={"root_ts": "1712000001.000100"})
    cards = [card(THERE, "elsewhere"), card(HERE, "to-do"), card(second, "parser")]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    await deliver(use(slack, "download"))
    [opened] = slack.of("views.open")
    view = opened["view"] if isinstance(opened["view"], dict) else json.loads(opened["view"])
    options = view["blocks"][0]["element"]["options"]
    assert [option["value"] for option in options] == [HERE.key, second.key, THERE.key]
    assert opened["trigger_id"] == "9.9.trigger"
    assert ingress.sends == []
    assert slack.of("response_url") == []


def submission(thread: p.ThreadRef, verb: names.Verb = "download") -> dict[str, Any]:
    view = picker.modal(verb, payloads.CHANNEL, [card(thread, "x")], now=1712000000.0)
    chosen = {"selected_option": {"value": thread.key}}
    return {
        "type": "view_submission",
        "user": {"id": "U0ANA", "team_id": TEAM},
        "team": {"id": TEAM, "domain": "local"},
        "view": view
        | {"id": "V1", "state": {"values": {picker.BLOCK_ID: {picker.ACTION_ID: chosen}}}},
    }


async def test_the_choice_in_the_picker_is_handed_over_to_a_member(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.members["C0GENERAL"] = ["U0BEN", "U0ANA"]
    ingress.has_session(THERE)
    response = await deliver(submission(THERE))
    assert response.status == 200
    assert response.body == ""
    assert len(ingress.of("Download/run")) == 1
    [said] = slack.of("chat.postEphemeral")
    assert said["channel"] == payloads.CHANNEL


async def test_the_picker_refuses_a_channel_the_person_left(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.members["C0GENERAL"] = ["U0BEN"]
    ingress.has_session(THERE)
    response = await deliver(submission(THERE))
    assert "not in that channel" in json.loads(response.body)["errors"][picker.BLOCK_ID]
    assert ingress.sends == []


async def test_a_picker_whose_choice_cannot_be_recorded_says_so_in_place(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.members["C0GENERAL"] = ["U0ANA"]
    ingress.down = True
    response = await deliver(submission(THERE))
    assert "try again" in json.loads(response.body)["errors"][picker.BLOCK_ID]


async def test_a_link_names_the_session_and_membership_is_asked_for_other_channels(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(THERE)
    slack.members["C0GENERAL"] = ["U0BEN"]
    await deliver(use(slack, f"download {link(THERE)}"))
    assert ingress.sends == []
    assert "not in that channel" in slack.of("response_url")[0]["text"]
    await deliver(use(slack, f"download {link(THERE)}", user="U0BEN"))
    assert len(ingress.of("Download/run")) == 1


async def test_a_channel_we_cannot_see_is_refused_like_one_the_person_is_not_in(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(use(slack, f"download {link(THERE)}"))
    assert "not in that channel" in slack.of("response_url")[0]["text"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("download https://example.com/x", "no link to a message"),
        ("dance", "I do not know “dance”"),
        ("", "I build and change code"),
        ("help", "I build and change code"),
        ("download", "no sessions yet"),
        ("stop", "Nothing of yours is running"),
        ("status", "No sessions yet"),
        (f"download {link(HERE)}", "no session of mine in that thread"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_sentence(
    text: str, said: str, deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(use(slack, text))
    [answer] = slack.of("response_url")
    assert said in answer["text"]
    assert ingress.sends == []


async def test_stop_offers_only_what_is_running(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    second = HERE.model_copy(update={"root_ts": "1712000001.000100"})
    cards = [card(HERE, "idle one"), card(second, "busy one", "working")]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    ingress.has_session(second)
    await deliver(use(slack, "stop"))
    [sent] = ingress.of("Session/stop")
    assert sent.key == second.key


async def test_status_lists_all_sessions_of_the_caller(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    second = HERE.model_copy(update={"root_ts": "1712000001.000100"})
    cards = [card(HERE, "to-do <!channel>"), card(second, "parser", "working")]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    await deliver(use(slack, "status"))
    [answer] = slack.of("response_url")
    assert "*to-do &lt;!channel&gt;* in <#C0BUILD>: idle" in answer["text"]
    assert "*parser* in <#C0BUILD>: working" in answer["text"]


async def test_outsiders_get_nothing_from_command_and_shortcut(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE)
    await deliver(use(slack, f"download {link(HERE)}", user="U0OTTO"))
    await deliver(payloads.shortcut(user="U0OTTO"))
    assert ingress.sends == []
    assert "members of this workspace" in slack.of("response_url")[0]["text"]
    assert "members of this workspace" in slack.of("chat.postEphemeral")[0]["text"]


async def test_the_shortcut_downloads_the_project_of_the_messages_thread(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.shortcut())
    [sent] = ingress.of("Download/run")
    assert sent.value["thread"] == HERE.model_dump()
    assert len(slack.of("chat.postEphemeral")) == 1


async def test_the_shortcut_on_any_other_message_says_there_is_nothing(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(payloads.shortcut(thread_ts=None))
    assert ingress.sends == []
    assert "no session of mine" in slack.of("chat.postEphemeral")[0]["text"]
