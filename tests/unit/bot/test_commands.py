"""The slash command and its picker."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from slack_bolt.response import BoltResponse

from agent import protocol as p
from bot import names
from bot.views import picker
from tests.polling import until
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


def use(text: str, user: str = "U0ANA") -> dict[str, Any]:
    return payloads.command(text, user=user)


async def told_by(delivered: Awaitable[BoltResponse]) -> dict[str, Any]:
    """What the acknowledgement tells the caller alone."""
    answer: dict[str, Any] = json.loads((await delivered).body)
    assert answer["response_type"] == "ephemeral"
    return answer


async def test_the_only_session_in_this_channel_is_meant(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    cards = [card(THERE, "elsewhere"), card(HERE, "to-do")]
    ingress.answers[f"Person/sessions {TEAM}:U0ANA"] = p.SessionCards(sessions=cards)
    ingress.has_session(HERE)
    answer = await told_by(deliver(use("download")))
    [sent] = ingress.of("Download/run")
    assert sent.value["thread"] == HERE.model_dump()
    assert "will be posted in <https://local.slack.com/" in answer["text"]
    assert slack.of("views.open") == []


async def test_several_sessions_open_a_picker_with_those_of_this_channel_first(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    second = HERE.model_copy(update={"root_ts": "1712000001.000100"})
    cards = [card(THERE, "elsewhere"), card(HERE, "to-do"), card(second, "parser")]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    assert (await deliver(use("download"))).body == ""
    [opened] = slack.of("views.open")
    options = opened["view"]["blocks"][0]["element"]["options"]
    assert [option["value"] for option in options] == [HERE.key, second.key, THERE.key]
    assert opened["trigger_id"] == "9.9.trigger"
    assert ingress.sends == []


def submission(thread: p.ThreadRef, verb: names.Verb = "download") -> dict[str, Any]:
    view = picker.modal(verb, payloads.CHANNEL, [card(thread, "x")], now=1712000000.0)
    chosen = {"selected_option": {"value": thread.key}}
    return payloads.submission(view, {picker.BLOCK_ID: {picker.ACTION_ID: chosen}})


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


async def test_where_nothing_can_be_said_the_picker_itself_tells(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.answers["chat.postEphemeral"] = {"ok": False, "error": "not_in_channel"}
    slack.members["C0GENERAL"] = ["U0ANA"]
    ingress.has_session(THERE)
    answer = json.loads((await deliver(submission(THERE))).body)
    assert answer["response_action"] == "update"
    assert "is being packed" in str(answer["view"])


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
    assert "not in that channel" in (await told_by(deliver(use(f"download {link(THERE)}"))))["text"]
    assert ingress.sends == []
    await deliver(use(f"download {link(THERE)}", user="U0BEN"))
    assert len(ingress.of("Download/run")) == 1


async def test_a_channel_we_cannot_see_is_refused_like_one_the_person_is_not_in(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    assert "not in that channel" in (await told_by(deliver(use(f"download {link(THERE)}"))))["text"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("download https://example.com/x", "is not a link to a message"),
        ("dowload the project", "I do not know “dowload”: did you mean `download`? `/thread"),
        ("dance", "I do not know “dance”: I know `download`, `stop`"),
        ("<!channel>", "I do not know “&lt;!channel&gt;”: "),
        ("", "I build and change code"),
        ("help", "I build and change code"),
        ("download", "No sessions yet"),
        ("stop", "Nothing of yours is running"),
        ("status", "No sessions yet"),
        (f"download {link(HERE)}", "no session of mine in that thread"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_sentence(
    text: str, said: str, deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    answer = await told_by(deliver(use(text)))
    assert said in answer["text"]
    assert ingress.sends == []


async def test_stop_offers_only_what_is_running(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    second = HERE.model_copy(update={"root_ts": "1712000001.000100"})
    cards = [card(HERE, "idle one"), card(second, "busy one", "working")]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    ingress.has_session(second)
    await deliver(use("stop"))
    [sent] = ingress.of("Session/stop")
    assert sent.key == second.key


async def test_sessions_lists_all_of_the_caller_with_links(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    cards = [card(HERE, "to-do <!channel>"), card(THERE, "parser", "working")]
    cards[1] = cards[1].model_copy(update={"cost_usd": 0.125})
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    answer = await told_by(deliver(use("sessions")))
    assert f"*<{link(HERE)}|to-do &lt;!channel&gt;>* in <#C0BUILD>: ready" in answer["text"]
    assert f"*<{link(THERE)}|parser>* in <#C0GENERAL>: working" in answer["text"]
    assert answer["text"].endswith("$0.12")
    assert [block["accessory"]["type"] for block in answer["blocks"]] == ["overflow", "overflow"]


async def test_status_of_one_of_several_is_asked_for_in_the_picker(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    cards = [card(THERE, "to-do"), card(THERE.model_copy(update={"root_ts": "2.000002"}), "parser")]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    await deliver(use("status"))
    assert slack.of("views.open")[0]["view"]["submit"]["text"] == "Show status"


async def test_the_status_of_a_thread_in_a_foreign_channel_is_not_told(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(THERE, title="Secret shop", total_cost_usd=1.5)
    slack.members["C0GENERAL"] = ["U0BEN"]
    refused = (await told_by(deliver(use(f"status {link(THERE)}"))))["text"]
    told = (await told_by(deliver(use(f"status {link(THERE)}", user="U0BEN"))))["text"]
    assert "not in that channel" in refused
    assert "Secret" not in refused
    assert "*Secret shop*: ready" in told
    assert "$1.50 so far" in told


async def test_status_of_running_work_tells_cost_budget_model_and_caution(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE, title="Shop", task="t/1", status="working", total_cost_usd=0.5)
    steps = [p.StepLine(id="a", title="Test it", status="in_progress")]
    ingress.answers["Task/status t/1"] = p.TaskStatus(
        state="working",
        plan=p.PlanBody(title="Shop", steps=steps),
        model="gpt-a",
        approvals="strict",
        budget_usd=2,
        usage=p.Usage(cost_usd=0.25),
    )
    told = (await told_by(deliver(use(f"status {link(HERE)}"))))["text"]
    assert "• Test it (now)" in told
    assert "$0.25 for this task, budget $2.00, model gpt-a, strict approvals" in told
    assert "$0.50 so far" in told


async def test_a_slow_look_up_opens_a_modal_at_once_that_then_shows_what_was_found(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    cards = [card(HERE, "to-do"), card(THERE, "parser")]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    ingress.open.clear()
    delivered = asyncio.ensure_future(deliver(use("stop")))
    await until(lambda: bool(slack.of("views.open")))
    assert "looking that up" in str(slack.of("views.open")[0]["view"])
    ingress.open.set()
    assert (await delivered).status == 200
    [update] = slack.of("views.update")
    assert update["view_id"] == "V1"
    assert "Nothing of yours is running" in str(update["view"])


async def test_a_slow_list_of_long_titles_is_shown_in_the_modal_as_well(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    """As one text it would exceed what a section takes, and the modal would look for ever."""
    threads = [HERE.model_copy(update={"root_ts": f"17120000{n:02}.000100"}) for n in range(15)]
    cards = [card(thread, "a <long> title " * 6) for thread in threads]
    ingress.answers["Person/sessions"] = p.SessionCards(sessions=cards)
    ingress.open.clear()
    delivered = asyncio.ensure_future(deliver(use("sessions")))
    await until(lambda: bool(slack.of("views.open")))
    ingress.open.set()
    assert (await delivered).body == ""
    [update] = slack.of("views.update")
    assert len(update["view"]["blocks"]) == 15


@pytest.mark.parametrize("text", [f"download\n{link(HERE)}", f"download\u00a0{link(HERE)}"])
async def test_any_space_parts_the_word_from_the_link(
    text: str, deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(use(text))
    assert len(ingress.of("Download/run")) == 1


async def test_a_look_up_that_takes_too_long_is_given_up_and_says_so(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.open.clear()
    assert (await deliver(use("download"))).status == 200
    ingress.open.set()
    [update] = slack.of("views.update")
    assert "Please try again in a moment" in str(update["view"])
    assert ingress.sends == []


async def test_outsiders_get_nothing_from_the_command(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE)
    told = await told_by(deliver(use(f"download {link(HERE)}", user="U0OTTO")))
    assert "members of this workspace" in told["text"]
    assert ingress.sends == []
