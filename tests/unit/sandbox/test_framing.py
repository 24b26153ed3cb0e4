"""Frames between worker and supervisor: whole, or an error."""

import socket
import threading
from collections.abc import Iterator

import pytest

from sandbox.backends.local.programs import framing

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    left, right = socket.socketpair()
    with left, right:
        right.settimeout(60)
        yield left, right


def test_a_header_and_a_body_arrive_as_they_were_sent(pair: Pair) -> None:
    body = bytes(range(256)) * 10_000
    sender = threading.Thread(target=framing.send, args=(pair[0], {"op": "é\udcff"}, body))
    sender.start()

    assert framing.receive(pair[1]) == ({"op": "é\udcff"}, body)
    sender.join()


def test_hanging_up_between_frames_is_told_from_hanging_up_inside_one(pair: Pair) -> None:
    framing.send(pair[0], {})
    pair[0].send(framing.LENGTHS.pack(10, 0) + b"{")
    pair[0].close()

    framing.receive(pair[1])
    with pytest.raises(framing.FramingError, match="inside a frame"):
        framing.receive(pair[1])
    with pytest.raises(framing.HungUp):
        framing.receive(pair[1])


@pytest.mark.parametrize(
    "sent",
    [
        framing.LENGTHS.pack(0xFFFFFFFF, 0),
        framing.LENGTHS.pack(2, 0xFFFFFFFF) + b"{}",
        framing.LENGTHS.pack(2, 0) + b"[]",
        framing.LENGTHS.pack(3, 0) + b"not",
        framing.LENGTHS.pack(200_000, 0) + b"[" * 200_000,
        framing.LENGTHS.pack(2, 0) + b"\xff\xfe",
    ],
    ids=["huge header", "huge body", "no object", "no json", "deep", "no text"],
)
def test_a_forged_frame_is_an_error_and_allocates_nothing(pair: Pair, sent: bytes) -> None:
    sender = threading.Thread(target=pair[0].sendall, args=(sent,))
    sender.start()

    with pytest.raises(framing.FramingError):
        framing.receive(pair[1])
    sender.join()
