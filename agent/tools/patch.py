"""Owns `apply_patch`: the begin/end envelope that coding models write, applied whole or not at all.

`parse`, `apply` and `in_shell` are pure; the tool reads every file, computes every result, then
changes all files in one effect. A crash in between is harmless: what was read is journaled, so the
second try writes the same contents.
"""

import posixpath
import re
import shlex
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.files import EDIT_BYTES
from sandbox.client import Glance
from sandbox.errors import FileProblem

BEGIN, END = "*** Begin Patch", "*** End Patch"
_FILE_OF_SECTION: dict[str, Literal["add", "update", "delete"]] = {
    "*** Add File: ": "add",
    "*** Update File: ": "update",
    "*** Delete File: ": "delete",
}
_MOVE = "*** Move to: "
_END_OF_FILE = "*** End of File"
_MOST_FILES = 100
_IN_SHELL = re.compile(
    r"\s*(?:cd\s+(?P<folder>[^\s;&|<>$`]+)\s*&&\s*)?apply_patch\s*"
    r"(?:<<-?\s*(?P<quote>['\"]?)(?P<word>\w+)(?P=quote)[ \t]*\n(?P<here>.*?)\n(?P=word)"
    r"|(?P<argument>'[^']*'|\"[^\"$`\\]*\"))\s*",
    re.DOTALL,
)
"""As models write it that were taught a command of this name."""


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
    lines = text.strip("\r\n").split("\n")
    if all(line.endswith("\r") for line in lines[:-1]):
        lines = [line.removesuffix("\r") for line in lines]
    if lines[0].strip() != BEGIN or lines[-1].strip() != END:
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
    """The file after all hunks, with its own ends of line. Raises PatchError when one does not
    fit."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    end = "\r" if lines and all(line.endswith("\r") for line in lines) else ""
    lines = [line.removesuffix(end) for line in lines]
    position = 0
    for number, hunk in enumerate(hunks, 1):
        start = _after_header(lines, hunk.header, position)
        at = _find(lines, hunk.old, start, at_end=hunk.at_end)
        if at is None:
            wanted = "\n".join(hunk.old[:6])
            raise PatchError(f"{path}: hunk {number} does not fit; no such lines:\n{wanted}")
        lines[at : at + len(hunk.old)] = hunk.new
        position = at + len(hunk.new)
    return "".join(f"{line}{end}\n" for line in lines)


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


def in_shell(command: str) -> tuple[str, str] | None:
    """Folder and patch of a command that is nothing but `apply_patch`; None for any other."""
    match = _IN_SHELL.fullmatch(command)
    if match is None:
        return None
    folder = shlex.split(match["folder"] or "")
    text = match["here"] if match["here"] is not None else match["argument"][1:-1]
    return folder[0] if folder else ".", text


class Before(BaseModel):
    """Files as a patch meets them."""

    texts: dict[str, str | None]
    """None: there is none. Not in it: a file that cannot be patched."""
    problems: dict[str, str] = {}
    """Why there is no text."""


@dataclass
class _Changes:
    """Every file as it will be. Later sections see the results of earlier ones."""

    before: Before
    after: dict[str, str | None] = field(default_factory=dict)
    """None: deleted."""

    def now(self, path: str) -> str:
        text = self.after.get(path, self.before.texts.get(path))
        if text is None:
            gone = f"{path} does not exist."
            raise PatchError(gone if path in self.after else self.before.problems.get(path, gone))
        return text

    def in_order(self) -> dict[str, str | None]:
        """What can be put back first: writes, then deletes, those of odd files at the end."""
        known = self.before.texts
        return dict(sorted(self.after.items(), key=lambda i: (i[1] is None, i[0] not in known)))

    def take(self, section: Section) -> None:
        path, target = section.path, section.move_to or section.path
        if section.kind == "add":
            self.after[path] = "".join(f"{line}\n" for line in section.lines)
        elif section.kind == "delete":
            if path in self.before.texts:
                self.now(path)
            self.after[path] = None
        else:
            text = apply(self.now(path), section.hunks, path)
            self.after[path] = None
            self.after[target] = text


async def apply_patch(bench: Bench, args: PatchArguments, place: str, _call: str) -> ToolResult:
    return await patch_from(bench, args.patch, ".", place)


async def patch_from(bench: Bench, patch: str, folder: str, place: str) -> ToolResult:
    """Args: `folder` is where the patch's paths start."""
    bench.say("applying a patch")
    try:
        sections = [_below(folder, section) for section in parse(patch)]
        paths = {path: None for s in sections for path in (s.path, s.move_to) if path}
        if len(paths) > _MOST_FILES:
            raise PatchError(f"The patch names {len(paths)} files; at most {_MOST_FILES}.")
        changes = _Changes(await _read(bench, list(paths), place))
        for section in sections:
            changes.take(section)
        await bench.sandbox.change_files(
            f"{place}: patch", changes.in_order(), changes.before.texts
        )
    except (PatchError, FileProblem) as error:
        return problem("bad_patch", str(error), "Nothing was changed. Read the file and try again.")
    written = [path for path, text in changes.after.items() if text is not None]
    deleted = [path for path, text in changes.after.items() if text is None]
    bench.written.update(written)
    return ToolResult(ok=True, data={"written": written, "deleted": deleted})


def _below(folder: str, section: Section) -> Section:
    section.path = posixpath.normpath(posixpath.join(folder, section.path))
    if section.move_to:
        section.move_to = posixpath.normpath(posixpath.join(folder, section.move_to))
    return section


async def _read(bench: Bench, paths: list[str], place: str) -> Before:
    async def all_of_them(glance: Glance) -> Before:
        before = Before(texts={})
        for path in paths:
            before.texts[path] = None
            try:
                file = await glance.read_file(path, EDIT_BYTES)
            except FileProblem as error:
                before.problems[path] = str(error)
                continue
            if file.binary or file.truncated:
                before.problems[path] = f"{path} is not plain UTF-8 text, or too large to patch."
                del before.texts[path]
            else:
                before.texts[path] = file.text
        return before

    return await bench.sandbox.look(f"{place}: read", all_of_them, Before)


PATCH = Tool(
    "apply_patch", "Add, change, move or delete files by a patch.", PatchArguments, apply_patch
)
