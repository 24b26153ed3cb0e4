"""Files of a message are in the project, under names that do no harm, or a sentence says why."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import restate
from aiohttp import web
from restate import Context, Service

from agent import protocol as p
from agent import settings
from agent.attachments import MOST_FILES, take_in
from agent.endpoint import Durable
from bot.app import slack_client
from bot.files import PREFIX, AttachedFiles
from bot.settings import Settings as BotSettings
from local.model import Reply
from local.restate.server import free_port
from local.slack.client import PeopleClient
from local.slack.limits import Limits
from local.slack.server import running_workspace
from sandbox import client as sandbox
from sandbox.backend import current_backend
from sandbox.errors import Fenced, SandboxError
from sandbox.object import sandbox as sandbox_object
from sandbox.protocol import AcquireRequest, Lease, SandboxRef
from sandbox.sweeper import sweeper
from tests.fakes.restate import Engine
from tests.integration.agent.driver import (
    ANA,
    BEN,
    THREAD,
    Agent,
    finish,
    is_planning,
    outputs,
    plan,
    shell,
    text_of,
)
from tests.integration.agent.test_losses import lose_everything, until_written
from tests.integration.sandbox.durable import forget

MANIFEST = Path(__file__).parents[3] / "manifest.yml"
CHANNEL = "C0BUILD"
MB = 1 << 20
WHOLE = bytes(range(256)) * 20_001


class Taking(p.Wire):
    entry: p.HistoryEntry
    fence: int = 5


class Took(p.Wire):
    entry: p.HistoryEntry
    sandbox: SandboxRef
    error: str = ""


taker = restate.Service("Taker")


@taker.handler()
async def take(ctx: Context, request: Taking) -> Took:
    """As a task does before it plans."""
    lease = await sandbox.acquire(ctx, THREAD.key, "taker")
    box = sandbox.SandboxClient(ctx, lease.ref, request.fence)
    try:
        await box.claim("claim")
        entry = await take_in(ctx, box, THREAD, request.entry)
    except SandboxError as error:
        return Took(entry=request.entry, sandbox=lease.ref, error=type(error).__name__)
    return Took(entry=entry, sandbox=lease.ref)


def message(*files: p.Attachment, ts: str = "1.000001") -> p.HistoryEntry:
    return p.HistoryEntry(seq=1, ts=ts, author=ANA, text="use these", files=list(files))


def attachment(name: str, file_id: str = "F1", mimetype: str = "") -> p.Attachment:
    return p.Attachment(file_id=file_id, name=name, mimetype=mimetype, size_bytes=1)


@dataclass
class House:
    engine: Engine
    last: SandboxRef | None = None

    async def take(self, entry: p.HistoryEntry, fence: int = 5) -> Took:
        handler = p.Handler("Taker", "take", Taking, Took)
        took = await self.engine.client.call(handler, None, Taking(entry=entry, fence=fence))
        self.last = took.sandbox
        return took

    async def content(self, path: str) -> bytes:
        assert self.last is not None
        return await current_backend().read_bytes(self.last, path, 8 * MB)

    async def project(self) -> list[str]:
        assert self.last is not None
        listing = await current_backend().list_files(self.last, ".", 1000)
        return [info.path for info in listing.files if info.kind == "file"]


@asynccontextmanager
async def house(
    engine: Engine,
    services: list[Durable],
    pages: dict[str, Any] | None = None,
    port: int | None = None,
    *,
    replay_always: bool = False,
) -> AsyncIterator[House]:
    every = [*services, taker, sandbox_object, sweeper]
    async with engine.serve(every, pages=pages, port=port):
        if replay_always:
            await engine.replay_always(every)
        yield House(engine)


@pytest.fixture(autouse=True)
def environment(sandboxes: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(sandboxes))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("THREADWRIGHT_ATTACHMENT_MB", "6")
    forget()
    settings.current.cache_clear()
    yield
    forget()
    settings.current.cache_clear()


# --- with the bot and the local workspace ---------------------------------------------------------


@pytest.mark.parametrize("replay_always", [False, True], ids=["live", "replay always"])
async def test_what_people_attach_is_in_the_project_under_harmless_names(
    engine: Engine, replay_always: bool
) -> None:
    sent: dict[str, bytes] = {
        "data.csv": b"a,b\n",
        "..\\..\\etc\\passwd": b"root",
        "-rf": b"dash",
        "CON": b"device",
        "photo\u202egnp.exe": b"bidi",
        "a b$(reboot)'\".txt": b"shell",
        "x" * 300 + ".tar": b"long",
        "🦀 наука.md": b"crab",
        "DATA.csv": b"upper",
        "big.bin": bytes(range(256)) * 2500,
    }
    port = free_port()
    async with (
        running_workspace(manifest=MANIFEST, limits=Limits()) as slack,
        PeopleClient(slack.base_url) as people,
        aiohttp.ClientSession() as http,
    ):
        bot = BotSettings.load(
            {
                "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
                "SLACK_APP_TOKEN": "xapp-local-threadwright",
                "SLACK_API_URL": slack.api_url,
                "THREADWRIGHT_BOT_URL": f"http://127.0.0.1:{port}",
            }
        )
        files = AttachedFiles(bot, slack_client(bot, http), http)
        ana = people.person("U0ANA")
        ts = await ana.post(CHANNEL, "use these", files=sent)
        [posted] = [m for m in await ana.messages(CHANNEL) if m["ts"] == ts]
        entry = message(*[
            p.Attachment(file_id=f["id"], name=f["name"], mimetype=f["mimetype"])
            for f in posted["files"]
        ])  # fmt: skip
        async with house(
            engine,
            [files.service()],
            {PREFIX: files.page()},
            port,
            replay_always=replay_always,
        ) as running:
            took = await running.take(entry)
            again = await running.take(took.entry)

            paths = [
                "inbox/data.csv",
                "inbox/passwd",
                "inbox/rf",
                "inbox/_CON",
                "inbox/photognp.exe",
                "inbox/a_b_reboot.txt",
                f"inbox/{'x' * 92}.tar",
                "inbox/🦀_наука.md",
                "inbox/DATA-2.csv",
                "inbox/big.bin",
            ]
            taken = took.entry.taken
            assert [one.path for one in taken] == paths
            assert [one.problem for one in taken] == [""] * len(paths)
            assert [one.name for one in taken] == list(sent)
            assert [one.size_bytes for one in taken] == [len(data) for data in sent.values()]
            assert taken[0].mimetype == "text/csv"
            for path, data in zip(paths, sent.values(), strict=True):
                assert await running.content(path) == data
            assert await running.project() == sorted(paths)
            assert again.entry == took.entry
            assert (await people.call_counts())["files.info"] == 2 * len(sent)  # not fetched again
        journal = json.dumps(await engine.query("select * from sys_journal"))
    assert "AAECAwQFBg" not in journal  # bytes 0 to 6 in base64
    assert "xoxb" not in journal


# --- with a bot that misbehaves -------------------------------------------------------------------

Give = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Tickets:
    """The bot's `Files` in small: every ticket is another address, and `answers` come in order."""

    url: str = ""
    problem: str = ""
    answers: list[Give] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths in the order in which content was asked for."""
    given: int = 0

    @property
    def service(self) -> Service:
        files = Service(p.FILES)

        @files.handler("open")
        async def open(ctx: Context, request: p.FileRequest) -> p.FileTicket:
            if self.problem:
                return p.FileTicket(problem=self.problem)
            self.given += 1
            url = f"{self.url}/{request.file_id}/{self.given}"
            return p.FileTicket(url=url, name="x", mimetype="text/plain")

        return files

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return await (self.answers.pop(0) if self.answers else content(b"fine"))(request)


def content(data: bytes, status: int = 200) -> Give:
    async def give(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=data)

    return give


async def cut(request: web.Request) -> web.StreamResponse:
    """Half of what was promised, then nothing more."""
    response = web.StreamResponse(headers={"content-length": str(10 * MB)})
    await response.prepare(request)
    await response.write(bytes(5 * MB))
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.fixture
async def tickets() -> AsyncIterator[Tickets]:
    tickets = Tickets()
    app = web.Application()
    app.router.add_get("/{path:.*}", tickets.give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    tickets.url = f"http://{host}:{port}"
    yield tickets
    await runner.cleanup()


async def test_each_try_has_a_ticket_of_its_own_and_half_a_file_is_none(
    engine: Engine, tickets: Tickets
) -> None:
    tickets.answers = [content(b"busy", 503), cut, content(WHOLE)]
    async with house(engine, [tickets.service]) as running:
        took = await running.take(message(attachment("a.txt")))
        assert [one.path for one in took.entry.taken] == ["inbox/a.txt"]
        assert await running.content("inbox/a.txt") == WHOLE
        assert await running.project() == ["inbox/a.txt"]
    assert tickets.asked == ["/F1/1", "/F1/2", "/F1/3"]


@pytest.mark.parametrize(
    ("answer", "problem", "asked"),
    [
        (content(b"Slack asked me to sign in.\n", 502), "Slack asked me to sign in.", 1),
        (content(b"It was deleted.\n", 404), "It was deleted.", 1),
        (content(bytes(6 * MB + 1)), "It is larger than the 6 MB that may be taken.", 1),
        (content(b"expired", 403), "It could not be fetched from Slack just now", 3),
    ],
)
async def test_what_cannot_be_taken_is_a_sentence_and_leaves_nothing(
    engine: Engine, tickets: Tickets, answer: Give, problem: str, asked: int
) -> None:
    tickets.answers = [answer] * asked
    async with house(engine, [tickets.service]) as running:
        took = await running.take(message(attachment("a.txt"), attachment("b.txt", "F2")))
        first, second = took.entry.taken
        assert (first.name, first.path, first.problem.startswith(problem)) == ("a.txt", "", True)
        assert (second.path, second.problem) == ("inbox/b.txt", "")
        assert await running.project() == ["inbox/b.txt"]
    assert len(tickets.asked) == asked + 1


async def test_a_refusal_of_the_bot_is_handed_on(engine: Engine, tickets: Tickets) -> None:
    tickets.problem = "It is kept outside of Slack."
    async with house(engine, [tickets.service]) as running:
        took = await running.take(message(attachment("a.txt", mimetype="text/plain")))
    assert took.entry.taken == [
        p.TakenFile(name="a.txt", mimetype="text/plain", problem="It is kept outside of Slack.")
    ]
    assert tickets.asked == []


async def test_what_earlier_messages_brought_stays(engine: Engine, tickets: Tickets) -> None:
    tickets.answers = [content(b"1"), content(b"2"), content(b"3")]
    async with house(engine, [tickets.service]) as running:
        pasted = [attachment("image.png"), attachment("image.png")]
        first = await running.take(message(*pasted))
        second = await running.take(message(attachment("image.png"), ts="1.000002"))
        assert [one.path for one in first.entry.taken] == ["inbox/image.png", "inbox/image-2.png"]
        assert [one.path for one in second.entry.taken] == ["inbox/image-3.png"]
        assert [await running.content(path) for path in await running.project()] == [
            *(b"2", b"3", b"1")
        ]


async def test_after_a_roll_back_a_file_comes_again_to_the_same_place(
    engine: Engine, tickets: Tickets
) -> None:
    async with house(engine, [tickets.service]) as running:
        took = await running.take(
            message(attachment("/a.txt"), attachment("../../../../../project/b.txt"))
        )
        await current_backend().remove(took.sandbox, "inbox/a.txt", 5)
        again = await running.take(took.entry)
        assert again.entry == took.entry
        assert await running.project() == ["inbox/a.txt", "inbox/b.txt"]
    assert len(tickets.asked) == 3


async def test_late_work_takes_nothing_in(engine: Engine, tickets: Tickets) -> None:
    async with house(engine, [tickets.service]) as running:
        await running.take(message(attachment("a.txt")), fence=7)
        late = await running.take(message(attachment("b.txt")), fence=6)
        assert late.error == "Fenced"
        assert await running.project() == ["inbox/a.txt"]


async def test_a_message_brings_at_most_so_many_files(engine: Engine, tickets: Tickets) -> None:
    many = [attachment(f"{n}.txt") for n in range(MOST_FILES + 1)]
    async with house(engine, [tickets.service]) as running:
        async with asyncio.timeout(60):
            took = await running.take(message(*many))
    problems = [one.problem for one in took.entry.taken]
    assert problems == [""] * MOST_FILES + ["A message may bring at most 20 files."]


# --- in a whole task ------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


async def say_with_files(agent: Agent, *files: p.Attachment) -> None:
    words = p.UserMessage(
        thread=THREAD, ts=THREAD.root_ts, author=ANA, text="what is this?", files=list(files)
    )
    await agent.engine.client.send_message(words)


async def test_planner_and_worker_see_an_image_and_a_lost_sandbox_gets_the_files_again(
    make_agent: Any, sandboxes: Path, tickets: Tickets
) -> None:
    tickets.answers = [content(PNG), content(b"1,2")] * 2
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    seen: list[tuple[str, list[str]]] = []
    tries = 0

    def script(request: dict[str, Any]) -> Reply:
        nonlocal tries
        role = "planner" if is_planning(request) else "worker"
        text, *images = request["input"][0]["content"]
        assert (
            "<Ana> what is this?\n(attached: inbox/shot.png, 72 bytes)\n"
            "(attached: inbox/data.csv, 3 bytes)"
        ) in text["text"]
        seen.append((role, [image["image_url"] for image in images]))
        if role == "planner":
            return plan("look")
        done = outputs(request)
        if done:
            return finish(done[0]["output"])
        tries += 1
        wait = "touch begun; sleep 60" if tries == 1 else ""
        return shell(f"cat inbox/data.csv; {wait}")

    async with make_agent(script) as agent, agent.engine.serve([tickets.service]):
        await say_with_files(
            agent, attachment("shot.png", mimetype="image/png"), attachment("data.csv", "F2")
        )
        await until_written(sandboxes, "begun")
        await lose_everything(sandboxes)
        result = await agent.result()
        journal = json.dumps(await agent.engine.query("select * from sys_journal"))
    assert (result.outcome, result.summary) == ("done", "1,2")
    assert seen == [("planner", [url]), *[("worker", [url])] * (len(seen) - 1)]
    assert tries == 2
    assert len(tickets.asked) == 4
    assert base64.b64encode(PNG).decode()[:24] not in journal


async def test_a_stop_while_files_are_taken_in_leaves_none_and_late_writes_are_refused(
    make_agent: Any, tickets: Tickets
) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": str(10 * MB)})
        await response.prepare(request)
        await response.write(bytes(5 * MB))  # more than one part: something is in the sandbox
        begun.set()
        await over.wait()
        return response

    tickets.answers = [hang]
    acquire = p.Handler("Sandbox", "acquire", AcquireRequest, Lease)
    async with (
        make_agent(lambda _: plan(answer="Here I am.")) as agent,
        agent.engine.serve([tickets.service]),
    ):
        await say_with_files(agent, attachment("a.bin"))
        await asyncio.wait_for(begun.wait(), 20)
        lease = await agent.engine.client.call(acquire, THREAD.key, AcquireRequest(owner="test"))
        with pytest.raises(Fenced):
            await current_backend().write(lease.ref, "inbox/a.bin", b"late", 999)
        await agent.engine.client.stop(p.StopRequest(thread=THREAD, by=BEN), "stop-1")
        stopped = await agent.result()
        await agent.idle()
        await agent.deliver("2.000000", "are you there?")
        again = await agent.result(lambda body: body.outcome == "answered")
        listing = await current_backend().list_files(lease.ref, ".", 100)
    over.set()
    assert (stopped.outcome, stopped.summary.partition(".")[0]) == ("stopped", "By Ben")
    assert again.summary == "Here I am."
    assert [info.path for info in listing.files if info.kind == "file"] == []
    assert len(tickets.asked) == 1


async def test_a_file_that_cannot_be_taken_does_not_end_the_task(
    make_agent: Any, tickets: Tickets
) -> None:
    tickets.problem = "It was deleted from Slack."

    def script(request: dict[str, Any]) -> Reply:
        text = text_of(request)
        assert "(attached a.txt could not be taken: It was deleted from Slack.)" in text
        return plan(answer="I cannot see the file.")

    async with make_agent(script) as agent, agent.engine.serve([tickets.service]):
        await say_with_files(agent, attachment("a.txt"))
        result = await agent.result()
    assert (result.outcome, result.summary) == ("answered", "I cannot see the file.")
