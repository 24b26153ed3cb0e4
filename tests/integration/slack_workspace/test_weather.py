"""Bad conditions of long runs: events out of order or late, and faults that come by themselves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.faults import Fault, Weather
from local.slack.limits import Limits
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    BUILD,
    connected_app,
    manifest,
    settled,
    write_manifest,
)

RETRY_DELAYS = (0.0, 0.02, 0.02)


@pytest.fixture
def patience() -> float:
    """Seconds for an acknowledgement: more than any machine takes for one that is given."""
    return 60


@pytest.fixture
async def ws(tmp_path: Path, patience: float) -> AsyncIterator[Workspace]:
    path = write_manifest(tmp_path, manifest())
    limits = Limits(ack_seconds=patience, retry_delays=RETRY_DELAYS)
    async with running_workspace(manifest=path, limits=limits) as workspace:
        yield workspace


async def heard(ws: Workspace, people: PeopleClient, ana: Person, *faults: Fault) -> list[str]:
    """What the app hears of three messages said in order."""
    for fault in faults:
        await people.inject(fault)
    async with connected_app(ws) as bot:
        for text in ("one", "two", "three"):
            await ana.post(BUILD, text)
        await settled(ws)
        return [one["text"] for one in bot.events("message")]


async def test_a_reordered_event_comes_after_the_next(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    fault = Fault(method="message", kind="reorder", seconds=30)
    texts = await heard(ws, people, ana, fault)
    assert texts[0] == "two"
    assert sorted(texts[1:]) == ["one", "three"]


async def test_an_event_is_held_back_behind_as_many_as_asked(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    fault = Fault(method="message", kind="reorder", seconds=30, after=2)
    assert await heard(ws, people, ana, fault) == ["two", "three", "one"]


async def test_an_event_is_held_back_no_longer_than_its_time(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    await people.inject(Fault(method="message", kind="reorder", seconds=0.05))
    async with connected_app(ws) as bot:
        await ana.post(BUILD, "alone")
        await settled(ws)
        assert [one["text"] for one in bot.events("message")] == ["alone"]


async def test_a_delayed_event_comes_late_but_comes(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    fault = Fault(method="message", kind="delay", seconds=3)
    assert await heard(ws, people, ana, fault) == ["two", "three", "one"]


@pytest.mark.parametrize("patience", [2.5])
async def test_in_bad_weather_nothing_is_lost_and_all_that_was_done_is_counted(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    await people.weather(Weather(seed=5, duplicate=0.3, reorder=0.3, drop_ack=0.2, seconds=0.1))
    async with connected_app(ws) as bot:
        for number in range(40):
            await ana.post(BUILD, str(number))
        await settled(ws)
        texts = [one["text"] for one in bot.events("message")]
    report = await people.clear_weather()
    assert set(texts) == {str(number) for number in range(40)}
    first_heard = list(dict.fromkeys(texts))
    assert first_heard != sorted(first_heard, key=int)  # the order is not theirs
    assert report["weather"] is None
    assert report["rolled"]["duplicate"] == 40
    done = report["done"]
    assert all(done[kind] > 0 for kind in ("duplicate", "reorder", "drop_ack"))
    assert len(texts) == 40 + done["duplicate"] + done["drop_ack"]


async def test_in_bad_weather_methods_fail_before_and_after_their_commit(
    people: PeopleClient, web: AsyncWebClient, ana: Person
) -> None:
    await people.weather(Weather(seed=1, ratelimited=0.2, error=0.2, error_after_commit=0.2))
    outcomes = []
    for number in range(40):
        try:
            await web.chat_postMessage(channel=BUILD, text=str(number))
            outcomes.append(200)
        except SlackApiError as error:
            outcomes.append(error.response.status_code)
    done = (await people.weather_report())["done"]
    posted = len(await ana.messages(BUILD))
    assert outcomes.count(429) == done["ratelimited"] > 0
    assert outcomes.count(503) == done["error"] + done["error_after_commit"]
    assert posted == outcomes.count(200) + done["error_after_commit"]
