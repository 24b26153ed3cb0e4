"""How a streamed answer is read, however its bytes come."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.llm import LLMFatal, LLMRetry
from agent.llm.events import Events

STREAM = (
    b": a comment\n\n"
    b'event: response.created\ndata: {"type": "response.created"}\n\n'
    b'id: 7\r\ndata: {"text":\r\ndata: "two lines \xe2\x98\x82"}\r\n\r\n'
    b"event: ping\n\n"
    b"data:[1]\n\n"
)


async def events(stream: bytes, *sizes: int) -> list[dict[str, Any]]:
    """What is read of a stream that comes in pieces of these sizes, again and again."""

    async def pieces() -> AsyncIterator[bytes]:
        at, again = 0, itertools.cycle(sizes or (1 << 16,))
        while at < len(stream):
            size = next(again)
            yield stream[at : at + size]
            at += size

    return [one async for one in Events(httpx2.Response(200, content=pieces()))]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 16])
async def test_events_are_read_in_pieces_of_any_size(size: int) -> None:
    whole = STREAM.replace(b"data:[1]\n\n", b"data:[DONE]\n\ndata: {}\n\n")
    created, text = await events(whole, size)
    assert created == {"type": "response.created"}
    assert text == {"text": "two lines ☂"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", ": hm\n", "event: x\nid: 7\n", "retry: 5\n", "\n", "data\n"]),
            st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3),
            st.sampled_from(["data:", "data: ", "data:\t"]),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["", "data: [DONE]\n\n", "data: [DONE]", ": bye"]),
    st.lists(st.integers(1, 40), min_size=1),
)
@settings(deadline=None)
async def test_however_a_stream_is_cut_the_same_events_are_read(
    told: list[tuple[str, dict[str, Any], str, bool]],
    end_of_line: str,
    bom: bool,
    last: str,
    sizes: list[int],
) -> None:
    def event(before: str, value: dict[str, Any], data: str, in_lines: bool) -> str:
        value = {"type": "t", **{f"_{name}": held for name, held in value.items()}}
        text = json.dumps(value, ensure_ascii=False, indent=1 if in_lines else None)
        return before + "".join(f"{data}{line}\n" for line in text.split("\n")) + "\n"

    text = ("\ufeff" if bom else "") + "".join(event(*one) for one in told) + last
    stream = text.replace("\n", end_of_line).encode()
    wanted = [{"type": "t", **{f"_{k}": v for k, v in value.items()}} for _, value, *_ in told]
    assert await events(stream, *sizes) == wanted


async def test_the_last_event_is_read_without_its_end_and_half_of_it_is_worth_another_try() -> None:
    stream = b'data: {}\n\ndata: {"type": "response.completed"}'
    assert (
        await events(stream) == await events(stream + b"\n") == [{}, {"type": "response.completed"}]
    )
    with pytest.raises(json.JSONDecodeError):
        await events(stream[:-5])


async def test_an_event_that_is_no_object_is_worth_another_try() -> None:
    with pytest.raises(LLMRetry, match="not a JSON object"):
        await events(STREAM)


@pytest.mark.parametrize(
    "told",
    [
        b'{"type": "error", "code": "insufficient_quota", "message": "No."}',
        b'{"type": "error", "error": {"code": "insufficient_quota", "message": "No."}}',
        b'{"error": {"type": "insufficient_quota"}}',
    ],
    ids=["flat", "nested", "alone"],
)
async def test_an_error_is_known_in_every_form(told: bytes) -> None:
    with pytest.raises(LLMFatal) as caught:
        await events(b"data: " + told + b"\n\n")
    assert caught.value.code == "quota"


async def test_an_error_of_one_word_is_told() -> None:
    with pytest.raises(LLMRetry, match="overloaded"):
        await events(b'data: {"error": "overloaded"}\n\n')
