"""Owns how a process of ours serves its durable handlers to Restate, registers them, and ends.

hypercorn inside the process's own event loop, HTTP/2 with prior knowledge: on HTTP/1.1 neither a
cancel nor an interrupt could reach a running step. `make bench` measures it beside granian, which
takes about a fifth less time per journaled step; but embedded in a process granian at times never
came back from a stop with open streams, and aborted the interpreter at exit. asyncio's own loop,
not uvloop, which makes starting commands twice as dear.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

import aiohttp
import hypercorn.asyncio
import restate
from hypercorn.config import Config
from restate.server import install_shutdown_hook

from agent.replay import Unchanged

log = logging.getLogger(__name__)

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""

Durable = restate.Service | restate.VirtualObject | restate.Workflow
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SHUTDOWN_SECONDS = 4.0
"""After this the process ends hard. Safe: an unfinished step is driven again elsewhere."""


class EndpointError(Exception):
    """Serving or registering is not possible; one sentence with the cause and what to do."""


def begin_logging() -> None:
    """One line per event on standard error; of libraries only what an operator should look at."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for library in ("httpx2", "hypercorn.error", "slack_bolt", "slack_sdk"):
        logging.getLogger(library).setLevel(logging.WARNING)


def host_and_port(bind: str, variable: str) -> tuple[str, int]:
    """Split `host:port`. Raises EndpointError naming the setting."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise EndpointError(f"{variable}={bind!r} is not host:port; an example is 127.0.0.1:9080.")
    return host, int(port)


def stop_on_signals() -> asyncio.Event:
    """An event set by SIGTERM or SIGINT. The hard end follows `SHUTDOWN_SECONDS` later.

    Restate's SDK takes SIGTERM over at the first request; its hook list is the way to still be
    told.
    """
    stop = asyncio.Event()

    def begin() -> None:
        if not stop.is_set():
            stop.set()
            timer = threading.Timer(SHUTDOWN_SECONDS, os._exit, [0])
            timer.daemon = True
            timer.start()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        install_shutdown_hook(loop, begin, signum)
    return stop


def leave(status: int) -> NoReturn:
    """End this process at once, everything written out.

    Nothing is waited for: what is unfinished is driven again by the engine.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


async def serve(
    services: Iterable[Durable],
    *,
    bind: str,
    stop: asyncio.Event,
    ready: Callable[[], bool] = lambda: True,
    identity_keys: list[str] | None = None,
    grace_seconds: float = 1.0,
    pages: Mapping[str, Asgi] | None = None,
    hearing: Callable[[Receive], Receive] = lambda receive: receive,
    same_bytes: bool = False,
) -> None:
    """Serve until `stop` is set; `GET /health` answers 200 once `ready()`.

    Args:
        bind: `host:port`, loopback unless a proxy stands before it.
        identity_keys: public keys of the Restate servers that may call; None accepts any caller.
        grace_seconds: what runs at the stop may end in this time, then it is cut off; the engine
            drives it again elsewhere.
        pages: further applications by path prefix, for example `{"/files/": app}`.
        hearing: wraps what an attempt receives of the engine, in the attempt's own task; see
            `idling.py`.
        same_bytes: a replay must also write the same bytes, as it does within one release.

    Raises:
        EndpointError: the port is taken or not ours to bind.
    """
    host, port = host_and_port(bind, "the endpoint's bind address")
    await _refuse_taken(host, port)
    codec = None if same_bytes else Unchanged()
    app: Any = restate.app(
        _described(services), identity_keys=identity_keys, journal_value_codec=codec
    )
    attempts = _Attempts(
        lambda scope, receive, send: app(scope, hearing(receive), send), ready, pages or {}
    )
    closed = asyncio.Event()
    served: Any = attempts
    running = asyncio.create_task(
        hypercorn.asyncio.serve(served, _config(host, port), shutdown_trigger=closed.wait)
    )
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        raise EndpointError(f"The endpoint at {bind} ended by itself.") from running.exception()
    with _muted("restate.server", "hypercorn.error"):
        await attempts.end(grace_seconds)  # hypercorn would wait for whole handlers
        closed.set()
        await _until_closed(running)


def _described(services: Iterable[Durable]) -> list[Durable]:
    """As Restate is told of them: without JSON schemas, which only its web page shows. To make them
    takes longer than all else between a start and the first attempt."""
    described = list(services)
    for service in described:
        for handler in service.handlers.values():
            for hint in (handler.handler_io.input_type, handler.handler_io.output_type):
                if hint is not None:
                    hint.generate_json_schema = None
    return described


