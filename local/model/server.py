"""Owns the scripted model's HTTP server: both APIs, strict about the raw request, faults on
demand.

The real `openai` SDK talks to it through `base_url`. What is said comes from scenarios; how it is
said from `responses_wire` and `chat_wire`. It binds 127.0.0.1 and keeps nothing but counters.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import ValidationError

from local.model import chat_wire, responses_wire
from local.model.demo import demo
from local.model.faults import Fault, Faults
from local.model.limits import Limits
from local.model.refusal import Json, Refusal
from local.model.reply import Reply, new_id
from local.model.requests import MODELS, Api, check_key, checked, json_object
from local.model.sending import send
from local.model.stored import Shelf
from local.model.usage import Meter, Tokens

Scenario = Sequence[Reply] | Callable[[Json], Reply | None]
"""Replies given one after the other, or a function of the raw request (in Responses form on both
APIs). A function that answers None leaves the request to the next scenario."""

_ANSWERS = {"responses": responses_wire.answer, "chat": chat_wire.answer}
_STREAMS = {"responses": responses_wire.stream, "chat": chat_wire.stream}
_HTML = "<!doctype html><title>Welcome</title><p>This is not the page you are looking for."


@dataclass
class Recorded:
    """One request as it came."""

    path: str
    connection: str
    """Which TCP connection it came by."""
    method: str = "POST"
    body: Json = field(default_factory=dict)
    refusal: str = ""
    """Why it was refused, if it was."""


class ScriptedModel:
    """The server's state and behaviour; `app` serves it.

    Args:
        scenarios: asked in order; the demo's own when None.
        delay_ms: pause before an answer begins; of one in the background, before its id is told.
        chunk_delay_ms: pause after each piece of text.
        background_ms: how long an answer takes that is made in the background.
        remember: how many requests `requests` keeps.
    """

    def __init__(
        self,
        scenarios: Iterable[Scenario] | None = None,
        delay_ms: float = 0,
        chunk_delay_ms: float = 0,
        remember: int = 10_000,
        background_ms: float = 0,
    ) -> None:
        self.base_url = ""
        self.requests: deque[Recorded] = deque(maxlen=remember)
        self.faults = Faults()
        self.limits = Limits()
        self.streams_cut = 0
        """Answers whose client went away before the end."""
        self.shutdown_dates: dict[str, str] = {}
        """By model: the day it ends, as the list of models tells it."""
        self.shelf = Shelf(background_ms / 1000)
        chosen = [demo] if scenarios is None else scenarios
        self._scenarios = [_playable(scenario) for scenario in chosen]
        self.delay_seconds = delay_ms / 1000
        self._chunk_delay = chunk_delay_ms / 1000
        self._meter = Meter()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/responses", self._on_responses)
        app.router.add_get("/v1/responses/{answer}", self._on_stored)
        app.router.add_delete("/v1/responses/{answer}", self._on_stored)
        app.router.add_post("/v1/responses/{answer}/cancel", self._on_stored)
        app.router.add_post("/v1/chat/completions", self._on_chat)
        app.router.add_get("/v1/models", self._on_models)
        app.router.add_post("/local/faults", self._on_fault)
        app.router.add_get("/health", self._on_health)
        return app

    def fail(self, fault: Fault) -> None:
        """Queue trouble for coming requests."""
        self.faults.add(fault)

    async def _on_responses(self, request: web.Request) -> web.StreamResponse:
        return await self._handle(request, "responses")

    async def _on_chat(self, request: web.Request) -> web.StreamResponse:
        return await self._handle(request, "chat")

    async def _on_stored(self, request: web.Request) -> web.Response:
        """What is done with an answer that was made in the background. Only faults that name the
        request (`match="GET /v1/responses/"`) break it."""
        peer = str(request.get_extra_info("peername"))
        entry = Recorded(request.path, connection=peer, method=request.method)
        self.requests.append(entry)
        answer = request.match_info["answer"]
        try:
            check_key(request)
            fault = self.faults.take(f"{request.method} {request.path}", named=True)
            if fault is not None:
                fault.refuse()
            if request.method == "DELETE":
                return web.json_response(self.shelf.delete(answer))
            if request.method == "POST":
                return web.json_response(self.shelf.cancel(answer))
            wanted = request.query.getall("include[]", []) + request.query.getall("include", [])
            return web.json_response(self.shelf.get(answer, frozenset(wanted)))
        except Refusal as refusal:
            entry.refusal = refusal.message
            return _refused(refusal)

    async def _handle(self, request: web.Request, api: Api) -> web.StreamResponse:
        entry = Recorded(request.path, connection=str(request.get_extra_info("peername")))
        self.requests.append(entry)
        try:
            check_key(request)
            raw = await request.text()
            entry.body = json_object(raw)
            asked = checked(entry.body, api)
            fault = self.faults.take(raw)
            if fault is not None:
                fault.refuse()
            with self.limits.call():
                return await self._answer(request, api, entry.body, asked, fault)
        except Refusal as refusal:
            entry.refusal = refusal.message
            return _refused(refusal)

    def _reply(self, asked: Json) -> Reply:
        for scenario in self._scenarios:
            try:
                reply = scenario(asked)
            except Refusal:
                raise
            except Exception as error:  # told to the client, who must not retry it
                message = f"The scenario failed: {error!r}"
                raise Refusal(message, code="scenario_failed") from error
            if reply is not None:
                return reply
        raise Refusal("No scenario has an answer to this request.", code="no_scenario")

    def _tokens(self, asked: Json, reply: Reply) -> Tokens:
        stable = [asked.get("instructions"), asked.get("tools")]
        key = asked.get("prompt_cache_key") or str(asked.get("instructions"))
        return self._meter.count(key, [*stable, *asked["input"]], reply)

    async def _answer(
        self,
        request: web.Request,
        api: Api,
        body: Json,
        asked: Json,
        fault: Fault | None,
    ) -> web.StreamResponse:
        if fault is not None and fault.kind in ("html", "error_page"):
            status = fault.status if fault.kind == "error_page" else 200
            return web.Response(text=_HTML, content_type="text/html", status=status)
        in_background = bool(body.get("background"))
        if not in_background:
            await asyncio.sleep(self.delay_seconds)
        reply = self._reply(asked)
        if fault is not None:
            reply = fault.alter(reply)
        tokens = self._tokens(asked, reply)
        headers = {"x-request-id": new_id("req")}
        if not body.get("stream"):
            whole = _ANSWERS[api](body, reply, tokens)
            if in_background:  # begun at once, and made also for a client that is gone
                whole = self.shelf.keep(whole)
                await asyncio.sleep(self.delay_seconds)
            return web.json_response(whole, headers=headers)
        response = web.StreamResponse(headers=headers)
        response.content_type = "text/event-stream"
        await response.prepare(request)
        frames = list(_STREAMS[api](body, reply, tokens))
        try:
            await send(request, response, frames, fault, self._chunk_delay)
        except (ConnectionError, asyncio.CancelledError):
            self.streams_cut += 1
            raise
        return response

    async def _on_models(self, request: web.Request) -> web.Response:
        try:
            check_key(request)
        except Refusal as refusal:
            return _refused(refusal)
        models = [
            {
                **{"id": name, "object": "model", "created": 0, "owned_by": "threadwright"},
                **({"shutdown_date": day} if (day := self.shutdown_dates.get(name)) else {}),
            }
            for name in MODELS
        ]
        return web.json_response({"object": "list", "data": models})

    async def _on_fault(self, request: web.Request) -> web.Response:
        try:
            self.fail(Fault.model_validate_json(await request.text()))
        except ValidationError as error:
            first = error.errors()[0]
            return _refused(Refusal(f"{first['loc']}: {first['msg']}"))
        return web.json_response({"ok": True})

    async def _on_health(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True})


def _playable(scenario: Scenario) -> Callable[[Json], Reply | None]:
    if callable(scenario):
        return scenario
    replies: Iterator[Reply] = iter(scenario)
    length = len(scenario)

    def play(_: Json) -> Reply:
        reply = next(replies, None)
        if reply is None:
            raise Refusal(f"The script has run out after {length} turns.", code="script_over")
        return reply

    return play


def _refused(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body(), status=refusal.status, headers=refusal.headers)


@asynccontextmanager
async def running_model(
    port: int = 0,
    scenarios: Iterable[Scenario] | None = None,
    delay_ms: float = 0,
    chunk_delay_ms: float = 0,
    remember: int = 10_000,
    background_ms: float = 0,
) -> AsyncIterator[ScriptedModel]:
    """A scripted model on 127.0.0.1 for as long as the block runs; `base_url` tells where."""
    model = ScriptedModel(scenarios, delay_ms, chunk_delay_ms, remember, background_ms)
    runner = web.AppRunner(
        model.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.5
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        model.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield model
    finally:
        await runner.cleanup()
