"""Owns handing over a project by a link, for workspaces that take no files.

The address holds which archive of which sandbox is meant, signed, for an hour. Whoever has it can
download: it is posted in the project's own thread and nowhere else.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import time

from pydantic import ValidationError

from agent import protocol as p
from agent import settings
from agent.endpoint import Asgi
from agent.pages import Content, PageRefused, Signer, page
from sandbox.backend import current_backend
from sandbox.errors import FileProblem, SandboxError, SandboxGone
from sandbox.protocol import ArchiveInfo, SandboxRef

PREFIX = "/projects/"
LINK_SECONDS = 3600
"""Not longer than a lease of the sandbox, which is kept for it."""

GONE = "This archive is not there any more: ask for the project again in its thread."


class Offer(p.Wire):
    """What a link stands for."""

    thread: str
    sandbox: SandboxRef
    archive: ArchiveInfo


class Link(p.Wire):
    url: str
    until: str
    """For people: `14:32 UTC`."""


def possible() -> bool:
    return settings.current().public_url is not None


def make(offer: Offer) -> Link:
    """Not the same twice: to be journaled. Needs `possible()`."""
    base = settings.current().public_url
    assert base is not None
    expires_at = time() + LINK_SECONDS
    token = _signer().sign(offer.model_dump_json(exclude_defaults=True), expires_at)
    until = datetime.fromtimestamp(expires_at, UTC).strftime("%H:%M UTC")
    return Link(url=f"{base.rstrip('/')}{PREFIX}{token}", until=until)


def pages() -> dict[str, Asgi]:
    """What `agent.endpoint.serve` serves beside the handlers; nothing unless links are possible."""
    return {PREFIX: page(PREFIX, _open)} if possible() else {}


@asynccontextmanager
async def _open(token: str) -> AsyncIterator[Content]:
    try:
        offer = Offer.model_validate_json(_signer().read(token, time()))
    except ValidationError as error:  # signed by another release
        raise PageRefused(410, GONE) from error
    length = {"content-length": str(offer.archive.size_bytes)}
    yield Content(_pieces(offer), offer.archive.file_name, "application/zip", length)


async def _pieces(offer: Offer) -> AsyncIterator[bytes]:
    try:
        async for piece in current_backend().read_archive(offer.sandbox, offer.archive):
            yield piece
    except (SandboxGone, FileProblem) as error:
        raise PageRefused(410, GONE) from error
    except SandboxError as error:
        raise PageRefused(503, f"{error} Try again in a moment.") from error


def _signer() -> Signer:
    secret = settings.current().link_secret
    assert secret is not None  # checked together with the URL
    return Signer(secret.get_secret_value(), "link to a project")
