"""Owns the tools that only look: `read_file`, `list_files` and `search`.

They read through a `Glance`, so any number of them is one journal entry; see `reading.py`.
"""

import json
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent.tools.contract import Arguments, Tool, ToolResult, problem
from agent.tools.output import cut, plain
from sandbox.client import Glance
from sandbox.paths import absolute
from sandbox.protocol import Command

READ_BYTES = 50_000
READ_LINES = 2000
LINE_CHARS = 2000
CHUNK_BYTES = 2_000_000
SCANNED_BYTES = 64_000_000
"""How far into a file a line is looked for."""
BINARY_LOOK = 8192
LOGS = "/home/sandbox/.jobs/"
LIST_LIMIT, SEARCH_LIMIT = 400, 200
MOST_CONTEXT = 10
LOOK_SECONDS = 20


class ReadArguments(Arguments):
    path: str
    offset: Annotated[int | None, Field(description="First line, from 1; null: 1.")] = None
    limit: Annotated[
        int | None, Field(description=f"Lines, at most {READ_LINES}; null: {READ_LINES}.")
    ] = None


class ListArguments(Arguments):
    path: Annotated[str | None, Field(description="Folder; null: the project.")] = None
    glob: Annotated[
        str | None,
        Field(description="For example `*.py` or `src/**/*.{ts,tsx}`; null: every file."),
    ] = None
    limit: Annotated[int | None, Field(description=f"Null, and at most: {LIST_LIMIT}.")] = None


class SearchArguments(Arguments):
    pattern: Annotated[str, Field(description="Regular expression (Python's), for one line.")]
    path: Annotated[str | None, Field(description="Folder or file; null: the project.")] = None
    glob: Annotated[str | None, Field(description="Only files like this, as `*.py`.")] = None
    ignore_case: bool | None = None
    context: Annotated[
        int | None, Field(description=f"Lines around each match, at most {MOST_CONTEXT}; null: 0.")
    ] = None
    limit: Annotated[int | None, Field(description=f"Null, and at most: {SEARCH_LIMIT}.")] = None


async def read_file(glance: Glance, args: ReadArguments, _job: str) -> ToolResult:
    first = max(args.offset or 1, 1)
    count = min(max(args.limit or READ_LINES, 1), READ_LINES)
    is_log = absolute(args.path).startswith(LOGS)
    data, dropped, offset, is_whole = b"", 0, 0, False
    while not is_whole and not _is_enough(data, first - dropped, count):
        if offset >= SCANNED_BYTES:
            hint = "Use search, or a command such as sed or tail."
            detail = f"{args.path}: line {first} is more than {SCANNED_BYTES >> 20} MB into it."
            return problem("too_large", detail, hint)
        chunk = await glance.read_bytes(args.path, CHUNK_BYTES, offset)
        if not offset and b"\0" in chunk[:BINARY_LOOK] and not is_log:
            hint = "Look at it with a command such as file, strings or xxd."
            return problem("binary", f"{args.path} is a binary file.", hint)
        offset += len(chunk)
        is_whole = len(chunk) < CHUNK_BYTES
        dropped, data = _without_lines_before(first, dropped, data + chunk)
    lines = data.decode("utf-8", "replace").split("\n")
    if lines[-1] == "" or (not is_whole and len(lines) > 1):
        lines.pop()  # the end of the file, or a line that was read in part
    if is_log:
        lines = [plain(line) for line in lines]
    return _page(args.path, lines, dropped, first, count, is_whole=is_whole)


