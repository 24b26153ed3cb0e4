"""Owns starting the programs that run outside the sandbox, as the unprivileged user."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.backends.local.diagnosis import explain
from sandbox.backends.local.installation import Installation
from sandbox.backends.local.programs import framing
from sandbox.errors import Fatal, Retryable

Header = dict[str, Any]
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from programs.outside.main import main; main()"
)
ANSWERS_WITHIN_SECONDS = 600.0
"""A big snapshot may have to be unpacked first."""


@dataclass(frozen=True)
class Begun:
    """A program that waits for its request."""

    connection: socket.socket
    said: Callable[[], str]
    """What it complained of when it ended without an answer."""
    in_unit: bool = False
    """It is the main process of a service: it must stay, not detach."""


Begin = Callable[[Installation], AbstractContextManager[Begun]]


def run(installation: Installation, action: str, begin: Begin, **request: Any) -> Header:
    """Start one program, hand it the request, give its answer.

    Raises:
        Fatal, Retryable: it could not be started, or says so itself.
    """
    header = {
        "action": action,
        "boxes": str(installation.boxes),
        "snapshots": str(installation.snapshots),
        "programs": str(installation.programs),
        "seccomp": str(installation.filter),
        "bwrap": str(installation.bwrap),
        "python": str(installation.python),
        **request,
    }
    with begin(installation) as begun:
        begun.connection.settimeout(ANSWERS_WITHIN_SECONDS)
        try:
            framing.send(begun.connection, {**header, "in_unit": begun.in_unit})
            answer, _ = framing.receive(begun.connection)
        except (OSError, framing.FramingError):
            raise explain(begun.said()) from None
    match answer.get("error"):
        case None:
            return answer
        case "start":
            raise explain(answer["message"])
        case "retry":
            raise Retryable(answer["message"])
        case _:
            raise Fatal(answer["message"])


@contextmanager
def as_child(
    installation: Installation, admit: Callable[[int], None] = lambda _: None
) -> Iterator[Begun]:
    """
    Args:
        admit: gets the pid while the program still waits, so before it starts anything.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = _spawn(installation, theirs)
        with process:
            try:
                admit(process.pid)
            except BaseException:
                process.kill()
                raise
            assert process.stderr is not None
            stderr = process.stderr
            yield Begun(ours, lambda: stderr.read().decode("utf-8", "replace"))


def command_line(installation: Installation) -> list[str]:
    return [str(installation.python), "-I", "-S", "-B", "-c", START, str(installation.programs)]


def _spawn(installation: Installation, connection: socket.socket) -> subprocess.Popen[bytes]:
    """With an empty environment: what is in ours, secrets above all, must not come near it."""
    user = installation.run_as
    try:
        return subprocess.Popen(
            command_line(installation),
            stdin=connection.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={},
            cwd=installation.boxes if user is None else "/",
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    except OSError as error:
        raise Retryable(f"The sandbox supervisor could not be started: {error}") from error
