"""Owns how images come into a request: the history holds references, the request what they show.

A reference is an `input_image` part with the `file` it is in.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from agent.llm.types import Json

MOST_IMAGES = 4
"""The newest of a request; each turn pays for all of them again."""
MOST_BYTES = 5 << 20

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

ReadImage = Callable[[str], Awaitable[bytes]]
"""Up to `MOST_BYTES + 1` bytes of a file. Raises Unreadable."""


class Unreadable(Exception):
    """One sentence why an image cannot be shown."""


def has_references(items: Iterable[Json]) -> bool:
    return any(_is_reference(part) for item in items for part in _parts(item))


async def resolved(items: list[Json], read: ReadImage) -> list[Json]:
    """The items with each reference replaced: by the image, or by words why it is not there."""
    files = [part["file"] for item in items for part in _parts(item) if _is_reference(part)]
    newest = list(dict.fromkeys(reversed(files)))[:MOST_IMAGES]
    shown = dict(zip(newest, await asyncio.gather(*(_part(f, read) for f in newest)), strict=True))
    return _replaced(items, lambda file: shown.get(file) or _left_out(file))


def without(items: list[Json], why: str) -> list[Json]:
    """The items with each reference replaced by words."""
    return _replaced(items, lambda file: _text(f"({file} is not shown: {why})"))


def _replaced(items: list[Json], part_of: Callable[[str], Json]) -> list[Json]:
    return [
        item
        if not any(_is_reference(part) for part in _parts(item))
        else {
            **item,
            "content": [
                part_of(part["file"]) if _is_reference(part) else part for part in item["content"]
            ],
        }
        for item in items
    ]


async def _part(file: str, read: ReadImage) -> Json:
    try:
        data = await read(file)
        url = f"data:{kind_of(data)};base64,{base64.b64encode(data).decode()}"
    except Unreadable as error:
        return _text(f"({file} cannot be shown: {error})")
    return {"type": "input_image", "image_url": url, "detail": "auto"}


def kind_of(data: bytes) -> str:
    """The media type by the content itself. Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"it is larger than {MOST_BYTES >> 20} MB.")
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    raise Unreadable("it is no PNG, JPEG, GIF or WebP image.")


def _left_out(file: str) -> Json:
    return _text(f"({file} is not shown: only the {MOST_IMAGES} newest images are.)")


def _text(text: str) -> Json:
    return {"type": "input_text", "text": text}


def _parts(item: Json) -> list[Any]:
    content = item.get("content")
    return content if isinstance(content, list) else []


def _is_reference(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "input_image" and "file" in part