@contextmanager
def _muted(*loggers: str) -> Iterator[None]:
    """They report each stream that a stop cuts off as an error."""
    for name in loggers:
        logging.getLogger(name).disabled = True
    try:
        yield
    finally:
        for name in loggers:
            logging.getLogger(name).disabled = False


async def _until_closed(server: asyncio.Task[None]) -> None:
    """hypercorn reports each stream that was cut off as a failure of its own; the stop is ours."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: log.debug("while closing: %s", context))
    await asyncio.wait({server}, timeout=2.0)
    if not server.done():
        server.cancel()
        await asyncio.wait({server}, timeout=1.0)
    elif not server.cancelled() and (error := server.exception()) is not None:
        log.debug("while closing: %r", error)
    loop.set_exception_handler(None)


def _config(host: str, port: int) -> Config:
    config = Config()
    config.bind = [f"{host}:{port}"]
    config.errorlog = logging.getLogger("hypercorn.error")
    # A waiting handler holds its stream open: neither their number nor their age is a fault.
    config.h2_max_concurrent_streams = 2**31 - 1
    config.keep_alive_max_requests = 2**31 - 1
    config.keep_alive_timeout = 2**31 - 1
    config.graceful_timeout = 1.0
    return config


async def _refuse_taken(host: str, port: int) -> None:
    try:
        probe = await asyncio.start_server(lambda _r, w: w.close(), host, port)
    except OSError as error:
        raise EndpointError(
            f"Port {port} on {host} is not free ({error.strerror}): "
            "end what listens there or choose another bind address."
        ) from error
    probe.close()
    await probe.wait_closed()


class _Attempts:
    """The ASGI app, and the attempts of handlers it runs now, so that they can be ended.

    hypercorn itself would let each of them run to its end, however long that takes.
    """

    def __init__(self, app: Asgi, ready: Callable[[], bool], pages: Mapping[str, Asgi]) -> None:
        self._app = app
        self._ready = ready
        self._pages = pages
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/health":
            await _answer(send, self._ready() and not self._closing)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif self._closing:
            await _answer(send, False)
        else:
            attempt = asyncio.current_task()
            assert attempt is not None
            self._running.add(attempt)
            attempt.add_done_callback(self._running.discard)
            await self._app_for(scope["path"])(scope, receive, send)

    def _app_for(self, path: str) -> Asgi:
        pages = (page for prefix, page in self._pages.items() if path.startswith(prefix))
        return next(pages, self._app)

    async def end(self, grace_seconds: float) -> None:
        """Take nothing more; what still runs after the grace is cut off and driven again later."""
        self._closing = True
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        for attempt in self._running:
            attempt.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds + 1.0)


async def _live(receive: Receive, send: Send) -> None:
    """The server's start and end, which Restate's app refuses to hear of."""
    for _ in ("startup", "shutdown"):
        message = await receive()
        await send({"type": f"{message['type']}.complete"})


async def _answer(send: Send, ok: bool) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200 if ok else 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n" if ok else b"not ready\n"})


async def register(
    admin_url: str,
    endpoint_url: str,
    *,
    auth_token: str | None = None,
    within_seconds: float = 60.0,
) -> None:
    """Tell Restate where the handlers are, and that they may have changed. Waits for the server.

    Raises:
        EndpointError: the server cannot be reached in time, or refuses the endpoint.
    """
    if urlsplit(admin_url).scheme not in ("http", "https"):
        raise EndpointError(f"RESTATE_ADMIN_URL={admin_url!r} is not an http(s) URL.")
    headers = {"authorization": f"Bearer {auth_token}"} if auth_token else {}
    deadline = asyncio.get_running_loop().time() + within_seconds
    told = False
    async with aiohttp.ClientSession(headers=headers) as http:
        while True:
            try:
                async with http.post(
                    f"{admin_url.rstrip('/')}/deployments",
                    json={"uri": endpoint_url, "force": True},
                ) as response:
                    if response.status < 300:
                        log.info("registered %s with Restate", endpoint_url)
                        return
                    problem = f"{response.status}: {(await response.text())[:300]}"
            except aiohttp.ClientError as error:
                problem = str(error)
            if asyncio.get_running_loop().time() > deadline:
                raise EndpointError(
                    f"Could not register {endpoint_url} with Restate at {admin_url} ({problem}). "
                    "Start the server, or set RESTATE_ADMIN_URL."
                )
            if not told:
                log.warning("Restate at %s did not register us yet (%s)", admin_url, problem)
                told = True
            await asyncio.sleep(0.25)
