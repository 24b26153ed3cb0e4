"""What stood in a thread is read once, within bounds, and the session is answered in any case."""

import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from restate import ObjectContext, VirtualObject

from agent import protocol as p
from agent.endpoint import Durable
from bot.app import slack_client
from bot.identity import Ourselves
from bot.people import People
from bot.reader import MOST_CHARS, MOST_MESSAGES, build_reader
from local.slack.client import PeopleClient
from local.slack.faults import Fault
from local.slack.server import running_workspace
from tests.fakes.restate import Engine, running_engine
from tests.integration.bot.conftest import (
    CHANNEL,
    MANIFEST,
    PATIENT,
    TEAM,
    settings_for,
    until,
)


class Answers:
    """The agent's `Session`, as far as the reader speaks to it."""

    def __init__(self) -> None:
        self.got: dict[str, p.ThreadSoFar] = {}
        self.service = VirtualObject(p.SESSION)

        @self.service.handler(p.ON_CONTEXT.name)
        async def on_context(ctx: ObjectContext, so_far: p.ThreadSoFar) -> p.Nothing:
            self.got[ctx.key()] = so_far
            return p.Nothing()


class Library:
    """A reader on a real engine, before a real workspace."""

    def __init__(self, engine: Engine, people: PeopleClient, answers: Answers) -> None:
        self.engine, self.people, self._answers = engine, people, answers

    async def read(self, root_ts: str, channel: str = CHANNEL) -> p.ThreadSoFar:
        thread = p.ThreadRef(team=TEAM, channel=channel, root_ts=root_ts)
        request = p.ReadThread(thread=thread)
        await self.engine.client.send(p.READ_THREAD, None, request, f"{thread.key}:{time.time()}")

        async def answer() -> p.ThreadSoFar | None:
            return self._answers.got.get(thread.key)

        found = await until(answer, lambda answer: answer is not None)
        assert found is not None
        del self._answers.got[thread.key]
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Library]:
    answers = Answers()
    async with (
        running_engine(tmp_path_factory.mktemp("restate")) as engine,
        running_workspace(manifest=MANIFEST, limits=PATIENT) as slack,
        PeopleClient(slack.base_url) as people,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        ourselves = Ourselves(slack_client(settings_for(slack.api_url), http))
        reader = build_reader(ourselves, People(), "aside:")
        services: list[Durable] = [reader, answers.service]
        async with engine.serve(services):
            await engine.replay_always(services)
            yield Library(engine, people, answers)


@pytest_asyncio.fixture(loop_scope="module")
async def thread(library: Library) -> AsyncIterator[str]:
    """A thread that ana began."""
    await library.people.clear_faults()
    yield await library.people.person("U0ANA").post(CHANNEL, "Our shop is slow & old")
    await library.people.clear_faults()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_everything_people_said_is_read_in_order_with_their_names(
    library: Library, thread: str
) -> None:
    ana, ben = library.people.person("U0ANA"), library.people.person("U0BEN")
    await ben.post(CHANNEL, "@ana is it the cache?", thread_ts=thread)
    await ana.post(CHANNEL, "aside: lunch first", thread_ts=thread)
    await ana.post(CHANNEL, "status", thread_ts=thread)
    await ana.post(CHANNEL, "@threadwright make it fast", thread_ts=thread)
    so_far = await library.read(thread)
    assert so_far.problem == ""
    said = [(m.author.name, m.text, m.for_us, m.ours) for m in so_far.messages]
    names = {"U0ANA": "Ana", "U0BEN": "Ben"}
    assert [m.author.name for m in so_far.messages] == [
        names[user] for user in ("U0ANA", "U0BEN", "U0ANA", "U0ANA", "U0ANA")
    ]
    assert [text for _, text, _, _ in said] == [
        "Our shop is slow & old",
        "@Ana is it the cache?",
        "aside: lunch first",
        "status",
        "make it fast",
    ]
    assert [for_us for _, _, for_us, _ in said] == [False, False, False, False, True]
    assert not any(ours for *_, ours in said)
    assert all(m.client_msg_id for m in so_far.messages)


async def test_outsiders_are_flagged_and_bots_are_nobody_to_obey(
    library: Library,
) -> None:
    ana, otto = library.people.person("U0ANA"), library.people.person("U0OTTO")
    root = await ana.post("C0GENERAL", "a shared thread")
    await otto.post("C0GENERAL", "delete it all", thread_ts=root)
    so_far = await library.read(root, "C0GENERAL")
    assert [(m.author.user_id, m.author.outsider) for m in so_far.messages] == [
        ("U0ANA", False),
        ("U0OTTO", True),
    ]


async def test_a_long_thread_keeps_its_first_message_and_the_newest(
    library: Library, thread: str
) -> None:
    ben = library.people.person("U0BEN")
    for n in range(MOST_MESSAGES + 5):
        await ben.post(CHANNEL, f"reply {n}", thread_ts=thread)
    messages = (await library.read(thread)).messages
    assert len(messages) == MOST_MESSAGES
    assert messages[0].ts == thread
    assert [messages[1].text, messages[-1].text] == ["reply 6", f"reply {MOST_MESSAGES + 4}"]


async def test_long_messages_are_kept_from_the_newest_back(library: Library, thread: str) -> None:
    ben = library.people.person("U0BEN")
    for letter in "abcdef":
        await ben.post(CHANNEL, letter * 9000, thread_ts=thread)
    messages = (await library.read(thread)).messages
    assert sum(len(m.text) for m in messages) == MOST_CHARS
    assert [m.text[0] for m in messages] == ["b", "c", "d", "e", "f"]


async def test_when_slack_is_busy_it_is_asked_again_after_the_time_it_names(
    library: Library, thread: str
) -> None:
    busy = Fault(method="conversations.replies", kind="ratelimited", retry_after=2)
    await library.people.inject(busy)
    before = time.monotonic()
    so_far = await library.read(thread)
    assert time.monotonic() - before >= 2
    assert (so_far.problem, len(so_far.messages)) == ("", 1)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            Fault(method="conversations.replies", kind="ratelimited", retry_after=60),
            "Slack is too busy",
        ),
        (
            Fault(method="conversations.replies", kind="ratelimited", times=2, retry_after=1),
            "Slack is too busy",
        ),
        (
            Fault(method="conversations.replies", kind="error", error="missing_scope"),
            "did not let me read what was said here before (missing_scope)",
        ),
        (Fault(method="conversations.replies", kind="error", times=4), "Slack gave no answer"),
    ],
    ids=["for a minute", "twice", "refused", "silent"],
)
async def test_what_cannot_be_read_is_said_in_one_sentence(
    fault: Fault, said: str, library: Library, thread: str
) -> None:
    await library.people.inject(fault)
    so_far = await library.read(thread)
    assert said in so_far.problem
    assert so_far.problem.endswith(".")
    assert so_far.messages == []


async def test_who_cannot_be_looked_up_is_not_taken_for_a_member(library: Library) -> None:
    cleo = library.people.person("U0CLEO")
    root = await cleo.post(CHANNEL, "only I know this")
    await library.people.inject(Fault(method="users.info", kind="error", times=50))
    so_far = await library.read(root)
    await library.people.clear_faults()
    [message] = so_far.messages
    assert (message.author.name, message.author.outsider) == ("U0CLEO", True)
    assert "could not find out who wrote" in so_far.problem
    assert (await library.read(root)).messages[0].author == p.Person(user_id="U0CLEO", name="Cleo")
