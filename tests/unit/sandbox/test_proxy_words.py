"""What the proxy outside reads of hostile clients: heads of requests, and the start of TLS."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.backends.local.programs.outside import http
from sandbox.backends.local.programs.outside.http import BadRequest, Head, read_head
from sandbox.backends.local.programs.outside.relay import relay
from sandbox.backends.local.programs.outside.tlshello import NotTls, hello_in, server_name

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def hello_for(name: str | None) -> bytes:
    """What a real client sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("name", ["host.org", "a.very.long.name.example.com", None])
def test_the_server_a_client_asks_for_is_read_from_its_hello(name: str | None) -> None:
    hello = hello_in(hello_for(name))

    assert hello is not None
    assert server_name(hello) == name


def test_a_hello_that_comes_in_two_records_is_put_together() -> None:
    whole = hello_for("host.org")
    body, start = whole[5:], whole[:3]
    cut = len(body) // 2
    records = [start + len(part).to_bytes(2, "big") + part for part in (body[:cut], body[cut:])]

    assert hello_in(records[0]) is None
    hello = hello_in(b"".join(records))
    assert hello is not None
    assert server_name(hello) == "host.org"


def test_a_hello_in_crumbs_is_refused() -> None:
    whole = hello_for("host.org")
    crumbs = b"".join(whole[:3] + b"\0\1" + bytes([byte]) for byte in whole[5:])

    with pytest.raises(NotTls, match="too many parts"):
        hello_in(crumbs)


@pytest.mark.parametrize("start", [b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\0\1\2"])
def test_what_is_no_hello_is_refused(start: bytes) -> None:
    with pytest.raises(NotTls):
        hello_in(start)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_a_damaged_hello_is_refused_or_read_but_never_breaks_the_proxy(
    noise: bytes, at: int
) -> None:
    whole = bytearray(hello_for("host.org"))
    whole[at : at + len(noise)] = noise
    try:
        hello = hello_in(bytes(whole))
        if hello is not None:
            server_name(hello)
    except NotTls:
        pass


def test_a_hello_with_two_names_is_refused() -> None:
    whole = hello_for("host.org")
    name = b"\x00\x00\x08host.org"
    listed = len(name).to_bytes(2, "big") + name
    extension = b"\x00\x00" + len(listed).to_bytes(2, "big") + listed
    head, tail = whole[5:].split(extension)
    body = bytearray(head + extension * 2 + tail)
    grown = len(extension)
    body[1:4] = (int.from_bytes(body[1:4], "big") + grown).to_bytes(3, "big")
    at = 4 + 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    body[at : at + 2] = (int.from_bytes(body[at : at + 2], "big") + grown).to_bytes(2, "big")

    with pytest.raises(NotTls, match="two servers"):
        server_name(bytes(body))


@pytest.mark.parametrize(
    "data",
    [
        b"CONNECT\r\n\r\n",
        b"\r\n\r\n",
        b"CONNECT a:443 HTTP/2\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\nX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\nHost: c\r\n\r\n",
    ],
)
def test_a_malformed_head_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        Head(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_a_bad_request(data: bytes) -> None:
    with contextlib.suppress(BadRequest):
        Head(data + b"\r\n\r\n")


def test_a_huge_head_is_refused_before_it_is_read(pair: Pair) -> None:
    left, right = pair
    sender = threading.Thread(target=_send_what_is_taken, args=(left, b"x" * (1 << 20)))
    sender.start()
    with pytest.raises(BadRequest, match="longer than 16 KB"):
        read_head(right)
    right.shutdown(socket.SHUT_RDWR)
    sender.join()


def test_a_slow_head_is_refused_however_steadily_it_drips(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", 0.3)
    left, right = pair
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.02):
            left.send(b"x")

    sender = threading.Thread(target=drip)
    sender.start()
    began = time.monotonic()
    with pytest.raises(BadRequest, match="did not arrive"):
        read_head(right)
    stop.set()
    sender.join()
    assert time.monotonic() - began < 30


def _send_what_is_taken(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        return


def test_a_refusal_arrives_even_when_the_client_still_sends(pair: Pair) -> None:
    left, right = pair
    sender = threading.Thread(target=_send_what_is_taken, args=(left, b"x" * (1 << 20)))
    sender.start()
    http.refuse(right, 403, "No.")
    right.close()
    answer = b"".join(iter(lambda: left.recv(1000), b""))
    sender.join()

    assert answer.startswith(b"HTTP/1.1 403 No.\r\n")
    assert answer.endswith(b"\r\n\r\nNo.\n")


# --- relay ------------------------------------------------------------------------------------


def test_bytes_go_both_ways_at_once_and_a_half_close_is_passed_on() -> None:
    client, left = socket.socketpair()
    right, server = socket.socketpair()
    data = bytes(range(256)) * 20_000
    moved: list[tuple[int, int]] = []
    with client, left, right, server:
        work = threading.Thread(target=lambda: moved.append(relay(left, right, 5.0, 1 << 30)))
        work.start()
        talkers = [threading.Thread(target=_say, args=(s, data)) for s in (client, server)]
        heard: list[bytes] = []
        listeners = [
            threading.Thread(target=lambda s=s: heard.append(_hear(s))) for s in (client, server)
        ]
        for thread in (*talkers, *listeners):
            thread.start()
        for thread in (*talkers, *listeners, work):
            thread.join(20)

    assert heard == [data, data]
    assert moved == [(len(data), len(data))]


def _say(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def _hear(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_an_idle_connection_ends(pair: Pair) -> None:
    left, right = pair
    assert relay(left, right, 0.05, 100) == (0, 0)


def test_a_connection_ends_at_its_limit() -> None:
    client, left = socket.socketpair()
    right, server = socket.socketpair()
    with client, left, right, server:
        client.sendall(b"x" * 1000)
        assert relay(left, right, 5.0, 1000) == (1000, 0)


def test_nothing_more_of_a_client_passes_when_only_the_answer_may() -> None:
    client, left = socket.socketpair()
    right, server = socket.socketpair()
    with client, left, right, server:
        client.sendall(b"a second request")
        _say(server, b"the answer")
        assert relay(left, right, 5.0, 1000, only_back=True) == (0, 10)
        right.close()
        assert server.recv(100) == b""
