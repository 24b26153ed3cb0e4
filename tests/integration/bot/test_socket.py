"""The socket to Slack, where connecting to an address fails."""

import asyncio
from itertools import count

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.socket_mode import Socket
from tests.polling import until
from tests.serving import serving


async def test_an_address_that_failed_once_is_not_tried_for_ever() -> None:
    """Each of Slack's addresses is good for one try; the first is lost to a fault on the way."""
    tickets, tried = count(1), list[str]()
    base = ""

    async def open_connection(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"{base}/link?ticket={next(tickets)}"})

    async def link(request: web.Request) -> web.StreamResponse:
        tried.append(request.query["ticket"])
        if request.query["ticket"] == "1" or tried.count(request.query["ticket"]) > 1:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    served = web.Application()
    served.router.add_post("/api/apps.connections.open", open_connection)
    served.router.add_get("/link", link)
    async with serving(served) as url:
        base = url.replace("http", "ws")
        client = AsyncWebClient(token="xoxb-1", base_url=f"{url}/api/")
        socket = Socket(AsyncApp(client=client), "xapp-1", ping_seconds=0.3)
        try:
            await asyncio.wait_for(socket.connect(), 90)
            await until(lambda: socket.connected)
        finally:
            await socket.close()
    assert tried[0] == "1"
    assert tried[-1] != "1"
