"""Owns `apply_patch`: the begin/end envelope that coding models write, applied whole or not at all.

`parse` and `apply` are pure; the tool reads every file first, computes every result, then writes.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.files import EDIT_BYTES

BEGIN, END = "*** Begin Patch", "*** End Patch"
_FILE_OF_SECTION: dict[str, Literal["add", "update", "delete"]] = {
    "*** Add File: ": "add",
    "*** Update File: ": "update",
    "*** Delete File: ": "delete",
}
_MOVE = "*** Move to: "
_END_OF_FILE = "*** End of File"


class PatchError(Exception):
    """The patch cannot be read or does not fit; the message says where and what to do."""


class PatchArguments(Arguments):
    patch: Annotated[str, Field(description=f"{BEGIN} … {END}, with file sections and @@ hunks.")]


@dataclass
class Hunk:
    header: str
    """Text after `@@`: a line above the change, to find the right place; may be empty."""
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    at_end: bool = False


@dataclass
class Section:
    kind: Literal["add", "update", "delete"]
    path: str
    lines: list[str] = field(default_factory=list)
    hunks: list[Hunk] = field(default_factory=list)
    move_to: str | None = None


def parse(text: str) -> list[Section]:
    """Raises PatchError naming the line that is wrong."""
    lines = text.strip("\n").splitlines()
    if not lines or lines[0].strip() != BEGIN or lines[-1].strip() != END:
        raise PatchError(f"A patch starts with '{BEGIN}' and ends with '{END}'.")
    sections: list[Section] = []
    for number, line in enumerate(lines[1:-1], 2):
        prefix = next((p for p in _FILE_OF_SECTION if line.startswith(p)), None)
        if prefix is not None:
            sections.append(Section(_FILE_OF_SECTION[prefix], line[len(prefix) :].strip()))
        elif not sections:
            raise PatchError(f"Line {number}: expected '*** Add File: ', Update or Delete.")
        else:
            _take_line(sections[-1], line, number)
    if not sections:
        raise PatchError("The patch names no file.")
    return sections


def _take_line(section: Section, line: str, number: int) -> None:
    if section.kind == "add" and line.startswith("+"):
        section.lines.append(line[1:])
    elif section.kind == "update" and line.startswith(_MOVE):
        section.move_to = line[len(_MOVE) :].strip()
    elif section.kind == "update" and line.startswith("@@"):
        section.hunks.append(Hunk(line[2:].strip().removesuffix("@@").strip()))
    elif section.kind == "update" and line.strip() == _END_OF_FILE and section.hunks:
        section.hunks[-1].at_end = True
    elif section.kind == "update" and line[:1] in (" ", "+", "-", ""):
        if not section.hunks:
            section.hunks.append(Hunk(""))
        if line[:1] != "+":
            section.hunks[-1].old.append(line[1:])
        if line[:1] != "-":
            section.hunks[-1].new.append(line[1:])
    else:
        raise PatchError(f"Line {number}: not expected in a {section.kind} section: {line[:80]!r}")


def apply(text: str, hunks: list[Hunk], path: str) -> str:
    """The file after all hunks. Raises PatchError when one does not fit."""
    lines = text.splitlines()
    position = 0
    for number, hunk in enumerate(hunks, 1):
        start = _after_header(lines, hunk.header, position)
        at = _find(lines, hunk.old, start, at_end=hunk.at_end)
        if at is None:
            wanted = "\n".join(hunk.old[:6])
            raise PatchError(f"{path}: hunk {number} does not fit; no such lines:\n{wanted}")
        lines[at : at + len(hunk.old)] = hunk.new
        position = at + len(hunk.new)
    return "\n".join(lines) + "\n" if lines else ""


def _after_header(lines: list[str], header: str, position: int) -> int:
    if not header:
        return position
    return next(
        (n + 1 for n in range(position, len(lines)) if lines[n].strip() == header), position
    )


def _find(lines: list[str], old: list[str], start: int, *, at_end: bool) -> int | None:
    """Where `old` stands at or after `start`: exactly, else but for trailing blanks."""
    if not old:
        return len(lines)
    last = len(lines) - len(old)
    places = [last] if at_end else range(start, last + 1)
    readings = [(lines, old), ([line.rstrip() for line in lines], [line.rstrip() for line in old])]
    for present, wanted in readings:
        for at in places:
            if at >= 0 and present[at : at + len(wanted)] == wanted:
                return at
    return None


async def apply_patch(bench: Bench, args: PatchArguments, place: str, _call: str) -> ToolResult:
    bench.say("applying a patch")
    try:
        sections = parse(args.patch)
        writes, deletes = await _dry_run(bench, sections, place)
    except PatchError as error:
        return problem("bad_patch", str(error), "Nothing was changed. Read the file and try again.")
    for number, (path, text) in enumerate(writes.items(), 1):
        await bench.sandbox.write_file(f"{place}: write {number}", path, text.encode())
    for number, path in enumerate(deletes, 1):
        await bench.sandbox.remove_file(f"{place}: delete {number}", path)
    bench.written.update(writes)
    return ToolResult(ok=True, data={"written": list(writes), "deleted": deletes})


async def _dry_run(
    bench: Bench, sections: list[Section], place: str
) -> tuple[dict[str, str], list[str]]:
    """Every file as it will be. Later sections see the results of earlier ones."""
    writes: dict[str, str] = {}
    deletes: list[str] = []
    for number, section in enumerate(sections, 1):
        if section.kind == "add":
            writes[section.path] = "\n".join(section.lines) + "\n"
        elif section.kind == "delete":
            deletes.append(section.path)
        else:
            text = writes.get(section.path)
            if text is None:
                where = f"{place}: read {number}"
                file = await bench.sandbox.read_file(where, section.path, EDIT_BYTES)
                if file.binary or file.truncated:
                    raise PatchError(f"{section.path} is binary or too large to patch.")
                text = file.text
            writes[section.move_to or section.path] = apply(text, section.hunks, section.path)
            if section.move_to:
                writes.pop(section.path, None)
                deletes.append(section.path)
    return writes, deletes


PATCH = Tool(
    "apply_patch", "Add, change, move or delete files by a patch.", PatchArguments, apply_patch
)
