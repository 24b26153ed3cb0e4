"""Owns taking in the files that came with a message: from Slack, by the bot, into the project.

The bot gives an address good for some minutes, and the bytes stream from it into the sandbox: none
is ever in a journal. Names and contents are anybody's, so a name becomes a plain one before it is a
path. What cannot be taken is one sentence for the model and for people, never a failed task.
"""

import unicodedata
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from functools import partial

import aiohttp
import restate
from restate import Context, TerminalError

from agent import calls, settings
from agent import protocol as p
from sandbox.client import SandboxClient
from sandbox.durable import is_cancel
from sandbox.errors import Fenced, FileProblem, SandboxError, SandboxGone, Unreachable

FOLDER = "inbox"
MOST_FILES = 20
"""Of one message."""
MOST_BYTES = 200 << 20
"""Of one message."""
TRIES = 3
WAIT = timedelta(seconds=1)
TIMEOUT = aiohttp.ClientTimeout(total=900, sock_connect=10, sock_read=60)
PIECE_BYTES = 1 << 18

NAME_CHARACTERS = 100
NAME_BYTES = 200
"""A file system takes 255, and something is put before or behind it at times."""
SUFFIX_CHARACTERS = 12
LISTED = 2000
SAFE = "-_.+@="
RESERVED = {"con", "prn", "aux", "nul"} | {f"{n}{i}" for n in ("com", "lpt") for i in range(1, 10)}
"""Names that a Windows desktop cannot unpack, whatever their ending."""

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


async def take_in(
    ctx: Context, box: SandboxClient, thread: p.ThreadRef, entry: p.HistoryEntry
) -> p.HistoryEntry:
    """The message with `taken`: one for each of its files, in order.

    Safe to repeat. Given what an earlier call returned, it takes in again only what the sandbox
    does not hold (any more), to the same paths.

    Raises:
        SandboxGone, Unreachable, Fenced: nothing can be taken into this sandbox (by us).
        TerminalError: we were cancelled.
    """
    if not entry.files:
        return entry
    place = f"message {entry.ts}: "
    there = await _already_there(box, f"{place}list")
    earlier = entry.taken if len(entry.taken) == len(entry.files) else []
    paths = [taken.path for taken in earlier] or _paths(entry.files, there)
    taken: list[p.TakenFile] = []
    left = MOST_BYTES
    for number, (file, path) in enumerate(zip(entry.files, paths, strict=True), 1):
        before = earlier[number - 1] if earlier else None
        if before is not None and (before.path in there or not before.path):
            got = before
        elif number > MOST_FILES:
            got = _not(file, f"A message may bring at most {MOST_FILES} files.")
        else:
            got = await _take(ctx, box, thread, file, path, f"{place}file {number}", left)
        left -= got.size_bytes
        taken.append(got)
    return entry.model_copy(update={"taken": taken})


async def _already_there(box: SandboxClient, place: str) -> set[str]:
    try:
        return {info.path for info in (await box.list_files(place, FOLDER, LISTED)).files}
    except FileProblem:
        return set()  # the folder is made with its first file


async def _take(
    ctx: Context,
    box: SandboxClient,
    thread: p.ThreadRef,
    file: p.Attachment,
    path: str,
    place: str,
    left: int,
) -> p.TakenFile:
    """Each try asks for another ticket: one may end while we are down."""
    request = p.FileRequest(thread=thread, file_id=file.file_id)
    problem = ""
    for attempt in range(1, TRIES + 1):
        if attempt > 1:
            await ctx.sleep(WAIT, name=f"{place}: before try {attempt}")
        try:
            ticket = await calls.call(ctx, p.OPEN_FILE, None, request)
            if ticket.problem:
                return _not(file, ticket.problem)
            source = partial(_bytes, ticket.url, left)
            size = await box.receive_file(f"{place}: try {attempt}", path, source)
        except (SandboxGone, Fenced):
            raise
        except Unreachable as error:
            problem = str(error)
            log.warning("an attachment was not taken in try %d: %s", attempt, error)
        except SandboxError as error:
            return _not(file, str(error))
        except TerminalError as error:
            if is_cancel(error):
                raise
            return _not(file, error.message)
        else:
            kind = ticket.mimetype or file.mimetype
            return p.TakenFile(name=file.name, path=path, mimetype=kind, size_bytes=size)
    log.error("an attachment could not be taken: %s", problem)
    return _not(file, "It could not be fetched from Slack just now: send it again in a moment.")


