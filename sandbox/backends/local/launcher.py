"""Owns starting the programs that run outside the sandbox, as the unprivileged user."""

import asyncio
import socket
import subprocess
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


async def run_program(installation: Installation, action: str, **request: Any) -> Header:
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
    # In a thread to its end, also when we are cancelled: half-started programs would be nobody's.
    return await asyncio.to_thread(_run, installation, header)


def _run(installation: Installation, header: Header) -> Header:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = _spawn(installation, theirs)
        with process:
            ours.settimeout(ANSWERS_WITHIN_SECONDS)
            try:
                framing.send(ours, header)
                answer, _ = framing.receive(ours)
            except (OSError, framing.FramingError):
                assert process.stderr is not None
                raise explain(process.stderr.read().decode("utf-8", "replace")) from None
    match answer.get("error"):
        case None:
            return answer
        case "start":
            raise explain(answer["message"])
        case "retry":
            raise Retryable(answer["message"])
        case _:
            raise Fatal(answer["message"])


def _spawn(installation: Installation, connection: socket.socket) -> subprocess.Popen[bytes]:
    """With an empty environment: what is in ours, secrets above all, must not come near it."""
    line = [str(installation.python), "-I", "-S", "-B", "-c", START, str(installation.programs)]
    user = installation.run_as
    try:
        return subprocess.Popen(
            line,
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