def _is_enough(data: bytes, ahead: int, count: int) -> bool:
    """Whether `data` begins with the line wanted (`ahead` is 1) and holds all that is shown."""
    return ahead == 1 and (data.count(b"\n") >= count or len(data) >= CHUNK_BYTES // 2)


def _without_lines_before(first: int, dropped: int, data: bytes) -> tuple[int, bytes]:
    """Let go of whole lines that will not be shown."""
    parts = data.split(b"\n", max(0, first - 1 - dropped))
    return dropped + len(parts) - 1, parts[-1]


def _page(
    path: str, lines: list[str], dropped: int, first: int, count: int, *, is_whole: bool
) -> ToolResult:
    """
    Args:
        lines: those after the first `dropped`.
        is_whole: they go on to the end of the file.
    """
    total = dropped + len(lines)
    if is_whole and first > max(total, 1):
        return problem("bad_arguments", f"offset: {path} has {total} lines")
    rows: list[str] = []
    room = READ_BYTES
    for number, line in enumerate(lines[first - 1 - dropped :][:count], first):
        if len(line) > LINE_CHARS:
            line = f"{line[:LINE_CHARS]}… ({len(line) - LINE_CHARS} characters more)"
        row = f"{number:>5}  {line}"
        room -= len(row.encode()) + 1
        if room < 0 and rows:
            break
        rows.append(row)
    data: dict[str, object] = {"path": path, "text": cut("\n".join(rows), READ_BYTES)}
    if is_whole:
        data["lines"] = total
    after = first + len(rows)
    if not is_whole or after <= total:
        data["note"] = f"The file goes on: read from offset {after}."
    return ToolResult(ok=True, data=data)


async def list_files(glance: Glance, args: ListArguments, job: str) -> ToolResult:
    limit = min(max(args.limit or LIST_LIMIT, 1), LIST_LIMIT)
    request = {"op": "list", "path": args.path, "glob": args.glob, "limit": limit}
    answer = await _inside(glance, request, job)
    if not answer.ok:
        return answer
    files = answer.data.pop("text").split("\n")
    return ToolResult(ok=True, data={"files": [f for f in files if f], **answer.data})


async def search(glance: Glance, args: SearchArguments, job: str) -> ToolResult:
    request = {
        "op": "search",
        "pattern": args.pattern,
        "path": args.path,
        "glob": args.glob,
        "ignore_case": bool(args.ignore_case),
        "context": min(max(args.context or 0, 0), MOST_CONTEXT),
        "limit": min(max(args.limit or SEARCH_LIMIT, 1), SEARCH_LIMIT),
    }
    answer = await _inside(glance, request, job)
    if not answer.ok:
        return answer
    return ToolResult(ok=True, data={"matches": answer.data.pop("text"), **answer.data})


async def _inside(glance: Glance, request: Mapping[str, object], job: str) -> ToolResult:
    """What `inside.py` answers, as `text` and a note when there is more. Raises FileProblem."""
    path = absolute(str(request["path"] or "."))
    asked = {**request, "path": path, "glob": request["glob"] or "", "seconds": LOOK_SECONDS}
    words = ["python3", "-I", "-c", program(), json.dumps(asked)]
    command = Command(command=shlex.join(words), timeout_seconds=LOOK_SECONDS + 5)
    result = await glance.run(job, command)
    head, _, text = result.output.partition("\n")
    try:
        told = json.loads(head)
        refused, stopped = str(told["refused"]), str(told["stopped"])
    except (ValueError, KeyError, TypeError):
        return problem("no_answer", f"The look failed: {plain(result.output)[-300:]}", "Use shell.")
    if refused:
        return problem("bad_arguments", refused)
    data: dict[str, object] = {"text": plain(text)}
    if stopped:
        data["note"] = f"Not all: {stopped}. Ask for less: a folder, a glob, a longer pattern."
    return ToolResult(ok=True, data=data)


@cache
def program() -> str:
    """Read as text, never imported by us: it runs in the sandbox alone."""
    return Path(__file__).with_name("inside.py").read_text(encoding="utf-8")


READ = Tool("read_file", "Read a text file with line numbers.", ReadArguments, read=read_file)
LIST = Tool(
    "list_files",
    "List files, recursively; without what .gitignore names.",
    ListArguments,
    read=list_files,
)
SEARCH = Tool(
    "search", "Search file contents; without what .gitignore names.", SearchArguments, read=search
)
