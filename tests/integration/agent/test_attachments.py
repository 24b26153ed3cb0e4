"""Files of a message are in the project, under names that do no harm, or a sentence says why."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent import protocol as p
from agent import settings
from agent.attachments import MOST_FILES
from bot.app import slack_client
from bot.files import PREFIX, AttachedFiles
from bot.settings import Settings as BotSettings
from local.restate.server import free_port
from local.slack.client import PeopleClient
from local.slack.limits import Limits
from local.slack.server import running_workspace
from sandbox.backend import current_backend
from tests.fakes.restate import Engine
from tests.integration.agent.attaching import (
    MB,
    Give,
    Tickets,
    attachment,
    content,
    cut,
    house,
    message,
)
from tests.integration.sandbox.durable import forget

MANIFEST = Path(__file__).parents[3] / "manifest.yml"
CHANNEL = "C0BUILD"
WHOLE = bytes(range(256)) * 20_001


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
        async with asyncio.timeout(90):
            took = await running.take(message(*many))
    problems = [one.problem for one in took.entry.taken]
    assert problems == [""] * MOST_FILES + ["A message may bring at most 20 files."]
