"""HTTP mode with a real Bolt app behind an address: signatures, the challenge, retries, answers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.errors import Refused
from local.slack.faults import Fault
from local.slack.limits import Limits
from local.slack.samples import samples
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    manifest,
    over_http,
    settled,
    write_manifest,
)
from tests.integration.slack_workspace.test_interactions import acknowledging, posted
from tests.integration.slack_workspace.test_views import LOADING, picker
from tests.serving import serving

RETRY_DELAYS = (0.0, 0.02, 0.02)


@dataclass
class Endpoint:
    """A server of the app's, and the requests it got."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    """Path, headers in lower case, body."""


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        endpoint.requests.append((request.path, headers, await request.text()))
        return await answer(request)

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    async with serving(app) as endpoint.url:
        yield endpoint


@pytest.fixture
def patience() -> float:
    """Seconds for an acknowledgement: more than any machine takes for one that is given."""
    return 60


@pytest.fixture
async def ws(tmp_path: Path, patience: float) -> AsyncIterator[Workspace]:
    path = write_manifest(tmp_path, over_http(manifest()))
    limits = Limits(ack_seconds=patience, retry_delays=RETRY_DELAYS)
    async with running_workspace(manifest=path, limits=limits) as workspace:
        yield workspace


def bolt(ws: Workspace, secret: str | None = None) -> tuple[AsyncApp, Answer]:
    """A Bolt app and how its server answers."""
    client = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
    quiet = logging.getLogger("tests.bolt")
    quiet.setLevel(logging.CRITICAL)
    app = AsyncApp(
        client=client,
        signing_secret=secret or ws.signing_secret,
        process_before_response=True,
        logger=quiet,
    )

    async def answer(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return app, answer


def minding(answers: Callable[[int], web.StreamResponse]) -> Answer:
    """Meets the challenge; after that answers the n-th event, from 0, as told."""
    count = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal count
        body = await request.json()
        if body.get("type") == "url_verification":
            return web.Response(text=body["challenge"])
        count += 1
        return answers(count - 1)

    return answer


async def test_a_bolt_app_meets_the_challenge_and_hears_events_signed(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    app, answer = bolt(ws)
    heard: list[str] = []

    @app.event("message")
    async def take(event: dict[str, str]) -> None:
        heard.append(event["text"])

    async with listening(answer) as endpoint:
        await people.use_http(endpoint.url)
        await ana.post(BUILD, "hello over HTTP")
        await settled(ws)
    assert heard == ["hello over HTTP"]
    (challenge, event) = endpoint.requests
    assert (challenge[0], event[0]) == ("/slack/events", "/slack/events")
    assert event[1]["x-slack-signature"].startswith("v0=")
    assert "x-slack-retry-num" not in event[1]


async def test_clicks_commands_forms_and_menus_go_to_their_own_addresses(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    app, answer = bolt(ws)
    acknowledging(app)
    external = {"type": "external_select", "action_id": "project", "min_query_length": 0}
    label = {"type": "plain_text", "text": "Project"}
    asked = {"type": "input", "block_id": "p", "label": label, "element": external}
    view = picker(blocks=[asked])
    offered = [{"text": {"type": "plain_text", "text": "To-do"}, "value": "todo"}]

    @app.command("/threadwright")
    async def command(ack: AsyncAck, body: dict[str, str], client: AsyncWebClient) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack("On my way")

    @app.options("project")
    async def options(ack: AsyncAck) -> None:
        await ack(options=offered)

    @app.view("pick")
    async def submit(ack: AsyncAck) -> None:
        await ack(response_action="update", view=LOADING)

    async with listening(answer) as endpoint:
        await people.use_http(endpoint.url)
        web_client = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        ts = await posted(web_client)
        await ana.click(BUILD, ts, "approve")
        await ana.command(BUILD, "/threadwright", "download")
        await settled(ws)
        (opened,) = await ana.views()
        assert await ana.suggestions(opened["id"], "project", "to") == {"options": offered}
        await ana.submit(opened["id"], {"p": {"project": {"selected_option": offered[0]}}})
        (updated,) = await ana.views()
        said = [one["text"] for one in await ana.messages(BUILD)]
        paths = [
            path for path, headers, _ in endpoint.requests if "form" in headers["content-type"]
        ]
    assert updated["blocks"][0]["type"] == "section"
    assert "On my way" in said
    assert sorted(paths) == ["/slack/clicks"] * 2 + ["/slack/commands", "/slack/options"]


@pytest.mark.parametrize(
    ("forgery", "status"),
    [(None, 200), ("bad_signature", 401), ("stale", 401), ("unsigned", 401)],
)
async def test_a_forged_request_is_refused_by_bolt(
    ws: Workspace, people: PeopleClient, forgery: str | None, status: int
) -> None:
    app, answer = bolt(ws)

    @app.event("message")
    async def take() -> None:
        """Handled, if it gets here."""

    sample = samples(ws)[0]
    async with listening(answer) as endpoint:
        await people.use_http(endpoint.url)
        told = await people.deliver(sample.envelope, sample.payload, forgery=forgery)
    assert [one["status"] for one in told["answers"]] == [status]
    assert told["acked"] is (status == 200)


async def test_a_replay_is_the_same_request_with_the_same_signature(
    ws: Workspace, people: PeopleClient
) -> None:
    app, answer = bolt(ws)
    app.event("message")(_nothing)
    sample = samples(ws)[0]
    async with listening(answer) as endpoint:
        await people.use_http(endpoint.url)
        told = await people.deliver(sample.envelope, sample.payload, times=3)
        replays = endpoint.requests[1:]
    assert [one["status"] for one in told["answers"]] == [200, 200, 200]
    assert len({(headers["x-slack-signature"], body) for _, headers, body in replays}) == 1


async def _nothing() -> None:
    """Handled."""


async def test_an_app_with_another_secret_does_not_meet_the_challenge(
    ws: Workspace, people: PeopleClient
) -> None:
    _, answer = bolt(ws, "not the secret")
    async with listening(answer) as endpoint:
        with pytest.raises(Refused, match="answered 401 without the value of the challenge"):
            await people.use_http(endpoint.url)


async def test_a_failed_event_comes_again_and_says_why(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    answers = [web.Response(status=404), web.Response(status=500), web.Response()]
    async with listening(minding(lambda n: answers[n])) as endpoint:
        await people.use_http(endpoint.url)
        await ana.post(BUILD, "hello")
        await settled(ws)
        headers = [one[1] for one in endpoint.requests[1:]]
        bodies = {one[2] for one in endpoint.requests[1:]}
    retries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h in headers]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len(bodies) == 1


async def test_an_app_that_wants_no_retry_gets_none(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    no_more = {"x-slack-no-retry": "1"}
    async with listening(minding(lambda _: web.Response(status=500, headers=no_more))) as endpoint:
        await people.use_http(endpoint.url)
        await ana.post(BUILD, "hello")
        await settled(ws)
        assert len(endpoint.requests) == 2


@pytest.mark.parametrize("patience", [2])
async def test_an_answer_that_comes_too_late_or_is_lost_is_none(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    released = asyncio.Event()
    calm = minding(lambda _: web.Response())

    async def answer(request: web.Request) -> web.StreamResponse:
        given = await calm(request)
        if request.headers.get("x-slack-retry-num") is None and b"hello" in await request.read():
            await released.wait()
        return given

    async with listening(answer) as endpoint:
        await people.use_http(endpoint.url)
        await ana.post(BUILD, "hello")
        await settled(ws)
        await people.inject(Fault(method="message", kind="drop_ack"))
        await ana.post(BUILD, "bye")
        await settled(ws)
        released.set()
        reasons = [one[1].get("x-slack-retry-reason") for one in endpoint.requests[1:]]
    assert reasons == [None, "http_timeout", None, "http_timeout"]


async def test_an_app_that_is_gone_is_given_up_and_its_people_are_told(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    async with listening(minding(lambda _: web.Response())) as endpoint:
        await people.use_http(endpoint.url)
    await ana.post(BUILD, "anybody?")
    await settled(ws)
    async with ana.news() as news:
        ts = await posted(AsyncWebClient(token=ws.bot_token, base_url=ws.api_url))
        await ana.click(BUILD, ts, "approve")
        async for one in news:
            if one["type"] == "toast":
                assert one["text"] == "The app cannot be reached."
                break


async def test_http_needs_socket_mode_off_and_an_address_of_this_machine(
    ws: Workspace, people: PeopleClient, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="is no http address of this machine"):
        await people.use_http("http://app.example.com")
    with pytest.raises(Refused, match="did not answer the challenge"):
        await people.use_http("http://127.0.0.1:1")
    path = write_manifest(tmp_path, manifest())
    async with running_workspace(manifest=path) as socketed, PeopleClient(socketed.base_url) as two:
        with pytest.raises(Refused, match=r"needs settings\.socket_mode_enabled: false"):
            await two.use_http("http://127.0.0.1:1")


async def test_the_people_of_an_app_without_an_address_are_told(
    ws: Workspace, http: aiohttp.ClientSession, ana: Person
) -> None:
    body = {"user": ANA, "channel": BUILD, "command": "/threadwright"}
    async with ana.news() as news, http.post(f"{ws.base_url}/local/command", json=body):
        toast = await asyncio.wait_for(anext(news), 60)
    assert "The app is not connected" in toast["text"]
