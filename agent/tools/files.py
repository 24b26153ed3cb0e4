"""Owns the tools that change one file: `write_file` and `edit_file`."""

import difflib
from typing import Annotated

from pydantic import Field

from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.output import cut, one_line

EDIT_BYTES = 2_000_000
COMPARED_LINES = 5000
"""Of a file, for a hint; more would take seconds."""
HINT_LINES, HINT_BYTES = 12, 2000


class WriteArguments(Arguments):
    path: str
    content: Annotated[str, Field(description="The whole file.")]


class EditArguments(Arguments):
    path: str
    old: Annotated[str, Field(description="Exact text, once in the file.")]
    new: str
    replace_all: Annotated[bool | None, Field(description="true: replace every occurrence.")] = None


async def write_file(bench: Bench, args: WriteArguments, place: str, _call: str) -> ToolResult:
    data = args.content.encode()
    bench.say(f"writing `{one_line(args.path)}`")
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
        detail = f"{args.path} is not plain UTF-8 text, or larger than {EDIT_BYTES} bytes."
        return problem("not_editable", detail, "Change it with a command.")
    old, new = args.old, args.new
    if "\r\n" in file.text and "\r" not in old:  # models write lines without it
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    found = file.text.count(old)
    if found == 0:
        return problem("no_match", f"old: not found in {args.path}", nearest(file.text, args.old))
    if found > 1 and not args.replace_all:
        hint = "Give more of the text around it, or set replace_all."
        return problem("many_matches", f"old: found {found} times in {args.path}", hint)
    await bench.sandbox.write_file(
        f"{place}: write", args.path, file.text.replace(old, new).encode()
    )
    bench.written.add(args.path)
    return ToolResult(ok=True, data={"path": args.path, "replaced": found})


def nearest(text: str, old: str) -> str:
    """Where the file has what comes nearest to `old`, as a hint; empty when nothing is like it."""
    lines, wanted = text.split("\n")[:COMPARED_LINES], old.strip("\n").split("\n")
    bare, bare_wanted = [_bare(line) for line in lines], [_bare(line) for line in wanted]
    for at in range(len(lines) - len(wanted) + 1):
        if bare[at : at + len(wanted)] == bare_wanted:
            return "It is there but for its blanks:\n" + _numbered(lines, at, len(wanted))
    first = next((line for line in bare_wanted if line), "")
    if not first:
        return ""
    near = [at for at, line in enumerate(bare) if line and first in line][:1]
    if not near:
        likely = difflib.get_close_matches(first, set(bare), n=1, cutoff=0.6)
        near = [bare.index(line) for line in likely]
    if not near:
        return "Nothing in it is like the first line of old. Read the file again."
    return "The nearest lines are:\n" + _numbered(lines, near[0], len(wanted))


def _bare(line: str) -> str:
    return "".join(line.split())


def _numbered(lines: list[str], at: int, count: int) -> str:
    rows = enumerate(lines[at : at + min(count + 2, HINT_LINES)], at + 1)
    return cut("\n".join(f"{number}: {line}" for number, line in rows), HINT_BYTES)


WRITE = Tool(
    "write_file", "Write a whole file; missing folders are made.", WriteArguments, write_file
)
EDIT = Tool("edit_file", "Replace exact text in a file.", EditArguments, edit_file)
