"""A project reaches its thread: as a file, or by a link where Slack takes no files; else a sentence
says why."""

import io
import re
import time
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from restate import ObjectSharedContext, VirtualObject

from agent import links, settings
from agent import protocol as p
from agent.download import download
from agent.endpoint import Durable
from agent.pages import Signer
from bot.app import slack_client
from bot.settings import Settings as BotSettings
from bot.slack_api import SlackApi
from bot.thread import build_thread
from bot.upload import build_upload
from bot.views import note
from bot.workspace import workspace as workspace_object
from local.restate.server import free_port
from local.slack.client import PeopleClient
from local.slack.faults import Fault
from local.slack.limits import Limits
from local.slack.server import running_workspace
from sandbox.backend import current_backend
from sandbox.object import sandbox as sandbox_object
from sandbox.protocol import SandboxRef
from sandbox.sweeper import sweeper
from tests.fakes.restate import Engine
from tests.fakes.thread import RecordedThreads
from tests.fakes.upload import RecordedUploads, recorded_uploads
from tests.integration.agent.driver import ANA, THREAD
from tests.integration.bot.conftest import until
from tests.integration.sandbox.durable import Cloud, Work, driver, forget

MANIFEST = Path(__file__).parents[3] / "manifest.yml"
SECRET = "a secret of sixteen characters or more"
OFF = "An admin has switched file uploads off in this workspace."
URL = re.compile(r"\]\((http[^)]+)\)")


@dataclass
class House:
    cloud: Cloud
    thread: p.ThreadRef
    http: aiohttp.ClientSession

    async def build(self, *commands: str) -> None:
        work = Work(session=self.thread.key, commands=list(commands))
        done = await self.cloud.work(work)
        assert [r.exit_code for r in done.results] == [0] * len(commands), done
        await self.cloud.release(self.thread.key, "driver")

    async def ask(self, request_id: str = "click 1") -> None:
        """Waits for the end, as nobody in Slack does."""
        request = p.DownloadRequest(thread=self.thread, by=ANA, request_id=request_id)
        await self.cloud.engine.client.call(p.RUN_DOWNLOAD, None, request)

    async def leases(self) -> list[str]:
        return list((await self.cloud.life(self.thread.key)).leases)

    async def box(self) -> SandboxRef:
        ref = (await self.cloud.life(self.thread.key)).ref
        assert ref is not None
        return ref

    async def get(self, url: str) -> tuple[int, bytes]:
        async with self.http.get(url) as response:
            return response.status, await response.read()


def known_session() -> VirtualObject:
    """As much of a session as a download asks for."""
    session = VirtualObject(p.SESSION)

    @session.handler(kind="shared")
    async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionView:
        return p.SessionView(exists=True, title="URL shortener")

    return session