def _not(file: p.Attachment, problem: str) -> p.TakenFile:
    return p.TakenFile(name=file.name, mimetype=file.mimetype, problem=problem)


async def _bytes(url: str, left: int) -> AsyncIterator[bytes]:
    """The content behind a ticket.

    Raises:
        FileProblem: it cannot be had, or is too large; trying again is no use.
        Exception: anything else may work with another ticket.
    """
    most = min(settings.current().attachment_mb << 20, left)
    received = 0
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as http,
        http.get(url, allow_redirects=False) as response,
    ):
        if response.status in (404, 413, 502):  # the bot's own sentence
            raise FileProblem((await response.text())[:500].strip())
        if response.status != 200:  # without its address, which is good for some minutes
            raise Unreachable(f"The bot answered with status {response.status}.")
        async for piece in response.content.iter_chunked(PIECE_BYTES):
            received += len(piece)
            if received > most:
                raise FileProblem(_too_large(most))
            yield piece


def _too_large(most: int) -> str:
    whole = "" if most == settings.current().attachment_mb << 20 else " of what came with it"
    return f"It is larger than the {most >> 20} MB that may be taken{whole}."


# --- names ----------------------------------------------------------------------------------------


def _paths(files: list[p.Attachment], there: set[str]) -> list[str]:
    """One for each file, decided before any is written.

    What earlier messages brought stays: every pasted picture is called `image.png`.
    """
    used = {_folded(path) for path in there}
    paths = []
    for file in files:
        path = _free(f"{FOLDER}/{safe_name(file.name)}", used)
        used.add(_folded(path))
        paths.append(path)
    return paths


def _free(path: str, used: set[str]) -> str:
    if _folded(path) not in used:
        return path
    stem, suffix = _split(path)
    number = 2
    while _folded(f"{stem}-{number}{suffix}") in used:
        number += 1
    return f"{stem}-{number}{suffix}"


def _folded(path: str) -> str:
    """Equal for names that a desktop takes for the same."""
    return unicodedata.normalize("NFC", path).casefold()


def safe_name(name: str) -> str:
    """A file name for any shell, file system and desktop; as close to the given one as that allows.

    Letters, digits and symbols of every script stay; whatever separates, hides, reorders or means
    something to a shell becomes `_`.
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    normal = unicodedata.normalize("NFC", last)
    plain = "".join(_plain(normal)).strip("_")
    stem, suffix = _split(plain.lstrip(".-_").rstrip("."))
    if stem.split(".")[0].casefold() in RESERVED:
        stem = f"_{stem}"
    return _clipped(stem or "file", suffix) + suffix


def _plain(name: str) -> Iterable[str]:
    """Characters that stay, and one `_` for each run of others."""
    gap = False
    for char in name:
        category = unicodedata.category(char)
        if category in ("Cc", "Cf", "Cs", "Me") and not char.isspace():
            continue  # shows nothing of its own
        symbol = category in ("So", "Sk") and not char.isascii()
        stays = category[0] in "LNM" or symbol or char in SAFE
        if stays and char != "_":
            gap = False
            yield char
        elif not gap:
            gap = True
            yield "_"


def _split(name: str) -> tuple[str, str]:
    """Stem and suffix; what is long is no suffix."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem or not 0 < len(suffix) <= SUFFIX_CHARACTERS or "/" in suffix:
        return name, ""
    return stem, f".{suffix}"


def _clipped(stem: str, suffix: str) -> str:
    """Cut so that both together keep the limits."""
    stem = stem[: NAME_CHARACTERS - len(suffix) - 4]  # room for a number behind it
    while len((stem + suffix).encode()) > NAME_BYTES:
        stem = stem[:-1]
    return stem.rstrip(".-_") or "file"
