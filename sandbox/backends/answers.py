"""Owns what backends share: how much one request may move, and how what the programs in a sandbox
answer becomes a value of the contract."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from sandbox.errors import Fatal
from sandbox.protocol import ArchiveInfo, FileInfo, FileList, FileText, JobState

WRITE_BYTES = 16 << 20
READ_BYTES = 8 << 20
LATER_BYTE = range(0x80, 0xC0)
"""Bytes that continue a UTF-8 character."""

NONSENSE = (
    "The sandbox gave an answer that makes no sense: code in it may have taken it over. Its files "
    "are in the last snapshot."
)

Answer = dict[str, Any]
P = ParamSpec("P")
T = TypeVar("T")


def understood(read: Callable[P, T], *answer: P.args, **fields: P.kwargs) -> T:
    """Code in a sandbox may have taken over what answers for it: no shape is certain."""
    try:
        return read(*answer, **fields)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Fatal(NONSENSE) from error


def job_state(answer: Answer, data: bytes, offset: int) -> JobState:
    end = answer["end"] or {}
    is_end = bool(end) and answer["next_offset"] >= answer["size"]
    data, held_back = whole_characters(data, is_start=offset == 0, is_end=is_end)
    return JobState(
        exit_code=end.get("exit_code"),
        chunk=data.decode("utf-8", "replace"),
        next_offset=answer["next_offset"] - held_back,
        size_bytes=answer["size"],
        timed_out=end.get("timed_out", False),
        cancelled=end.get("cancelled", False),
        lost=answer["lost"],
        seconds=answer["seconds"],
        log_path=answer["log_path"],
    )


def file_text(answer: Answer, data: bytes) -> FileText:
    truncated = answer["size"] > len(data)
    whole, _ = whole_characters(data, is_start=True, is_end=not truncated)
    return FileText(
        path=answer["shown"],
        text="" if b"\0" in data else whole.decode("utf-8", "replace"),
        size_bytes=answer["size"],
        truncated=truncated,
        binary=not _is_text(whole),
    )


def file_list(answer: Answer) -> FileList:
    files = [FileInfo(path=p, kind=kind, size_bytes=size) for p, kind, size in answer["files"]]
    return FileList(files=files, truncated=answer["truncated"])


def archive_info(answer: Answer, archive_id: str, title: str, limit_bytes: int) -> ArchiveInfo:
    if not 0 <= answer["size"] <= 2 * limit_bytes:
        raise ValueError("that is not the archive we made")
    return ArchiveInfo(
        archive_id=archive_id,
        file_name=f"{title}.zip",
        size_bytes=answer["size"],
        file_count=answer["count"],
    )


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def whole_characters(data: bytes, is_start: bool, is_end: bool) -> tuple[bytes, int]:
    """Drop the rest of a character cut at the start; hold back one cut at the end: how much?"""
    first = 0
    while not is_start and first < min(3, len(data)) and data[first] in LATER_BYTE:
        first += 1
    data = data[first:]
    if is_end:
        return data, 0
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte not in LATER_BYTE:
            length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return (data[:-back], back) if back < length and back < len(data) else (data, 0)
    return data, 0
