"""Shortcuts of a message, and the one that opens from anywhere."""

from typing import Any

import pytest

from agent import protocol as p
from bot import names
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack

HERE = p.ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)
OF_A_MESSAGE = [names.DOWNLOAD_SHORTCUT, names.STATUS_SHORTCUT, names.STOP_SHORTCUT]


def view_of(opened: dict[str, Any]) -> str:
    return str(opened["view"]["blocks"])


async def test_download_and_stop_act_on_the_thread_of_the_message(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.shortcut(names.DOWNLOAD_SHORTCUT))
    await deliver(payloads.shortcut(names.STOP_SHORTCUT))
    [download], [stop] = ingress.of("Download/run"), ingress.of("Session/stop")
    assert download.value["thread"] == stop.value["thread"] == HERE.model_dump()
    told = slack.of("chat.postEphemeral")
    assert [(said["user"], said["thread_ts"]) for said in told] == [("U0ANA", payloads.TS)] * 2
    assert told[1]["text"].startswith("Stopping the work in <https://")


async def test_status_opens_in_a_modal(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.has_session(HERE, title="To-do", tasks=2)
    await deliver(payloads.shortcut(names.STATUS_SHORTCUT))
    [opened] = slack.of("views.open")
    assert opened["trigger_id"] == "7.7.abc"
    assert "*To-do*: ready" in view_of(opened)
    assert ingress.sends == []


@pytest.mark.parametrize("callback_id", OF_A_MESSAGE)
async def test_a_message_outside_our_threads_and_an_outsider_get_one_sentence(
    callback_id: str, deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(payloads.shortcut(callback_id, thread_ts=None))
    ingress.has_session(HERE)
    await deliver(payloads.shortcut(callback_id, user="U0OTTO"))
    nothing, outsider = [said["text"] for said in slack.of("chat.postEphemeral")]
    assert "no session of mine" in nothing
    assert "members of this workspace" in outsider
    assert ingress.sends == []


async def test_where_we_are_not_in_the_channel_the_sentence_stands_in_a_modal(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.answers["chat.postEphemeral"] = {"ok": False, "error": "not_in_channel"}
    response = await deliver(payloads.shortcut(names.STOP_SHORTCUT))
    assert response.status == 200
    [opened] = slack.of("views.open")
    assert "no session of mine" in view_of(opened)


async def test_a_failing_look_up_is_said_where_it_can_be_and_acknowledged(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.down = True
    for body in (
        payloads.global_shortcut(names.SESSIONS_SHORTCUT),
        payloads.shortcut(names.STATUS_SHORTCUT),
    ):
        assert (await deliver(body)).status == 200
    assert "try again in a moment" in view_of(slack.of("views.open")[0])
    assert "try again in a moment" in slack.of("chat.postEphemeral")[0]["text"]


async def test_my_sessions_opens_a_list_with_links_states_and_costs(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    card = p.SessionCard(thread=HERE, title="To-do", updated_at=0, status="waiting", cost_usd=None)
    ingress.answers[f"Person/sessions {TEAM}:U0ANA"] = p.SessionCards(sessions=[card])
    await deliver(payloads.global_shortcut(names.SESSIONS_SHORTCUT))
    [opened] = slack.of("views.open")
    link = f"https://local.slack.com/archives/{HERE.channel}/p1712000000000100"
    assert f"<{link}|To-do>" in view_of(opened)
    assert "waiting for an answer" in view_of(opened)
    assert "price unknown" in view_of(opened)


async def test_an_outsider_sees_no_sessions(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(payloads.global_shortcut(names.SESSIONS_SHORTCUT, user="U0GUEST"))
    assert "members of this workspace" in view_of(slack.of("views.open")[0])
    assert ingress.calls == []
