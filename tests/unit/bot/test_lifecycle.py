"""What Slack tells us about itself is handled, whatever it is."""

import json
from pathlib import Path

import pytest
import yaml

from agent import protocol as p
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack

MANIFEST = yaml.safe_load((Path(__file__).parents[3] / "manifest.yml").read_text())
SUBSCRIBED = MANIFEST["settings"]["event_subscriptions"]["bot_events"]


async def test_the_native_stop_button_stops_the_task_once(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    event = {
        "type": "agent_session_stopped",
        "channel": payloads.CHANNEL,
        "thread_ts": payloads.TS,
        "user": "U0BEN",
        "streaming_message_ts": [],
        "event_ts": "1712000070.000000",
    }
    for _ in range(2):
        assert (await deliver(payloads.callback(event))).status == 200
    [sent] = ingress.of("Session/stop")
    assert sent.key == f"{TEAM}:{payloads.CHANNEL}:{payloads.TS}"
    assert sent.value["by"]["user_id"] == "U0BEN"


async def test_app_home_shows_help_and_the_persons_own_sessions(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    thread = p.ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)
    card = p.SessionCard(thread=thread, title="To-do", updated_at=0, status="waiting")
    ingress.answers[f"Person/sessions {TEAM}:U0ANA"] = p.SessionCards(sessions=[card])
    event = {"type": "app_home_opened", "user": "U0ANA", "channel": "D0ANA", "tab": "home"}
    await deliver(payloads.callback(event))
    [published] = slack.of("views.publish")
    text = json.dumps(published)
    assert "To-do" in text
    assert "waiting for an answer" in text


@pytest.mark.parametrize("event_type", [*SUBSCRIBED, "some_event_of_the_future"])
async def test_every_subscribed_event_is_acknowledged(event_type: str, deliver: Deliver) -> None:
    """Unhandled ones would be answered 404, and sent again and again."""
    event = {
        "type": event_type.split(".", maxsplit=1)[0],
        "user": "U0ANA",
        "channel": payloads.CHANNEL,
        "thread_ts": payloads.TS,
        "ts": payloads.LATER_TS,
        "tab": "messages",
        "text": "hello",
        "tokens": {"bot": ["U0BOT"]},
    }
    assert (await deliver(payloads.callback(event))).status == 200
