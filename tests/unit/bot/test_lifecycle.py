"""What Slack tells us about itself is handled, whatever it is."""

from pathlib import Path
from typing import Any

import pytest
import yaml

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


@pytest.mark.parametrize(
    ("event", "left"),
    [
        ({"type": "app_uninstalled"}, True),
        ({"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"], "oauth": []}}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U0ANA"]}}, False),
    ],
    ids=["uninstalled", "the bot's token", "a person's token"],
)
async def test_a_workspace_that_took_our_access_away_is_left_once_and_durably(
    event: dict[str, Any],
    left: bool,
    deliver: Deliver,
    ingress: FakeIngress,
    slack: FakeSlack,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slack.answers["auth.test"] = {"ok": False, "error": "account_inactive"}
    for _ in range(2):
        assert (await deliver(payloads.callback(event))).status == 200
    assert [(sent.handler, sent.key) for sent in ingress.sends] == (
        [("Workspace/depart", TEAM)] if left else []
    )
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert any("SLACK_BOT_TOKEN" in error for error in errors) is left


@pytest.mark.parametrize(
    ("team", "left"), [("T0OTHER", False), (TEAM, True)], ids=["another's", "ours"]
)
async def test_where_another_company_removes_its_install_of_us_we_stay(
    team: str, left: bool, deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.message("we know by now who we are"))
    await deliver(payloads.callback({"type": "app_uninstalled"}) | {"team_id": team})
    assert [sent.key for sent in ingress.of("Workspace/depart")] == ([TEAM] if left else [])