@pytest.fixture
def environment(sandboxes: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what a test wants, and has it read anew."""

    def set_to(**more: str) -> None:
        wanted = {"SANDBOX_STATE_DIR": str(sandboxes), "OPENAI_API_KEY": "none"} | more
        for name, value in wanted.items():
            monkeypatch.setenv(name, value)
        forget()
        settings.current.cache_clear()

    yield set_to
    forget()
    settings.current.cache_clear()


@asynccontextmanager
async def house(
    engine: Engine, services: list[Durable], port: int, thread: p.ThreadRef = THREAD
) -> AsyncIterator[House]:
    every: list[Durable] = [*services, known_session(), download, driver, sandbox_object, sweeper]
    async with (
        engine.serve(every, pages=links.pages(), port=port),
        aiohttp.ClientSession() as http,
    ):
        yield House(Cloud(engine, http), thread, http)


@dataclass
class Stage:
    house: House
    threads: RecordedThreads
    uploads: RecordedUploads

    async def said(self) -> str:
        """The one note in the thread, after a download was asked for."""
        await self.house.ask()
        await self.threads.until(p.NoteBody, lambda _: True)
        [body] = self.threads.bodies(p.NoteBody)
        return body.text

    async def link(self) -> str:
        said = await self.said()
        found = URL.search(said)
        assert found, said
        return found[1]


@pytest.fixture
def stage(engine: Engine, environment: Any) -> Any:
    """`async with stage(SETTING="…") as s`: uploads and threads are recorded."""

    @asynccontextmanager
    async def make(*, with_links: bool = True, **more: str) -> AsyncIterator[Stage]:
        port = free_port()
        linked = {
            "THREADWRIGHT_PUBLIC_URL": f"http://127.0.0.1:{port}/",
            "THREADWRIGHT_LINK_SECRET": SECRET,
        }
        environment(**((linked if with_links else {}) | more))
        threads = RecordedThreads()
        async with (
            recorded_uploads() as uploads,
            house(engine, [*threads.services, *uploads.services], port) as running,
        ):
            yield Stage(running, threads, uploads)

    return make


def files_in(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


async def test_a_project_is_shared_as_a_file_and_a_repeat_posts_nothing_new(stage: Any) -> None:
    async with stage() as s:
        await s.house.build("mkdir src; echo 1 > src/app.py")
        for _ in range(2):
            request = p.DownloadRequest(thread=THREAD, by=ANA, request_id="click 1")
            await s.house.cloud.engine.client.download(request)
        await until(lambda: _value(len(s.uploads.shared)), lambda n: n == 1)
        await s.house.build("true")  # whatever a second run would do is done by now
        [(finish, archive)] = s.uploads.shared
        assert finish.comment == "here is the project: 1 file."
        assert finish.mentions == ["U0ANA"]
        assert files_in(archive) == ["url-shortener/src/app.py"]
        assert s.threads.events == []
        assert await until(s.house.leases, lambda held: not held) == []


async def _value(n: int) -> int:
    return n


@pytest.mark.parametrize("when", ["begin", "finish"])
async def test_where_slack_takes_no_files_the_thread_gets_a_link(stage: Any, when: str) -> None:
    async with stage() as s:
        await s.house.build("echo 1 > app.py")
        if when == "begin":
            s.uploads.begins = p.UploadTicket(problem=OFF, blocked=True)
        else:
            s.uploads.refuses = p.UploadReceipt(ok=False, error=OFF, blocked=True)
        said = await s.said()
        assert said.startswith(f"{OFF} Instead, here is the project: 1 file. [Download")
        assert re.search(r"\) until \d\d:\d\d UTC\.$", said)
        link = URL.findall(said)[0]

        async with s.house.http.get(link) as response:
            assert response.headers["content-type"] == "application/zip"
            assert "url-shortener.zip" in response.headers["content-disposition"]
            assert files_in(await response.read()) == ["url-shortener/app.py"]
        assert (await s.house.get(link))[0] == 200  # until it ends, as often as people like
        assert await s.house.leases() == ["download click 1"]  # kept for the link

        assert await s.said() == said  # a repeat says nothing new


async def test_the_note_with_a_link_is_one_that_slack_shows(stage: Any) -> None:
    async with stage() as s:
        await s.house.build("echo 1 > app.py")
        s.uploads.begins = p.UploadTicket(problem=OFF, blocked=True)
        said = await s.said()
    shown = note.render(p.NoteBody(text=said)).text
    assert f"<{URL.findall(said)[0]}|Download the project>" in shown


async def test_a_link_that_is_changed_forged_or_old_gives_nothing(stage: Any) -> None:
    async with stage() as s:
        await s.house.build("echo 1 > app.py")
        s.uploads.begins = p.UploadTicket(problem=OFF, blocked=True)
        link = await s.link()
        base, _, token = link.rpartition("/")
        value, end, signature = token.split(".")
        offer = Signer(SECRET, "link to a project").read(token, time.time())
        assert 3590 < int(end) - time.time() <= 3600
        assert SECRET not in offer
        for bad in (
            f"{value}.{int(end) + 60}.{signature}",
            f"{value}.{end}.{signature[::-1]}",
            Signer("another secret, long enough", "link to a project").sign(offer, time.time() + 9),
            Signer(SECRET, "address of an attached file").sign(offer, time.time() + 9),
            Signer(SECRET, "link to a project").sign(offer, time.time() - 1),
        ):
            assert (await s.house.get(f"{base}/{bad}"))[0] == 403


async def test_a_link_can_be_looked_at_without_its_archive(stage: Any) -> None:
    async with stage() as s:
        await s.house.build("echo 1 > app.py")
        s.uploads.begins = p.UploadTicket(problem=OFF, blocked=True)
        link = await s.link()
        _, archive = await s.house.get(link)
        async with s.house.http.head(link) as response:
            shown = (response.status, response.headers["content-length"], await response.read())
        async with s.house.http.head(f"{link}x") as response:
            refused = response.status
        async with s.house.http.post(link) as response:
            posted = (response.status, response.headers["allow"])
    assert shown == (200, str(len(archive)), b"")
    assert (refused, posted) == (403, (405, "GET, HEAD"))


async def test_a_link_to_a_sandbox_that_ended_says_what_to_do(stage: Any) -> None:
    async with stage() as s:
        await s.house.build("echo 1 > app.py")
        s.uploads.begins = p.UploadTicket(problem=OFF, blocked=True)
        link = await s.link()
        await current_backend().stop(await s.house.box())
        status, body = await s.house.get(link)
    assert (status, b"ask for the project again in its thread" in body) == (410, True)


async def test_an_archive_that_was_replaced_is_gone_too(stage: Any) -> None:
    async with stage() as s:
        await s.house.build("echo 1 > app.py")
        s.uploads.begins = p.UploadTicket(problem=OFF, blocked=True)
        link = await s.link()
        await s.house.build("rm -r /home/sandbox/.archives/*")
        assert (await s.house.get(link))[0] == 410


async def test_without_a_public_url_the_thread_is_told_why_and_what_an_operator_can_do(
    stage: Any,
) -> None:
    async with stage(with_links=False) as s:
        await s.house.build("echo 1 > app.py")
        s.uploads.begins = p.UploadTicket(problem=OFF, blocked=True)
        assert await s.said() == (
            f"The project could not be handed over. {OFF} An operator can set "
            "THREADWRIGHT_PUBLIC_URL; then I give a link."
        )
        assert await until(s.house.leases, lambda held: not held) == []


async def test_a_refusal_of_the_place_gives_no_link_around_it(stage: Any) -> None:
    async with stage() as s:
        await s.house.build("echo 1 > app.py")
        s.uploads.refuses = p.UploadReceipt(ok=False, error="The channel is archived.")
        assert await s.said() == ("The project could not be handed over. The channel is archived.")


async def test_a_project_too_large_is_refused_by_where_its_bytes_are(stage: Any) -> None:
    async with stage(THREADWRIGHT_DOWNLOAD_MB="2") as s:
        await s.house.build("mkdir -p data/raw; truncate -s 3M data/raw/a; echo 1 > app.py")
        assert await s.said() == (
            "The project could not be handed over. The project is larger than the 2 MB an archive "
            "may hold: it has 3 MB, most of them in data/raw (3 MB)."
        )
        assert s.uploads.bodies == {}


async def test_a_workspace_that_takes_no_files_has_the_link_in_its_thread(
    engine: Engine, environment: Any
) -> None:
    """All of it: Slack's refusal, the poster's message, and what a person's browser gets."""
    port = free_port()
    async with (
        running_workspace(manifest=MANIFEST, limits=Limits()) as slack,
        PeopleClient(slack.base_url) as people,
        aiohttp.ClientSession() as http,
    ):
        environment(
            THREADWRIGHT_PUBLIC_URL=f"http://127.0.0.1:{port}", THREADWRIGHT_LINK_SECRET=SECRET
        )
        bot = BotSettings.load(
            {
                "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
                "SLACK_APP_TOKEN": "xapp-local-threadwright",
                "SLACK_API_URL": slack.api_url,
            }
        )
        api = SlackApi(slack_client(bot, http))
        ana = people.person("U0ANA")
        root = await ana.post("C0BUILD", "build something")
        thread = p.ThreadRef(team="T0LOCAL", channel="C0BUILD", root_ts=root)
        services: list[Durable] = [build_thread(api), workspace_object, build_upload(api)]
        async with house(engine, services, port, thread) as running:
            await running.build("echo 1 > app.py")
            await people.inject(
                Fault(
                    method="files.getUploadURLExternal",
                    kind="error",
                    error="file_uploads_except_images_disabled",
                )
            )
            await running.ask()

            async def replies() -> list[dict[str, Any]]:
                return (await ana.messages("C0BUILD", root))[1:]

            [message] = await until(replies, lambda found: len(found) == 1)
            assert message["text"].startswith("This workspace takes images only, no other files.")
            found = re.search(r"<(http[^|]+)\|Download the project>", message["text"])
            assert found
            status, archive = await running.get(found[1])
            assert (status, files_in(archive)) == (200, ["url-shortener/app.py"])
