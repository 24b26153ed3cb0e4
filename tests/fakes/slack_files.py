"""Stands in for Slack where the local workspace behaves too well: one file at a time, told and
given as a test wants it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.serving import serving

Give = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class OddSlack:
    """`told` is the file in `files.info`; without it, `error` is the answer."""

    url: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    error: str = "file_not_found"
    give: Give | None = None
    tokens: list[str] = field(default_factory=list)
    """`authorization` of each request for the content."""

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def file(self, content: bytes = b"", **more: Any) -> None:
        """A file as Slack describes one, with this content unless `give` is set."""
        self.told = {
            "id": "F1",
            "name": "data.csv",
            "mimetype": "text/csv",
            "mode": "hosted",
            "is_external": False,
            "file_access": "visible",
            "size": len(content),
            "url_private_download": f"{self.url}/files-pri/T1-F1/download/data.csv",
        } | more

        async def give(_: web.Request) -> web.StreamResponse:
            return web.Response(body=content, content_type="application/octet-stream")

        self.give = give

    async def _info(self, _: web.Request) -> web.Response:
        if not self.told:
            return web.json_response({"ok": False, "error": self.error})
        return web.json_response({"ok": True, "file": self.told})

    async def _content(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers.get("authorization", ""))
        assert self.give is not None
        return await self.give(request)


@asynccontextmanager
async def odd_slack() -> AsyncIterator[OddSlack]:
    slack = OddSlack()
    app = web.Application()
    app.router.add_route("*", "/api/files.info", slack._info)
    app.router.add_get("/{path:.*}", slack._content)
    async with serving(app) as slack.url:
        yield slack
