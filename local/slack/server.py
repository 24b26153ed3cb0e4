"""Owns the server: its routes, who may talk to it, how it starts and how quickly it ends."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from local.slack import files, people, response_urls, switches
from local.slack.errors import Refused
from local.slack.gestures.gesture import known_person
from local.slack.installs import InstallSpec
from local.slack.limits import Limits
from local.slack.manifest import read_manifest
from local.slack.state import Json
from local.slack.web_api import WebApi
from local.slack.workspace import Workspace

HOST = "127.0.0.1"
PAGE = Path(__file__).parent / "page"
MAX_BODY_BYTES = 1 << 30

LocalCall = Callable[[Workspace, web.Request], Awaitable[Json]]
FileCall = Callable[[Workspace, web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def running_workspace(
    port: int = 0,
    manifest: Path = Path("manifest.yml"),
    limits: Limits | None = None,
    install: InstallSpec | None = None,
) -> AsyncIterator[Workspace]:
    """A workspace that serves while the block runs, on loopback only.

    Args:
        port: 0 takes a free one; `base_url` and `api_url` tell it.
        manifest: the app to install.
        limits: Slack's own patience unless a test wants less.
        install: where the app is installed; in one workspace unless told otherwise.

    Raises:
        ManifestError: the manifest cannot be used.
        OSError: the port is taken.
    """
    workspace = Workspace(read_manifest(manifest), limits or Limits(), install)
    runner = web.AppRunner(build_app(workspace), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        workspace.base_url = f"http://{HOST}:{runner.addresses[0][1]}"
        yield workspace
    finally:
        await runner.cleanup()


def build_app(ws: Workspace) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_loopback_only])
    api = WebApi(ws)
    app.router.add_route("*", "/api/{method}", api.handle)
    app.router.add_get("/link/", ws.sockets.serve)
    app.router.add_post(
        r"/{kind:actions|commands|app}/{team}/{ticket}", _files(ws, response_urls.handle)
    )
    app.router.add_post("/upload/v1/{ticket}", _files(ws, files.upload))
    for path in ("/files-pri/{team}-{file}/{name}", "/files-pri/{team}-{file}/download/{name}"):
        app.router.add_get(path, _files(ws, files.download_for_app))
    app.router.add_get("/elsewhere/{file}", _files(ws, files.elsewhere))
    app.router.add_get("/files/{file}/{name}", _files(ws, files.download_for_person))
    _add_local_routes(app, ws)
    _add_page(app)

    async def end(_app: web.Application) -> None:
        await ws.close()

    app.on_shutdown.append(end)
    return app


def _add_local_routes(app: web.Application, ws: Workspace) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        try:
            user = known_person(ws, request.query.get("user", ""))
        except Refused as refusal:
            return _refusal(refusal)
        return await ws.feed.stream(request, user.id)

    app.router.add_get("/local/stream", stream)
    app.router.add_get("/local/state", _local(ws, people.show_state))
    app.router.add_get("/local/messages", _local(ws, people.list_messages))
    for verb, path, call in switches.ROUTES:
        app.router.add_route(verb, path, _local(ws, call))
    app.router.add_post("/local/{gesture}", _local(ws, people.perform))


def _add_page(app: web.Application) -> None:
    async def index(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE / "index.html")

    async def permalink(request: web.Request) -> web.StreamResponse:
        """`/archives/C0BUILD/p1700000000000000` opens the page at that message."""
        digits = request.match_info["message"].removeprefix("p")
        ts = f"{digits[:-6]}.{digits[-6:]}"
        thread_ts = request.query.get("thread_ts", ts)
        where = f"channel={request.match_info['channel']}&thread_ts={thread_ts}&ts={ts}"
        raise web.HTTPFound(f"/?{where}")

    app.router.add_get("/", index)
    app.router.add_get(r"/archives/{channel:\w+}/{message:p\d{7,}}", permalink)
    if PAGE.is_dir():
        app.router.add_static("/page", PAGE)


def _local(ws: Workspace, call: LocalCall) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            answer = await call(ws, request)
        except Refused as refusal:
            return _refusal(refusal)
        return web.json_response({"ok": True, **answer})

    return handle


def _files(ws: Workspace, call: FileCall) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await call(ws, request)
        except Refused as refusal:
            return _refusal(refusal)

    return handle


def _refusal(refusal: Refused) -> web.Response:
    return web.json_response({"ok": False, "error": str(refusal)}, status=400)


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep web sites out: one that knows this address could otherwise speak as a person here.

    Their requests carry another origin, or (by DNS rebinding) another host name.
    """
    host = request.url.host
    origin = request.headers.get("origin")
    own = {f"http://{name}:{request.url.port}" for name in (HOST, "localhost")}
    if host not in (HOST, "localhost") or (origin is not None and origin not in own):
        body = json.dumps({"ok": False, "error": "This workspace answers only on this machine."})
        return web.Response(status=403, text=body, content_type="application/json")
    return await handler(request)
