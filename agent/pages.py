"""Owns what is served beside the durable handlers: content behind signed addresses that expire.

An address holds what it is for in the open; only its signature is secret, and its key never leaves
the process. Whatever keeps content from being given is one sentence with a status.
"""

import base64
import binascii
import hmac
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from agent.endpoint import Asgi

log = logging.getLogger(__name__)

_ALWAYS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class PageRefused(Exception):
    """No content; one sentence for whoever asked."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Signer:
    """Signs small values with an end.

    Args:
        secret: never signs itself; a key is derived from it.
        purpose: keeps tokens of one kind from passing as another.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        self._key = hmac.digest(secret.encode(), purpose.encode(), "sha256")

    def sign(self, value: str, expires_at: float) -> str:
        """A token of URL-safe characters."""
        said = f"{_encoded(value.encode())}.{int(expires_at)}"
        return f"{said}.{self._signature(said)}"

    def read(self, token: str, now: float) -> str:
        """The value. Raises PageRefused with status 403."""
        said, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(said).encode(), signature.encode()):
            raise PageRefused(403, "This address is not one of ours.")
        value, _, expires_at = said.partition(".")
        if now >= int(expires_at):
            raise PageRefused(403, "This address has expired.")
        return _decoded(value).decode()

    def _signature(self, said: str) -> str:
        return _encoded(hmac.digest(self._key, said.encode(), "sha256"))


@dataclass(frozen=True)
class Content:
    """What is given. `chunks` may still fail: then the connection is cut, so that nobody takes a
    part for the whole."""

    chunks: AsyncIterator[bytes]
    file_name: str
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)


Opener = Callable[[str], AbstractAsyncContextManager[Content]]
"""What follows the prefix in the path -> the content, open for as long as it is sent."""


def page(prefix: str, opener: Opener) -> Asgi:
    """The application to serve below `prefix`."""

    async def serve(scope: Any, _: Any, send: Any) -> None:
        token = scope["path"].removeprefix(prefix)
        begun = False
        try:
            if scope["method"] not in ("GET", "HEAD"):
                raise PageRefused(405, "Only GET and HEAD are answered here.")
            async with opener(token) as content, aclosing(_as_generator(content.chunks)) as chunks:
                first = await anext(chunks, b"")  # what can fail mostly fails here
                await send(_start(200, _headers(content)))
                begun = True
                if scope["method"] == "HEAD":
                    await send({"type": "http.response.body", "body": b""})
                    return
                await send({"type": "http.response.body", "body": first, "more_body": True})
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except PageRefused as refused:
            if begun:
                log.warning("an answer below %s was cut: %s", prefix, refused)
                return
            text = {"content-type": "text/plain; charset=utf-8", "allow": "GET, HEAD"}
            body = b"" if scope["method"] == "HEAD" else f"{refused}\n".encode()
            await send(_start(refused.status, text))
            await send({"type": "http.response.body", "body": body})

    return serve


async def _as_generator(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield chunk


def _headers(content: Content) -> dict[str, str]:
    name = quote(content.file_name, safe="")
    disposition = f"attachment; filename*=UTF-8''{name}"
    return {
        "content-type": content.content_type,
        "content-disposition": disposition,
        **content.headers,
    }


def _start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    rows = [(name.encode(), value.encode()) for name, value in {**headers, **_ALWAYS}.items()]
    return {"type": "http.response.start", "status": status, "headers": rows}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise PageRefused(403, "This address is not one of ours.") from error
