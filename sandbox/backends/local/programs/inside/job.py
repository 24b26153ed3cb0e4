"""Owns one command from fork to the last byte it prints."""

from __future__ import annotations

import os
import signal
import time

from .joblog import JobLog
from .processes import MARK, end_job, kill_group, kill_marked, limit_self

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from ..framing import Header

GRACE_SECONDS = 0.1
"""Between SIGTERM and SIGKILL."""
READ_BYTES = 1 << 18
DRAIN_READS = 64
"""Reads of what is left in the pipe when the command ends while a background child still prints."""
CANNOT_START = 126
TIMED_OUT = 124
SHELL = "/bin/bash"
LONGEST_ARGUMENT_BYTES = 100_000


class Job:
    """A running command, or an ended one whose background children still hold its output open."""

    def __init__(self, request: Header, connection: socket.socket) -> None:
        self.slug: str = request["slug"]
        self.connection = connection
        """Stays open until the command ended: the supervisor waits on it."""
        self.reason = ""
        """Why it was killed: timeout, cancel, memory; empty when it was not."""
        self.ended: Header | None = None
        self.log = JobLog(request["log_path"])
        self._started = time.monotonic()
        self._due = self._started + request["timeout_seconds"]
        self._kill_due: float | None = None
        self.output_open = True
        self.pid, self.output = _spawn(request)

    def pump(self, reads: int = 4) -> bool:
        """Move output into the log. False once nobody can print any more."""
        for _ in range(reads):
            try:
                data = os.read(self.output, READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.log.append(data)
        return True

    def note(self, sentence: str) -> None:
        self.log.append(f"[threadwright: {sentence}]\n".encode())

    def next_due(self) -> float | None:
        if self.ended is not None:
            return None
        return self._due if self._kill_due is None else self._kill_due

    def on_time(self, now: float) -> None:
        due = self.next_due()
        if due is None or now < due:
            return
        if self._kill_due is None:
            self.terminate("timeout")
        else:
            end_job(self.pid, self.slug)
            self._kill_due = now + 1.0  # a process in an uninterruptible wait: look again

    def terminate(self, reason: str) -> None:
        """Ask it to end; `on_time` makes sure soon after."""
        if self.ended is not None or self.reason:
            return
        self.reason = reason
        self._kill_due = time.monotonic() + GRACE_SECONDS
        kill_group(self.pid, signal.SIGTERM)
        kill_marked(self.slug, signal.SIGTERM)

    def finish(self, status: int) -> Header:
        """The command itself was reaped: what the supervisor is told about its end."""
        if self.reason:
            end_job(self.pid, self.slug)
        self.pump(DRAIN_READS)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        self.ended = {
            "exit_code": TIMED_OUT if self.reason == "timeout" else code,
            "timed_out": self.reason == "timeout",
            "cancelled": self.reason == "cancel",
            "seconds": round(time.monotonic() - self._started, 3),
            "missing": self.log.missing,
        }
        return self.ended

    def close(self) -> None:
        os.close(self.output)
        self.log.close()


def _spawn(request: Header) -> tuple[int, int]:
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(writer, True)
    pid = os.fork()
    if pid == 0:
        _become(request, writer)
    os.close(writer)
    return pid, reader


def _arguments(request: Header) -> list[str]:
    """The kernel takes 128 KiB in one argument; a longer text is run from a file beside the log."""
    if len(request["command"].encode()) < LONGEST_ARGUMENT_BYTES:
        return ["bash", "-lc", request["command"]]
    path = os.path.join(os.path.dirname(request["log_path"]), "command")
    with open(path, "w", encoding="utf-8", opener=_private) as script:
        script.write(request["command"])
    return ["bash", "-l", path]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _become(request: Header, writer: int) -> None:
    """In the child: turn into the command. Never returns."""
    try:
        os.setsid()
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.closerange(3, 1 << 16)
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(
                number, signal.SIG_DFL
            )  # ignored signals would stay ignored in the command
        limit_self(request["memory_bytes"], request["file_bytes"])
        os.umask(0o022)
        os.chdir(request["workdir"])
        environment = {**request["environment"], MARK: request["slug"]}
        os.execve(SHELL, _arguments(request), environment)
    except BaseException as error:  # noqa: BLE001 - whatever happened, this child must not live on
        os.write(2, f"threadwright cannot start the command: {error}\n".encode())
    finally:
        os._exit(CANNOT_START)
