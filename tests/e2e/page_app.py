"""Owns an app that does nothing by itself: it acknowledges all and answers as a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from local.slack import seed
from local.slack.workspace import Workspace

Json = dict[str, Any]


class QuietApp:
    def __init__(self) -> None:
        self.heard: list[Json] = []
        """Payloads, oldest first."""
        self.answers: dict[str, Json] = {}
        """What the acknowledgement of a payload says, by the payload's type."""
        self.may_answer = asyncio.Event()
        """Cleared, everything waits for its acknowledgement."""
        self.may_answer.set()

    def last(self, kind: str) -> Json:
        """The newest payload of this type. Raises StopIteration when there is none."""
        return next(one for one in reversed(self.heard) if one.get("type") == kind)

    async def serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            envelope = frame.json()
            if "envelope_id" not in envelope:
                continue
            payload = envelope["payload"]
            self.heard.append(payload)
            await self.may_answer.wait()
            ack: Json = {"envelope_id": envelope["envelope_id"]}
            answer = self.answers.get(payload.get("type", ""))
            await socket.send_json(ack if answer is None else ack | {"payload": answer})


@asynccontextmanager
async def connected_app(ws: Workspace, http: aiohttp.ClientSession) -> AsyncIterator[QuietApp]:
    headers = {"authorization": f"Bearer {seed.APP_TOKEN}"}
    url = f"{ws.api_url.rstrip('/')}/apps.connections.open"
    async with http.post(url, headers=headers) as response:
        opened = await response.json()
    app = QuietApp()
    async with http.ws_connect(opened["url"]) as socket:
        serving = asyncio.create_task(app.serve(socket))
        yield app
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
