"""A model that sees is shown the images people sent; no journal holds them, and a server that
refuses one does not end the work."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import restate
from restate import Context

from agent import model, settings, transcript
from agent import protocol as p
from agent.llm import LLM, LLMFatal, Request, Unreadable
from agent.llm.images import resolved
from agent.provider import provider
from local.model import Reply, ScriptedModel, running_model, say
from local.model.refusal import Refusal
from sandbox.errors import FileProblem
from tests.fakes.restate import Engine, running_engine

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
GIF = b"GIF89a" + bytes(40)
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(8)
IMAGES = {"a.png": PNG, "b.jpg": JPEG, "c.gif": GIF, "d.webp": WEBP}
Json = dict[str, Any]


async def read(path: str) -> bytes:
    try:
        return IMAGES[path]
    except KeyError:
        raise Unreadable(f"{path} does not exist.") from None


def request(items: list[Json]) -> Request:
    return Request(model="gpt-6.1-sol", instructions="Be brief.", items=items)


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with running_model(scenarios=[lambda _: say("I see.")]) as running:
        yield running


async def test_every_kind_of_image_is_taken_on_both_apis(server: ScriptedModel, llm: LLM) -> None:
    items = await resolved([transcript.user("what is this?", IMAGES)], read)
    assert (await llm.turn(request(items))).text == "I see."

    body = server.requests[-1].body
    urls = [
        data_url("image/png", PNG),
        data_url("image/jpeg", JPEG),
        data_url("image/gif", GIF),
        data_url("image/webp", WEBP),
    ]
    if "input" in body:
        text, *images = body["input"][0]["content"]
        assert text == {"type": "input_text", "text": "what is this?"}
        assert [part["image_url"] for part in images] == urls
    else:
        text, *images = body["messages"][1]["content"]
        assert text == {"type": "text", "text": "what is this?"}
        assert [part["image_url"]["url"] for part in images] == urls


async def test_a_reference_that_was_not_resolved_is_refused(
    server: ScriptedModel, responses_llm: LLM
) -> None:
    with pytest.raises(LLMFatal, match=r"Unknown parameter: 'input\[0\]\.content\[1\]\.file'"):
        await responses_llm.turn(request([transcript.user("look", ["a.png"])]))


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("inbox/a.png", "image_url"),
        ("http://insecure.example/a.png", "image_url"),
        ("data:image/bmp;base64,Qk0=", "image_url"),
        ("data:image/png;base64,???", "valid image"),
        (data_url("image/png", JPEG), "valid image"),
    ],
)
async def test_what_openai_would_refuse_is_refused(
    server: ScriptedModel, llm: LLM, url: str, names: str
) -> None:
    image = {"type": "input_image", "image_url": url, "detail": "auto"}
    item = {"type": "message", "role": "user", "content": [image]}
    with pytest.raises(LLMFatal, match=names):
        await llm.turn(request([item]))


async def test_an_answer_of_the_model_holds_no_image(server: ScriptedModel, llm: LLM) -> None:
    image = {"type": "input_image", "image_url": data_url("image/png", PNG), "detail": "auto"}
    item = {"type": "message", "role": "assistant", "content": [image]}
    with pytest.raises(LLMFatal):
        await llm.turn(request([item]))


# --- inside a durable step ------------------------------------------------------------------------


class Asked(p.Wire):
    images: list[str]


class Answered(p.Wire):
    text: str


asker = restate.Service("Asker")


@asker.handler()
async def ask(ctx: Context, asked: Asked) -> Answered:
    async def look(path: str, limit_bytes: int) -> bytes:
        if path not in IMAGES:
            raise FileProblem(f"{path} does not exist.")
        return IMAGES[path][:limit_bytes]

    items = [transcript.user("what is this?", asked.images)]
    turn = await model.Caller(ctx, "a session").ask("turn 1", request(items), look)
    return Answered(text=turn.text)


def seen(body: Json) -> Reply:
    """Says what it was shown."""
    parts = [part for item in body["input"] for part in item["content"]][1:]
    return say(" ".join(part.get("text") or part["image_url"][:15] for part in parts))


@pytest.fixture
def durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`async with durable(script, LLM_IMAGES="on") as (engine, server)`."""

    @asynccontextmanager
    async def make(
        script: Callable[[Json], Reply], **environ: str
    ) -> AsyncIterator[tuple[Engine, ScriptedModel]]:
        async with (
            running_model(scenarios=[script]) as server,
            running_engine(tmp_path / "restate") as engine,
        ):
            wanted = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": server.base_url} | environ
            for name, value in wanted.items():
                monkeypatch.setenv(name, value)
            settings.current.cache_clear()
            model.current_llm.cache_clear()
            try:
                async with engine.serve([asker, provider]):
                    yield engine, server
            finally:
                await model.current_llm().aclose()
                settings.current.cache_clear()
                model.current_llm.cache_clear()

    return make


async def answer(engine: Engine, *images: str) -> str:
    handler = p.Handler("Asker", "ask", Asked, Answered)
    return (await engine.client.call(handler, None, Asked(images=list(images)))).text


async def test_a_step_shows_images_and_its_journal_holds_none(durable: Any) -> None:
    async with durable(seen, LLM_API="responses") as (engine, _):
        said = await answer(engine, "a.png", "gone.png")
        assert said == "data:image/png; (gone.png cannot be shown: gone.png does not exist.)"
        journal = json.dumps(await engine.query("select * from sys_journal"))
    assert base64.b64encode(PNG).decode()[:20] not in journal
    assert "turn 1: model" in journal


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({"LLM_API": "chat"}, False),
        ({"LLM_API": "chat", "LLM_IMAGES": "on"}, True),
        ({"LLM_API": "responses"}, True),
        ({"LLM_API": "responses", "LLM_IMAGES": "off"}, False),
    ],
)
async def test_whether_images_are_shown_is_a_setting(
    durable: Any, environ: dict[str, str], shown: bool
) -> None:
    async with durable(seen_anywhere, **environ) as (engine, _):
        assert ("data:image/png" in await answer(engine, "a.png")) == shown


def seen_anywhere(body: Json) -> Reply:
    return say(json.dumps(body["input"])[:400])


async def test_a_server_that_refuses_an_image_is_asked_without_it(durable: Any) -> None:
    def blind(body: Json) -> Reply:
        if "input_image" in json.dumps(body):
            raise Refusal("This model does not support image inputs.")
        return seen(body)

    async with durable(blind, LLM_API="responses") as (engine, server):
        assert await answer(engine, "a.png") == (
            "(a.png is not shown: the model's server refused it.)"
        )
        assert len(server.requests) == 2
