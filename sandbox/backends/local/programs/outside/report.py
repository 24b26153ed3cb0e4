"""Owns the talk with the worker that started one of these programs, on descriptor 0."""

from __future__ import annotations

import os
import socket

from .. import framing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header


def connect_back(path: str) -> None:
    """For a program that a service manager started: make descriptor 0 what it is for a child."""
    os.chdir(os.path.dirname(path))  # socket addresses are short
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(os.path.basename(path))
        os.dup2(connection.fileno(), 0)


def request() -> Header:
    """A socket instead of arguments, so no process list shows it."""
    header, _ = framing.receive(socket.socket(fileno=os.dup(0)))
    return header


def report(answer: Header) -> None:
    """Answer and let go; the worker may have gone already."""
    try:
        framing.send(socket.socket(fileno=os.dup(0)), answer)
    except OSError:
        pass
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
