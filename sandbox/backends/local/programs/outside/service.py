"""Owns what workers may ask of a running sandbox: fences first, then records, then process 1.

One thread per connection, one request per connection. Writers pass one gate, so that after a fence
was raised no write of older work is still under way.
"""

from __future__ import annotations

import os
import socket
import threading
import time

from .. import framing
from . import snapshots
from .bwrap import ENVIRONMENT
from .ledger import log_path, slug_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..framing import Header
    from .box import Box
    from .ledger import Ledger
    from .preview import Previews

    Answer = tuple[Header, bytes]
    Handler = Callable[[Header, bytes], Answer]

VERSION = 4
"""Of the requests below. A worker that speaks another one ends this sandbox and starts it anew."""
INSIDE_SOCKET = "inside.sock"
LONGEST_POLL_SECONDS = 60.0
ANSWERED_WITHIN_SECONDS = 300.0
"""By process 1 or a file operation; a snapshot sends something all the time."""
KILLED_WITHIN_SECONDS = 5.0
ACTIVITY_SECONDS = 300.0
"""Any request keeps the sandbox at least this much longer."""


class Refused(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.answer = {"error": kind, "message": message}


class Service:
    def __init__(self, config: Header, box: Box, ledger: Ledger) -> None:
        self.stopping = threading.Event()
        self._config = config
        self._box = box
        self._ledger = ledger
        self._gate = threading.Lock()
        self._snapshot = threading.Lock()
        self._handlers: dict[str, Handler] = {
            "hello": lambda *_: (self._box.describe(), b""),
            "renew": self._renew,
            "fence": self._raise_fence,
            "start": self._start,
            "poll": self._poll,
            "cancel": self._cancel,
            "read": self._ask_inside,
            "list": self._ask_inside,
            "archive": self._ask_inside,
            "write": self._write_inside,
            "append": self._write_inside,
            "remove": self._write_inside,
            "snapshot": self._take_snapshot,
            "expose": self._expose,
            "hide": self._hide,
        }
        self._exposing = threading.Lock()
        self._previews: Previews | None = None
        self._environment = {**ENVIRONMENT, **config.get("environment", {})}

    def serve(self, connection: socket.socket) -> None:
        """One request from a worker, in a thread of its own."""
        with connection:
            try:
                header, body = framing.receive(connection)
                if header.get("op") == "stop" and self._is_current(header):
                    self.stopping.set()
                    connection.recv(1)  # the worker waits for our end, we for its
                    return
                answer, data = self._handle(header, body)
                framing.send(connection, answer, data)
            except (OSError, framing.FramingError):
                return  # the worker went away; whatever it asked for is recorded or was not done

    def _handle(self, header: Header, body: bytes) -> Answer:
        if header.get("version") != VERSION:
            return {
                "error": "version",
                "message": "the sandbox was started by another release",
            }, b""
        if not self._is_current(header):
            return {"error": "gone", "message": "The sandbox was restarted since."}, b""
        self._touch()
        try:
            return self._handlers[header["op"]](header, body)
        except (Refused, snapshots.Refused) as refusal:
            return refusal.answer, b""
        except framing.HungUp:
            return {"error": "retry", "message": "the sandbox gave no answer"}, b""
        except (OSError, framing.FramingError) as error:
            return {"error": "retry", "message": str(error)}, b""
        except (KeyError, TypeError, ValueError) as error:
            return {"error": "fatal", "message": f"bad request: {error!r}"}, b""

    def busy(self) -> bool:
        """Whether something runs that must not be cut off by the end of the lease."""
        return self._ledger.any_running() or self._snapshot.locked()

    def _is_current(self, header: Header) -> bool:
        return bool(header.get("generation", self._box.generation) == self._box.generation)

    # --- life ---------------------------------------------------------------------------------

    def _touch(self) -> None:
        if self._box.expires_at - time.time() < ACTIVITY_SECONDS / 2:
            self._box.extend(ACTIVITY_SECONDS)

    def _renew(self, header: Header, _: bytes) -> Answer:
        self._box.extend(header["ttl_seconds"])
        return self._box.describe(), b""

    def _raise_fence(self, header: Header, _: bytes) -> Answer:
        fence: int = header["fence"]
        with self._gate:
            self._check_fence(fence)
            if fence > self._box.fence:
                self._box.remember(fence=fence)
            late = self._ledger.running_below(fence)
        for slug in late:
            self._kill(slug)
        return {}, b""

    def _check_fence(self, fence: int) -> None:
        if fence < self._box.fence:
            raise Refused("fenced", "Newer work owns the sandbox; this write was dropped.")

    # --- commands -----------------------------------------------------------------------------

    def _start(self, header: Header, _: bytes) -> Answer:
        self._start_once(slug_of(header["job"]), header)
        return self._poll(header, b"")

    def _start_once(self, slug: str, header: Header) -> None:
        with self._gate:
            if self._ledger.find(slug) is not None:
                return
            self._check_fence(header["fence"])
            inside = self.connect_inside()
            self._ledger.begin(slug, header["fence"], keep=bool(header.get("keep")))
            try:
                self._start_inside(inside, slug, header)
            except Refused:
                # Only a clear answer means it does not run. After a broken connection it may: the
                # record stays, and without an end the job is lost, not free to be run again.
                self._ledger.forget(slug)
                raise
            except (OSError, framing.FramingError, KeyError):
                self.stopping.set()  # a process 1 that cannot start a job is of no use
                raise
        threading.Thread(target=self._await_end, args=(slug, inside), daemon=True).start()

    def _start_inside(self, inside: socket.socket, slug: str, header: Header) -> None:
        request = {
            "op": "start",
            "slug": slug,
            "log_path": log_path(slug),
            "command": header["command"],
            "workdir": header["workdir"],
            "timeout_seconds": header["timeout_seconds"],
            "environment": self._environment,
            "memory_bytes": self._config["memory_bytes"],
            "file_bytes": self._config["file_bytes"],
        }
        framing.send(inside, request)
        answer, _ = framing.receive(inside)
        if "error" in answer:
            raise Refused(answer["error"], answer["message"])
        inside.settimeout(None)

    def _await_end(self, slug: str, inside: socket.socket) -> None:
        with inside:
            try:
                end, _ = framing.receive(inside)
                ended = isinstance(end["exit_code"], int)
            except (OSError, framing.FramingError, KeyError):
                ended = False
        if ended:
            self._ledger.end(slug, end)
        else:  # process 1 died, or is not ours any more: without an end the job is lost
            self.stopping.set()

    def _poll(self, header: Header, _: bytes) -> Answer:
        slug = slug_of(header["job"])
        self._ledger.wait(slug, min(header["wait_seconds"], LONGEST_POLL_SECONDS))
        record = self._ledger.find(slug)
        state = {"log_path": log_path(slug), "lost": record is None}
        if record is None:
            return {**state, "end": None, "seconds": 0.0, "next_offset": 0, "size": 0}, b""
        end = record["end"] or {}
        log, data = self._ask(
            {
                "op": "log",
                "slug": slug,
                "log_path": log_path(slug),
                "missing": end.get("missing", 0),
                "offset": header["offset"],
                "limit": header["limit"],
            }
        )
        lost = self._ledger.is_lost(record)
        seconds = 0.0 if lost else end.get("seconds", time.time() - record["started_at"])
        return {**state, **log, "end": record["end"], "lost": lost, "seconds": seconds}, data

    def _cancel(self, header: Header, _: bytes) -> Answer:
        slug = slug_of(header["job"])
        with self._gate:
            if self._ledger.find(slug) is None:
                self._ledger.refuse(slug, self._box.fence)
                return {}, b""
        self._kill(slug)
        return {}, b""

    def _kill(self, slug: str) -> None:
        """Returns once the command is gone; the processes it marked went first."""
        self._ask({"op": "cancel", "slug": slug, "reason": "cancel"})
        self._ledger.wait(slug, KILLED_WITHIN_SECONDS)

    # --- files --------------------------------------------------------------------------------

    def _ask_inside(self, header: Header, body: bytes) -> Answer:
        return self._ask(header, body)

    def _write_inside(self, header: Header, body: bytes) -> Answer:
        with self._gate:
            self._check_fence(header["fence"])
            return self._ask(header, body)

    def _take_snapshot(self, header: Header, _: bytes) -> Answer:
        folder = os.path.join(self._config["snapshots"], self._config["name"])
        with self._snapshot, self.connect_inside() as inside:
            framing.send(inside, {"op": "pack", "limit": header["limit"]})
            return snapshots.save(folder, inside, header["limit"]), b""

    def _expose(self, header: Header, _: bytes) -> Answer:
        with self._exposing:
            if self._previews is None:
                from .preview import Previews  # most sandboxes have none: their start is quicker

                self._previews = Previews(self.connect_inside, self._touch)
            return {"url": self._previews.expose(header["port"])}, b""

    def _hide(self, header: Header, _: bytes) -> Answer:
        with self._exposing:
            if self._previews is not None:
                self._previews.hide(header["port"])
        return {}, b""

    def _ask(self, request: Header, body: bytes = b"") -> Answer:
        with self.connect_inside() as inside:
            framing.send(inside, request, body)
            return framing.receive(inside)

    def connect_inside(self) -> socket.socket:
        inside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        inside.settimeout(ANSWERED_WITHIN_SECONDS)
        inside.connect(INSIDE_SOCKET)
        return inside
