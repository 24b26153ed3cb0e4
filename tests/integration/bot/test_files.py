"""Attached files leave Slack through the bot alone: by a ticket, or one sentence why not."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from agent import protocol as p
from agent.pages import Signer
from bot.app import slack_client
from bot.files import PREFIX, AttachedFiles
from local.restate.server import free_port
from local.slack.client import PeopleClient
from local.slack.faults import Fault
from local.slack.limits import Limits
from local.slack.server import running_workspace
from tests.fakes.restate import Engine, running_engine
from tests.fakes.slack_files import OddSlack, odd_slack
from tests.integration.bot.conftest import CHANNEL, MANIFEST, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

THREAD = p.ThreadRef(team="T0LOCAL", channel=CHANNEL, root_ts="1.000000")
TOKEN = "xoxb-local-threadwright"
MB = 1 << 20


@dataclass
class Files:
    """The service as the agent calls it, and the page as it reads it."""

    engine: Engine
    http: aiohttp.ClientSession
    url: str

    async def open(self, file_id: str = "F1") -> p.FileTicket:
        request = p.FileRequest(thread=THREAD, file_id=file_id)
        return await self.engine.client.call(p.OPEN_FILE, None, request)

    async def get(self, url: str) -> tuple[int, bytes]:
        async with self.http.get(url) as response:
            return response.status, await response.read()

    async def content(self, file_id: str = "F1") -> tuple[int, bytes]:
        ticket = await self.open(file_id)
        assert ticket.url, ticket.problem
        return await self.get(ticket.url)


@asynccontextmanager
async def serving(engine: Engine, api_url: str) -> AsyncIterator[Files]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = settings_for(api_url, THREADWRIGHT_BOT_URL=url, THREADWRIGHT_ATTACHMENT_MB="2")
    async with aiohttp.ClientSession() as http:
        files = AttachedFiles(settings, slack_client(settings, http), http)
        pages = {PREFIX: files.page()}
        async with engine.serve([files.service()], pages=pages, port=port):
            yield Files(engine, http, url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def odd_house(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Files, OddSlack]]:
    data = tmp_path_factory.mktemp("restate")
    async with (
        running_engine(data) as engine,
        odd_slack() as slack,
        serving(engine, slack.api_url) as files,
    ):
        yield files, slack


@pytest.fixture
def odd(odd_house: tuple[Files, OddSlack]) -> OddSlack:
    slack = odd_house[1]
    slack.told, slack.give, slack.error = {}, None, "file_not_found"
    slack.tokens.clear()
    return slack


@pytest.fixture
def files(odd_house: tuple[Files, OddSlack]) -> Files:
    return odd_house[0]


async def test_what_a_person_attached_comes_through_and_no_journal_knows_the_token(
    tmp_path: Path,
) -> None:
    async with (
        running_engine(tmp_path / "restate") as engine,
        running_workspace(manifest=MANIFEST, limits=Limits()) as slack,
        PeopleClient(slack.base_url) as people,
        serving(engine, slack.api_url) as files,
    ):
        ana = people.person("U0ANA")
        ts = await ana.post(CHANNEL, "this", files={"data ü.csv": b"a,b\n1,2\n"})
        [file] = (await ana.messages(CHANNEL, ts))[0]["files"]
        for kind in ("ratelimited", "error"):  # a busy Slack is waited for
            await people.inject(Fault.model_validate({"method": "files.info", "kind": kind}))

        ticket = await files.open(file["id"])

        assert (ticket.name, ticket.mimetype, ticket.size_bytes) == ("data ü.csv", "text/csv", 8)
        assert ticket.url.startswith(f"{files.url}/files/")
        assert await files.get(ticket.url) == (200, b"a,b\n1,2\n")
        journal = json.dumps(await engine.query("select * from sys_journal"))
        assert "ticket" in journal
        assert TOKEN not in journal
        assert "files-pri" not in journal


async def test_content_is_sent_as_a_download_that_no_browser_opens(
    files: Files, odd: OddSlack
) -> None:
    odd.file(b"<script>", name='x".html\r\nset-cookie: a', mimetype="text/html")
    ticket = await files.open()
    async with files.http.get(ticket.url) as response:
        assert await response.read() == b"<script>"
        assert response.content_type == "application/octet-stream"
        assert response.headers["content-disposition"] == (
            "attachment; filename*=UTF-8''x%22.html%0D%0Aset-cookie%3A%20a"
        )
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"mode": "external"}, "It is kept outside of Slack"),
        ({"is_external": True}, "It is kept outside of Slack"),
        ({"mode": "tombstone"}, "It was deleted from Slack."),
        ({"mode": "hidden_by_limit"}, "Slack hides it"),
        ({"file_access": "check_file_info"}, "Another company shared it"),
        ({"size": 2 * MB + 1}, "It has 3 MB, and I take at most 2 MB."),
        ({"url_private_download": None}, "no content to download"),
    ],
)
async def test_a_file_that_cannot_be_had_is_refused_with_a_sentence(
    told: dict[str, Any], sentence: str, files: Files, odd: OddSlack
) -> None:
    odd.file(b"x", **told)
    ticket = await files.open()
    assert (ticket.url, sentence in ticket.problem) == ("", True), ticket


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("file_not_found", "It is not in Slack any more"),
        ("missing_scope", "files:read"),
        ("something_new", "(something_new)"),
    ],
)
async def test_a_refusal_of_slack_is_told_with_a_sentence(
    error: str, sentence: str, files: Files, odd: OddSlack
) -> None:
    odd.error = error
    ticket = await files.open()
    assert (ticket.url, sentence in ticket.problem) == ("", True), ticket


async def test_an_address_that_is_forged_changed_or_expired_gives_nothing(
    files: Files, odd: OddSlack
) -> None:
    odd.file(b"secret")
    good = (await files.open()).url.removeprefix(f"{files.url}/files/")
    ours = Signer(TOKEN, "address of an attached file")
    value, end, signature = good.split(".")
    for token in (
        "",
        "...",
        "é" * 20,
        f"{value}.{int(end) + 1}.{signature}",
        f"{value}x.{end}.{signature}",
        f"{value}.{end}.{signature[:-1]}",
        Signer("xoxb-another-bot", "address of an attached file").sign("F1", time.time() + 60),
        Signer(TOKEN, "something else").sign("F1", time.time() + 60),
        ours.sign("F1", time.time() - 1),
    ):
        status, body = await files.get(f"{files.url}/files/{token}")
        assert (status, body.startswith(b"This address")) == (403, True), token
    assert odd.tokens == []
    assert (await files.get(f"{files.url}/files/{good}"))[0] == 200
    assert 590 < int(end) - time.time() <= 600


async def test_the_token_is_never_sent_to_another_host(files: Files, odd: OddSlack) -> None:
    async with odd_slack() as elsewhere:
        elsewhere.file(b"phished")
        odd.file(b"x")

        async def away(_: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"{elsewhere.url}/files-pri/T1-F1/download/data.csv")

        odd.give = away
        status, body = await files.content()
        assert (status, b"where my token must not go" in body) == (502, True)

        odd.file(b"x", url_private_download=f"{elsewhere.url}/files-pri/T1-F1/x")
        assert (await files.content())[0] == 502
        assert elsewhere.tokens == []


async def test_a_redirect_on_the_same_host_is_followed_but_not_for_ever(
    files: Files, odd: OddSlack
) -> None:
    odd.file(b"x")

    async def once(request: web.Request) -> web.StreamResponse:
        if request.path == "/elsewhere":
            return web.Response(body=b"found", content_type="text/csv")
        raise web.HTTPFound("/elsewhere")

    odd.give = once
    assert await files.content() == (200, b"found")
    assert odd.tokens == [f"Bearer {TOKEN}"] * 2

    async def round_and_round(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/elsewhere")

    odd.give = round_and_round
    assert (await files.content())[0] == 502


LOGIN = b"<!DOCTYPE html><title>Slack</title>Sign in"


@pytest.mark.parametrize("told", [{}, {"mimetype": "text/html", "name": "page.html", "size": 7}])
async def test_a_login_page_is_not_taken_for_the_file(
    told: dict[str, Any], files: Files, odd: OddSlack
) -> None:
    odd.file(b"x", **told)

    async def login(_: web.Request) -> web.StreamResponse:
        return web.Response(body=LOGIN, content_type="text/html")

    odd.give = login
    status, body = await files.content()
    assert (status, b"files:read" in body, b"Sign in" in body) == (502, True, False)


@pytest.mark.parametrize(("theirs", "ours"), [(429, 503), (500, 503), (404, 404), (403, 404)])
async def test_what_slack_answers_is_told_apart(
    theirs: int, ours: int, files: Files, odd: OddSlack
) -> None:
    odd.file(b"x")

    async def give(_: web.Request) -> web.StreamResponse:
        return web.Response(status=theirs)

    odd.give = give
    assert (await files.content())[0] == ours


async def test_more_bytes_than_allowed_are_cut_off(files: Files, odd: OddSlack) -> None:
    odd.file(b"x")

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(4):
            await response.write(bytes(MB))
        return response

    odd.give = endless
    with pytest.raises(aiohttp.ClientPayloadError):
        await files.content()

    async def honest(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(3 * MB))

    odd.give = honest
    status, body = await files.content()
    assert (status, body) == (413, b"It has 3 MB, and I take at most 2 MB.\n")


async def test_only_reading_is_answered(files: Files, odd: OddSlack) -> None:
    odd.file(b"x")
    ticket = await files.open()
    async with files.http.post(ticket.url, data=b"") as response:
        assert response.status == 405


async def test_content_passes_piece_by_piece(files: Files, odd: OddSlack, tmp_path: Path) -> None:
    """What Slack has sent is never far ahead of what the reader has taken."""
    sent = 0

    async def give(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(bytes(MB))
            sent += MB
        return response

    async with running_engine(tmp_path / "restate") as engine:
        port = free_port()
        settings = settings_for(
            odd.api_url,
            THREADWRIGHT_BOT_URL=f"http://127.0.0.1:{port}",
            THREADWRIGHT_ATTACHMENT_MB="100",
        )
        attached = AttachedFiles(settings, slack_client(settings, files.http), files.http)
        pages = {PREFIX: attached.page()}
        async with engine.serve([attached.service()], pages=pages, port=port):
            odd.file(b"", size=64 * MB)
            odd.give = give
            ticket = await Files(engine, files.http, "").open()
            ahead, received = 0, 0
            async with files.http.get(ticket.url) as response:
                async for piece in response.content.iter_chunked(MB):
                    received += len(piece)
                    ahead = max(ahead, sent - received)
    assert (received, sent) == (64 * MB, 64 * MB)
    assert ahead < 32 * MB
