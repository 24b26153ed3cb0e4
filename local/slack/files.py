"""Owns the bytes of files: uploads to a single-use address, downloads by the app and by people.

As with Slack, a download without a good token is no error: it is the login page, with status 200.
"""

from aiohttp import BodyPartReader, web

from local.slack.errors import Refused
from local.slack.gestures.gesture import known_person
from local.slack.state import StoredFile
from local.slack.tickets import TicketRefused
from local.slack.workspace import Workspace

_HOST = "127.0.0.1"
_LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in</body></html>"


async def upload(ws: Workspace, request: web.Request) -> web.Response:
    """Raw bytes, or one part of a form; exactly as long as was announced."""
    try:
        file = ws.state.files[ws.uploads.use(request.match_info["ticket"])]
    except TicketRefused:
        return web.Response(status=404, text="This upload address was used or has expired.")
    content = await _content(request)
    if len(content) != file.size:
        problem = f"{len(content)} bytes came, {file.size} were announced."
        return web.Response(status=400, text=problem)
    file.content = content
    return web.Response(text=f"OK - {file.size}")


async def download_for_app(ws: Workspace, request: web.Request) -> web.Response:
    file = ws.state.files.get(request.match_info["file"])
    bot = _bot_of(ws, request.headers.get("authorization", ""))
    if bot is None or not ws.manifest.has_scope("files:read"):
        return _login_page()
    if file is None or file.mode != "hosted" or not _app_sees(ws, file, bot):
        return _login_page()
    if ws.admin.redirect_files:
        other = request.url.with_host("localhost" if request.url.host == "127.0.0.1" else _HOST)
        raise web.HTTPFound(other.with_path(f"/elsewhere/{file.id}"))
    return _bytes_of(file)


async def elsewhere(ws: Workspace, request: web.Request) -> web.Response:
    """Another host, to which downloads are redirected as a fault: it must never see a token."""
    if "authorization" in request.headers:
        ws.tokens_leaked += 1
    return _login_page()


async def download_for_person(ws: Workspace, request: web.Request) -> web.Response:
    """Raises Refused when this person sees no channel the file is in."""
    user = known_person(ws, request.query.get("user", ""))
    file = ws.state.files.get(request.match_info["file"])
    channels = [] if file is None else [ws.state.channels[one] for one in file.channels]
    if file is None or not any(ws.state.can_see(user.id, channel) for channel in channels):
        raise Refused(f"{user.name} sees no file {request.match_info['file']!r}.")
    return _bytes_of(file)


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.filename is not None:
            return bytes(await part.read())
    return b""


def _login_page() -> web.Response:
    return web.Response(text=_LOGIN_PAGE, content_type="text/html")


def _bot_of(ws: Workspace, authorization: str) -> str | None:
    """The bot user whose token this is."""
    tokens = {f"Bearer {one.token}": one.bot.id for one in ws.installs}
    return tokens.get(authorization)


def _app_sees(ws: Workspace, file: StoredFile, bot: str) -> bool:
    return file.user == bot or any(bot in ws.state.channels[c].members for c in file.channels)


def _bytes_of(file: StoredFile) -> web.Response:
    disposition = f'attachment; filename="{file.name.encode("ascii", "replace").decode()}"'
    return web.Response(
        body=file.content or b"",
        content_type="application/octet-stream",
        headers={
            "content-disposition": disposition.replace("\n", " ").replace("\r", " "),
            "x-content-type-options": "nosniff",
        },
    )
