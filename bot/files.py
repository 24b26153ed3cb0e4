"""Owns files that people attach: the `Files` service, which gives a ticket for one, and the page
behind the tickets.

The agent gets an address at this process, good for some minutes; Slack's token goes to Slack alone.
What comes back is passed on piece by piece and never kept.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
from restate import Context, RunOptions, Service
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from agent import protocol as p
from agent.endpoint import Asgi
from agent.pages import Content, PageRefused, Signer, page
from bot.inbound import text_of
from bot.replies import Reply, ask
from bot.retries import PROMPT
from bot.settings import Settings
from bot.upload import until_clear

PREFIX = "/files/"
TICKET_SECONDS = 600
MOST_HOPS = 3
SLACK_FILES = URL("https://files.slack.com")
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
HTML = ("text/html", "application/xhtml+xml")

LOGIN = (
    "Slack asked me to sign in instead of giving the file: I may lack the permission files:read."
)
_MODES = {
    "external": "It is kept outside of Slack, where I cannot fetch it: attach the file itself.",
    "tombstone": "It was deleted from Slack.",
    "hidden_by_limit": "Slack hides it because of the workspace's limit.",
}
_ACCESS = {
    "check_file_info": "Another company shared it, and Slack does not let me see it.",
    "access_denied": "Slack does not let me see it.",
    "file_not_found": "It is not in Slack any more.",
}
_REFUSALS = {
    "file_not_found": "It is not in Slack any more, or not in a channel that I am in.",
    "file_deleted": "It was deleted from Slack.",
    "missing_scope": (
        "I was installed without the permission to read files: an admin can add files:read."
    ),
}


class FileReply(Reply):
    """What Slack says of a file; no address of it, which would be worth nothing without the
    token."""

    name: str = ""
    mimetype: str = ""
    size_bytes: int = 0
    problem: str = ""
    """One sentence when its bytes cannot be had."""


class AttachedFiles:
    """
    Args:
        client: for `files.info`; must not retry by itself.
        http: fetches the bytes; stays the caller's to close.
    """

    def __init__(
        self, settings: Settings, client: AsyncWebClient, http: aiohttp.ClientSession
    ) -> None:
        self._client = client
        self._http = http
        self._token = settings.slack_bot_token.get_secret_value()
        self._signer = Signer(self._token, "address of an attached file")
        self._url = f"{settings.endpoint_url.rstrip('/')}{PREFIX}"
        self._most_bytes = settings.attachment_mb << 20
        api = URL(settings.slack_api_url)
        ours = str(api.host) == "slack.com" or str(api.host).endswith(".slack.com")
        self._trusted = {SLACK_FILES} if ours else {SLACK_FILES, api.origin()}

    # --- tickets ------------------------------------------------------------------------------

    def service(self) -> Service:
        """The Restate service `Files`."""
        files = Service(p.FILES, invocation_retry_policy=PROMPT)

        @files.handler(p.OPEN_FILE.name)
        async def open(ctx: Context, request: p.FileRequest) -> p.FileTicket:
            """A ticket, or one sentence why there is none."""
            look = partial(self._look, request.file_id)
            told = await until_clear(ctx, "ask for the file", look, FileReply)
            if told.problem:
                return p.FileTicket(name=told.name, problem=told.problem)
            options = RunOptions(type_hint=p.FileTicket)
            ticket = partial(self._ticket, request.file_id, told)
            return await ctx.run_typed("ticket", ticket, options)

        return files

    async def _ticket(self, file_id: str, told: FileReply) -> p.FileTicket:
        return p.FileTicket(
            url=self._url + self._signer.sign(file_id, time.time() + TICKET_SECONDS),
            name=told.name,
            mimetype=told.mimetype,
            size_bytes=told.size_bytes,
        )

    async def _look(self, file_id: str) -> FileReply:
        return (await self._info(file_id))[0]

    async def _info(self, file_id: str) -> tuple[FileReply, Mapping[str, Any]]:
        """With Slack's own words on the file; empty when there are none."""
        reply, answer = await ask(self._client.files_info(file=file_id))
        file: Mapping[str, Any] = answer.get("file") or {}
        told = FileReply(
            **reply.model_dump(),
            name=text_of(file, "name"),
            mimetype=text_of(file, "mimetype"),
            size_bytes=int(file.get("size") or 0),
            problem=self._problem(reply, file),
        )
        return told, file

    def _problem(self, reply: Reply, file: Mapping[str, Any]) -> str:
        if reply.kind != "done":
            why = f"Slack does not give it ({reply.error or 'no answer'})."
            return _REFUSALS.get(reply.error, why)
        mode = "external" if file.get("is_external") else str(file.get("mode"))
        known = _MODES.get(mode) or _ACCESS.get(str(file.get("file_access")))
        if known:
            return known
        if int(file.get("size") or 0) > self._most_bytes:
            return self._too_large(int(file["size"]))
        return (
            "" if file.get("url_private_download") else "Slack has no content to download for it."
        )

    def _too_large(self, size: int) -> str:
        had = f"It has {-(-size >> 20)} MB" if size else "It is too large"
        return f"{had}, and I take at most {self._most_bytes >> 20} MB."

    # --- the page -----------------------------------------------------------------------------

    def page(self) -> Asgi:
        """To be served below `PREFIX`."""
        return page(PREFIX, self._open)

    @asynccontextmanager
    async def _open(self, token: str) -> AsyncIterator[Content]:
        told, file = await self._info(self._signer.read(token, time.time()))
        if told.kind in ("limited", "unclear"):
            raise PageRefused(503, "Slack is busy: try again in a moment.")
        if told.problem:
            raise PageRefused(413 if told.size_bytes > self._most_bytes else 404, told.problem)
        async with AsyncExitStack() as stack:
            try:
                response = await self._fetched(stack, URL(file["url_private_download"]))
            except (aiohttp.ClientError, TimeoutError) as error:
                raise PageRefused(503, f"Slack broke off ({type(error).__name__}).") from error
            self._check(response, told)
            yield Content(self._pieces(response), told.name, headers=_length(response))

    async def _fetched(self, stack: AsyncExitStack, url: URL) -> aiohttp.ClientResponse:
        headers = {"authorization": f"Bearer {self._token}", "accept-encoding": "identity"}
        for _ in range(MOST_HOPS):
            if url.origin() not in self._trusted:
                break
            response = await stack.enter_async_context(
                self._http.get(url, headers=headers, allow_redirects=False, timeout=TIMEOUT)
            )
            if response.status not in (301, 302, 303, 307, 308):
                return response
            url = url.join(URL(response.headers.get("location", "/")))
        raise PageRefused(502, "Slack sent me elsewhere for it, where my token must not go.")

    def _check(self, response: aiohttp.ClientResponse, told: FileReply) -> None:
        """As Slack answers a token without the right: 200, and a page to sign in."""
        if response.status == 429 or response.status >= 500:
            raise PageRefused(503, f"Slack is busy ({response.status}): try again in a moment.")
        if response.status != 200:
            raise PageRefused(404, f"Slack does not give it ({response.status}).")
        length = response.content_length
        if response.content_type in HTML and (
            told.mimetype not in HTML or length not in (None, told.size_bytes)
        ):
            raise PageRefused(502, LOGIN)
        if length is not None and length > self._most_bytes:
            raise PageRefused(413, self._too_large(length))

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Raises PageRefused when it breaks off, or is larger than it was said to be."""
        sent = 0
        try:
            async for piece in response.content.iter_any():
                sent += len(piece)
                if sent > self._most_bytes:
                    raise PageRefused(413, self._too_large(0))
                yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PageRefused(503, f"Slack broke off ({type(error).__name__}).") from error


def _length(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Only when it counts what we send: nothing was unpacked on the way."""
    if response.content_length is None or "content-encoding" in response.headers:
        return {}
    return {"content-length": str(response.content_length)}
