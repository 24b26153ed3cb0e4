"""Owns the tools that read and change files: read, write, edit, list and search."""

import shlex
from typing import Annotated

from pydantic import Field

from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.shell import one_line
from sandbox.protocol import Command

READ_BYTES = 50_000
READ_LINES = 2000
EDIT_BYTES = 2_000_000
LIST_LIMIT = 400
SEARCH_LIMIT = 200


class ReadArguments(Arguments):
    path: str
    offset: Annotated[int | None, Field(description="First line, from 1; null: 1.")]
    limit: Annotated[int | None, Field(description=f"Lines; null: {READ_LINES}.")]


class WriteArguments(Arguments):
    path: str
    content: Annotated[str, Field(description="The whole file.")]


class EditArguments(Arguments):
    path: str
    old: Annotated[str, Field(description="Exact text, once in the file.")]
    new: str
    replace_all: Annotated[bool | None, Field(description="true: replace every occurrence.")]


class ListArguments(Arguments):
    path: Annotated[str | None, Field(description="Folder; null: the project.")]
    limit: int | None


class SearchArguments(Arguments):
    pattern: Annotated[str, Field(description="Extended regular expression.")]
    path: str | None
    limit: int | None


async def read_file(bench: Bench, args: ReadArguments, place: str, _call: str) -> ToolResult:
    file = await bench.sandbox.read_file(f"{place}: read", args.path, EDIT_BYTES)
    if file.binary:
        return problem("binary", f"{args.path} is a binary file of {file.size_bytes} bytes.")
    lines = file.text.splitlines()
    first = max(args.offset or 1, 1)
    chosen = lines[first - 1 : first - 1 + min(args.limit or READ_LINES, READ_LINES)]
    numbered = "\n".join(f"{n:>5}  {line}" for n, line in enumerate(chosen, first))
    clipped = numbered.encode()[:READ_BYTES].decode(errors="ignore")
    complete = first == 1 and len(chosen) == len(lines) and clipped == numbered
    data = {"path": file.path, "lines": len(lines), "text": clipped}
    if not complete or file.truncated:
        data["note"] = "not the whole file; use offset and limit"
    return ToolResult(ok=True, data=data)


async def write_file(bench: Bench, args: WriteArguments, place: str, _call: str) -> ToolResult:
    bench.say(f"writing `{one_line(args.path)}`")
    data = args.content.encode()
    await bench.sandbox.write_file(f"{place}: write", args.path, data)
    bench.written.add(args.path)
    return ToolResult(ok=True, data={"path": args.path, "bytes": len(data)})


async def edit_file(bench: Bench, args: EditArguments, place: str, _call: str) -> ToolResult:
    """Read, replace, write. Two journal entries; the write is whole or not at all."""
    if not args.old:
        return problem("bad_arguments", "old: it is empty", "Use write_file for a new file.")
    bench.say(f"editing `{one_line(args.path)}`")
    file = await bench.sandbox.read_file(f"{place}: read", args.path, EDIT_BYTES)
    if file.binary or file.truncated:
        return problem("not_editable", f"{args.path} is binary or larger than {EDIT_BYTES} bytes.")
    found = file.text.count(args.old)
    if found == 0:
        return problem("no_match", f"old: not found in {args.path}", nearest(file.text, args.old))
    if found > 1 and not args.replace_all:
        hint = "Give more of the text around it, or set replace_all."
        return problem("many_matches", f"old: found {found} times in {args.path}", hint)
    text = file.text.replace(args.old, args.new)
    await bench.sandbox.write_file(f"{place}: write", args.path, text.encode())
    bench.written.add(args.path)
    return ToolResult(ok=True, data={"path": args.path, "replaced": found})


async def list_files(bench: Bench, args: ListArguments, place: str, _call: str) -> ToolResult:
    limit = min(args.limit or LIST_LIMIT, LIST_LIMIT)
    listing = await bench.sandbox.list_files(f"{place}: list", args.path or ".", limit)
    files = [
        info.path if info.kind == "file" else f"{info.path} ({info.kind})" for info in listing.files
    ]
    return ToolResult(ok=True, data={"files": files, "truncated": listing.truncated})


async def search(bench: Bench, args: SearchArguments, place: str, _call: str) -> ToolResult:
    """ripgrep where the machine has it, else grep; the pattern is data, never part of the
    command."""
    limit = min(args.limit or SEARCH_LIMIT, SEARCH_LIMIT)
    pattern, path = shlex.quote(args.pattern), shlex.quote(args.path or ".")
    command = (
        f"if command -v rg >/dev/null; then rg -n --no-heading -e {pattern} -- {path};"
        f" else grep -rnIE --exclude-dir=.git -e {pattern} -- {path}; fi | head -n {limit}"
    )
    job_id = f"{bench.run_id}/{place}"
    result = await bench.sandbox.run(
        f"{place}: search", job_id, Command(command=command, timeout_seconds=30)
    )
    return ToolResult(ok=True, data={"matches": result.output})


def nearest(text: str, old: str) -> str:
    """The lines that hold the first line of `old`, as a hint; empty when none does."""
    first = next((line.strip() for line in old.splitlines() if line.strip()), "")
    rows = [
        f"{n}: {line}" for n, line in enumerate(text.splitlines(), 1) if first and first in line
    ]
    return "Lines like its first one:\n" + "\n".join(rows[:5]) if rows else ""


READ = Tool(
    "read_file", "Read a text file with line numbers.", ReadArguments, read_file, mutates=False
)
WRITE = Tool(
    "write_file", "Write a whole file; missing folders are made.", WriteArguments, write_file
)
EDIT = Tool("edit_file", "Replace exact text in a file.", EditArguments, edit_file)
LIST = Tool(
    "list_files", "List the project's files, recursively.", ListArguments, list_files, mutates=False
)
SEARCH = Tool("search", "Search file contents.", SearchArguments, search, mutates=False)
