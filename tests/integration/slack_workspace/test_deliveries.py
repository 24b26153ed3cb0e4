"""Socket Mode in bad conditions: late, lost and doubled acknowledgements, several sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.faults import Fault
from local.slack.limits import Limits
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    Json,
    connected_app,
    manifest,
    over_http,
    refusal,
    settled,
    write_manifest,
)
from tests.polling import until

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


def failing(app: AsyncApp) -> None:
    @app.event("message")
    async def on_message() -> None:
        raise RuntimeError("the store is down")


@pytest.mark.parametrize("patience", [0.15])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_event_that_is_never_acknowledged_comes_four_times_and_no_more(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws, failing) as bot:
        await ana.post(BUILD, "hello")
        await settled(ws)
        tries = [(e["retry_attempt"], e["retry_reason"]) for e in bot.envelopes]
        ids = {e["payload"]["event_id"] for e in bot.envelopes}
    assert tries == [(0, ""), (1, "timeout"), (2, "timeout"), (3, "timeout")]
    assert len(ids) == 1


@pytest.mark.parametrize("patience", [2])
async def test_a_dropped_acknowledgement_brings_the_event_again(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    await people.inject(Fault(method="message", kind="drop_ack"))
    async with connected_app(ws) as bot:
        await ana.post(BUILD, "hello")
        await settled(ws)
        assert [e["retry_attempt"] for e in bot.envelopes] == [0, 1]


async def test_a_duplicate_delivery_has_the_same_event_id(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    await people.inject(Fault(method="app_mention", kind="duplicate"))
    async with connected_app(ws) as bot:
        await ana.post(BUILD, "@threadwright hello")
        await settled(ws)
        ids = Counter(e["payload"]["event_id"] for e in bot.envelopes)
        kinds = Counter(one["type"] for one in bot.events())
    assert kinds == {"app_mention": 2, "message": 1}
    assert sorted(ids.values()) == [1, 2]


async def test_what_happens_while_the_app_is_away_arrives_when_it_is_back(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    await ana.post(BUILD, "are you there?")
    assert await people.unacked() == 1
    async with connected_app(ws) as bot:
        await settled(ws)
        assert [one["text"] for one in bot.events()] == ["are you there?"]


async def test_an_event_under_way_on_a_lost_socket_goes_to_the_next(
    ws: Workspace, ana: Person, http: aiohttp.ClientSession, web: AsyncWebClient
) -> None:
    socket = await http.ws_connect(await _socket_url(ws, web))
    assert (await socket.receive_json())["type"] == "hello"
    await ana.post(BUILD, "hello")
    assert (await socket.receive_json())["type"] == "events_api"
    await socket.close()
    async with connected_app(ws) as bot:
        await settled(ws)
        (envelope,) = bot.envelopes
    assert (envelope["retry_attempt"], envelope["retry_reason"]) == (1, "connection_failed")


async def test_two_replicas_take_turns(ws: Workspace, ana: Person) -> None:
    async with connected_app(ws) as one, connected_app(ws) as two:
        await until(lambda: len(ws.sockets) == 2)
        for number in range(4):
            await ana.post(BUILD, str(number))
        await settled(ws)
        assert (len(one.envelopes), len(two.envelopes)) == (2, 2)


async def test_an_app_asked_to_reconnect_takes_a_new_socket_and_loses_nothing(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        await people.reconnect_app()

        async def connected_anew() -> bool:
            opened = await people.calls("apps.connections.open")
            return len(opened) == 2 and await people.connections() == 1

        await until(connected_anew)
        await ana.post(BUILD, "still there?")
        await settled(ws)
        assert [one["text"] for one in bot.events()] == ["still there?"]


async def test_a_socket_address_is_good_once(
    ws: Workspace, http: aiohttp.ClientSession, web: AsyncWebClient
) -> None:
    url = await _socket_url(ws, web)
    async with http.ws_connect(url) as socket:
        hello: Json = await socket.receive_json()
        assert (hello["type"], hello["connection_info"]) == ("hello", {"app_id": "A0APP"})
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(url)
    assert caught.value.status == 403


async def test_the_eleventh_socket_is_sent_away(
    ws: Workspace, http: aiohttp.ClientSession, web: AsyncWebClient
) -> None:
    sockets = [await http.ws_connect(await _socket_url(ws, web)) for _ in range(11)]
    greetings = [await socket.receive_json() for socket in sockets]
    for socket in sockets:
        await socket.close()
    assert [one["type"] for one in greetings] == [*["hello"] * 10, "disconnect"]
    assert greetings[-1]["reason"] == "too_many_websockets"


async def test_socket_mode_must_be_switched_on_in_the_manifest(tmp_path: Path) -> None:
    content = manifest()
    over_http(content)
    async with running_workspace(manifest=write_manifest(tmp_path, content)) as ws:
        web = AsyncWebClient(base_url=ws.api_url)
        answer = await refusal(web.apps_connections_open(app_token=ws.app_token))
    assert answer["error"] == "socket_mode_not_enabled"


async def test_a_workspace_ends_at_once_with_pages_and_sockets_open(tmp_path: Path) -> None:
    path, patient = write_manifest(tmp_path, manifest()), Limits(ack_seconds=60)
    async with aiohttp.ClientSession() as http:
        async with running_workspace(manifest=path, limits=patient) as ws:
            web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url, session=http)
            socket = await http.ws_connect(await _socket_url(ws, web))
            page = await http.get(f"{ws.base_url}/local/stream", params={"user": ANA})
            await web.chat_postMessage(channel=BUILD, text="never acknowledged")
            started = asyncio.get_running_loop().time()
        took = asyncio.get_running_loop().time() - started
        assert await page.content.read()  # the stream came to its end
        await socket.close()
        page.close()
    assert took < 30


async def _socket_url(ws: Workspace, web: AsyncWebClient) -> str:
    return str((await web.apps_connections_open(app_token=ws.app_token))["url"])
