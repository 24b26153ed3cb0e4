"""Owns one request: what workers may ask, and the one frame on stdout that answers it."""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import time
import zlib

from sandbox.backends.local.programs import framing
from sandbox.backends.local.programs.inside import files
from sandbox.backends.local.programs.inside.joblog import prune_logs
from sandbox.backends.local.programs.inside.processes import kill_marked
from sandbox.backends.local.programs.inside.refusal import TRANSIENT, Refused, sentence, shown

from . import keeper
from .ledger import Fenced, Ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.backends.local.programs.framing import Header

    from .jobfolder import JobFolder

    Answer = tuple[Header, bytes]
    Operation = Callable[[Ledger, Header, bytes], Answer]

KILLED_WITHIN_SECONDS = 5.0
LOGS_KEPT = 200
PASSING_SECONDS = 3600.0


def main(folder: str, encoded: str) -> None:
    """Arguments: what the sandbox remembers is in `folder`; the request, packed by `pack`."""
    request = unpack(encoded)
    os.umask(0o022)
    answer, data = _answer(folder, request)
    header = json.dumps(answer).encode()
    if len(header) > framing.MAX_HEADER_BYTES:
        header = json.dumps({"error": "file", "message": "The answer is too long."}).encode()
        data = b""
    with open(1, "wb", closefd=False) as out:
        out.write(framing.LENGTHS.pack(len(header), len(data)) + header + data)


def pack(request: Header) -> str:
    """As one argument of a process. Opaque: a `pkill -f` of a command's words must not meet it."""
    return base64.b64encode(zlib.compress(json.dumps(request).encode())).decode()


def unpack(encoded: str) -> Header:
    request: Header = json.loads(zlib.decompress(base64.b64decode(encoded)))
    return request


def _answer(folder: str, request: Header) -> Answer:
    incoming = request.get("body_path")
    path = str(request.get("path", "The request"))
    try:
        if incoming:
            with open(incoming, "rb") as file:
                body = file.read()
            os.unlink(incoming)
        else:
            body = base64.b64decode(request.get("body", ""))
        if "more" in request:  # a request too long for one argument
            request = {**request, **json.loads(body)}
        return OPERATIONS[request["op"]](Ledger(folder), request, body)
    except Refused as refusal:
        return _error("file", str(refusal))
    except Fenced as refusal:
        return _error("fenced", str(refusal))
    except OSError as error:
        if error.errno in TRANSIENT:
            return _error("retry", f"{shown(path)}: {error.strerror}")
        return _error("file", sentence(error, path))
    except framing.FramingError as error:
        return _error("retry", f"The command was not started: {error}.")


def _error(kind: str, message: str) -> Answer:
    return {"error": kind, "message": message}, b""


# --- commands ---------------------------------------------------------------------------------


def _start(ledger: Ledger, request: Header, _: bytes) -> Answer:
    job = ledger.job(request["slug"])
    with ledger.gate():
        if job.record() is None:
            ledger.check_fence(request["fence"])
            lock = job.begin(
                request["generation"], request["fence"], keep=bool(request.get("keep"))
            )
            try:
                keeper.start(job, lock, request)
            except OSError:
                job.forget()  # nothing was forked; after a broken answer the record would stay
                raise
    return _poll(ledger, request, b"")


def _poll(ledger: Ledger, request: Header, _: bytes) -> Answer:
    job = ledger.job(request["slug"])
    kept = not job.wait(request["wait_seconds"])
    record = job.record()  # after the look at its keeper, which records before it lets go
    state = {"log_path": request["log_path"], "lost": record is None}
    if record is None:
        return {**state, "end": None, "seconds": 0.0, "next_offset": 0, "size": 0}, b""
    data, offset, printed = job.read_log(request["log_path"], request["offset"], request["limit"])
    end = record["end"]
    lost = end is None and (not kept or record["generation"] != request["generation"])
    seconds = 0.0 if lost else (end or {}).get("seconds", time.time() - record["started_at"])
    told = {"end": end, "lost": lost, "seconds": seconds, "next_offset": offset, "size": printed}
    return {**state, **told}, data


def _cancel(ledger: Ledger, request: Header, _: bytes) -> Answer:
    job = ledger.job(request["slug"])
    with ledger.gate():
        if job.record() is None:
            job.refuse(request["generation"], ledger.fence())
            return {}, b""
    _kill([job])
    return {}, b""


def _raise_fence(ledger: Ledger, request: Header, _: bytes) -> Answer:
    with ledger.gate():
        ledger.raise_fence(request["fence"])
        late = ledger.running_below(request["fence"])
    _kill(late)
    return {}, b""


def _kill(jobs: list[JobFolder]) -> None:
    """Returns once the commands are gone; the processes they marked went first."""
    for job in jobs:
        job.stop_keeper()
    for job in jobs:
        if job.wait(KILLED_WITHIN_SECONDS):
            kill_marked(job.slug, signal.SIGKILL)  # what a command left behind, or its keeper


# --- files ------------------------------------------------------------------------------------


def _operate(_: Ledger, request: Header, body: bytes) -> Answer:
    return files.OPERATIONS[request["op"]](request, body, None)  # type: ignore[arg-type]


def _commit(ledger: Ledger, request: Header, body: bytes) -> Answer:
    with ledger.gate():
        ledger.check_fence(request["fence"])
        return _operate(ledger, request, body)


def _prepare_snapshot(ledger: Ledger, request: Header, _: bytes) -> Answer:
    """Drop what a restored sandbox has no use for; say how much is kept, and what it looks like."""
    prune_logs(request["logs"], LOGS_KEPT)
    from . import tree  # hashlib is dear, and needed for this alone

    for folder in request["passing"]:
        _drop_old(folder)
    size, fingerprint = tree.survey([*request["roots"], ledger.jobs_folder])
    is_still = not any(not job.wait(0) for job in ledger.jobs())
    return {"size": size, "fingerprint": fingerprint if is_still else ""}, b""


def _drop_old(folder: str) -> None:
    """Not what somebody may be uploading or downloading right now."""
    import shutil  # dear as well

    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if time.time() - os.lstat(path).st_mtime > PASSING_SECONDS:
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)


OPERATIONS: dict[str, Operation] = {
    "hello": lambda *_: ({}, b""),
    "start": _start,
    "poll": _poll,
    "cancel": _cancel,
    "fence": _raise_fence,
    "read": _operate,
    "list": _operate,
    "archive": _operate,
    "write": _commit,
    "append": _commit,
    "remove": _commit,
    "prepare": _prepare_snapshot,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
