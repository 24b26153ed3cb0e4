"""References to images become images, or words why not."""

import pytest

from agent.llm import Json, Unreadable
from agent.llm.images import MOST_BYTES, kind_of, resolved, without

PNG = b"\x89PNG\r\n\x1a\n"


def item(*files: str) -> Json:
    parts = [{"type": "input_image", "file": file, "detail": "auto"} for file in files]
    text = {"type": "input_text", "text": "look"}
    return {"type": "message", "role": "user", "content": [text, *parts]}


def words(items: list[Json]) -> list[str]:
    return [part.get("text") or part["image_url"] for one in items for part in one["content"]]


async def read(_: str) -> bytes:
    return PNG


async def test_only_the_newest_are_shown_and_the_history_is_left_as_it_was() -> None:
    history = [item("1.png", "2.png"), {"type": "reasoning"}, item("3.png", "4.png", "5.png")]
    history = [one for one in history if one["type"] == "message"]
    before = [dict(one) for one in history]
    said = words(await resolved(history, read))
    assert said[1] == "(1.png is not shown: only the 4 newest images are.)"
    assert [word.startswith("data:image/png;base64,iVBOR") for word in said] == [
        *(False, False, True, False, True, True, True)
    ]
    assert history == before


async def test_items_without_images_stay_the_same_objects() -> None:
    plain = {"type": "function_call_output", "call_id": "c", "output": "x"}
    assert (await resolved([plain], read))[0] is plain
    assert without([plain], "no.")[0] is plain


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe1", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
    ],
)
def test_an_image_is_told_by_its_content(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind


@pytest.mark.parametrize("data", [b"", b"RIFF\0\0\0\0WAVE", b"<svg/>", b"\x89PNG"])
def test_what_is_no_image_cannot_be_shown(data: bytes) -> None:
    with pytest.raises(Unreadable, match="no PNG"):
        kind_of(data)


def test_an_image_larger_than_allowed_cannot_be_shown() -> None:
    with pytest.raises(Unreadable, match="larger than 5 MB"):
        kind_of(PNG + bytes(MOST_BYTES))
