"""Runs inside a sandbox, as `python3 -I -c <this file> <request as JSON>`: lists and searches.

Owns what a look at many files leaves out: `.git`, dependency folders, what `.gitignore` names and
binary files; a file that is named itself is always looked at. The same on every backend, whatever
programs are installed there. Standard library alone.

Prints one line of JSON and then lines of text, all of it bounded.
"""

import collections
import json
import os
import re
import signal
import stat
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, BinaryIO

PROJECT = "/project"
SKIPPED = {".git", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".mypy_cache"}
OUTPUT_BYTES = 12_000
LINE_CHARS = 300
PIECE_BYTES = 1 << 20
"""Of a line; the rest of a longer one is looked at as if it were the next."""
IGNORE_BYTES = 100_000
BINARY_LOOK = 8192

Rule = tuple["re.Pattern[str]", bool, bool, str]
"""Pattern, whether it takes back, whether it is for folders alone, the folder it is relative to."""


class Refused(Exception):
    """One sentence for the model."""


class TooLate(Exception):
    """The time is over. No TimeoutError: that is an OSError, which unreadable files raise."""


def translate(glob: str, braces: bool) -> str:
    """A glob over paths as a regular expression; `*` stays within one name."""
    out, at = "", 0
    while at < len(glob):
        char, rest = glob[at], glob[at:]
        if rest.startswith("**/") and (at == 0 or glob[at - 1] == "/"):
            out, at = out + "(?:.*/)?", at + 3
        elif rest.startswith("**"):
            out, at = out + ".*", at + 2
        elif char in "*?":
            out, at = out + ("[^/]*" if char == "*" else "[^/]"), at + 1
        elif char == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            inner = rest[1:end].replace("\\", "\\\\").replace("[", "\\[")
            out, at = f"{out}[{'^' + inner[1:] if inner[0] in '!^' else inner}]", at + end + 1
        elif char == "{" and braces and "}" in rest:
            end = rest.index("}")
            parts = (translate(part, False) for part in rest[1:end].split(","))
            out, at = f"{out}(?:{'|'.join(parts)})", at + end + 1
        elif char == "\\" and len(rest) > 1:
            out, at = out + re.escape(rest[1]), at + 2
        else:
            out, at = out + re.escape(char), at + 1
    return out


def compiled(glob: str, braces: bool = False) -> "re.Pattern[str]":
    """Without a slash inside, it is for a name at any depth; with one, for the path from here."""
    anchored = "/" in glob.rstrip("/")
    source = translate(glob.strip("/"), braces)
    try:
        return re.compile(source if anchored else f"(?:.*/)?{source}", re.DOTALL)
    except re.error as error:
        raise Refused(f"glob: {error}") from None


def rules_of(folder: str) -> list[Rule]:
    """What `.gitignore` of this folder says; lines that make no sense are passed over."""
    rules: list[Rule] = []
    names = [".gitignore"] + ([".git/info/exclude"] if folder == PROJECT else [])
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb", opener=_plain_file) as file:
                lines = file.read(IGNORE_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        for line in map(str.rstrip, lines):
            body = line[1:] if line[:1] == "!" else line
            if not body.strip("/") or line.startswith("#"):
                continue
            try:
                rules.append((compiled(body), line[:1] == "!", body.endswith("/"), folder))
            except Refused:
                continue
    return rules


def is_ignored(path: str, is_folder: bool, rules: list[Rule]) -> bool:
    """The last rule that fits decides."""
    for pattern, takes_back, folders_alone, base in reversed(rules):
        if (is_folder or not folders_alone) and pattern.fullmatch(os.path.relpath(path, base)):
            return not takes_back
    return False


def rules_above(top: str) -> list[Rule]:
    """Those of the project's folders down to `top`, without its own."""
    rules: list[Rule] = []
    if top.startswith(PROJECT + "/"):
        folder = PROJECT
        for name in os.path.relpath(top, PROJECT).split("/"):
            rules += rules_of(folder)
            folder = os.path.join(folder, name)
    return rules


def walk(folder: str, rules: list[Rule]) -> Iterator[str]:
    """Files and links below, sorted, folders in their place; links are not followed."""
    stack = [entries(folder, rules)]  # a hostile tree is deeper than calls may be
    while stack:
        path, is_folder, above = next(stack[-1], ("", False, rules))
        if not path:
            stack.pop()
        elif is_folder:
            stack.append(entries(path, above))
        else:
            yield path


def entries(folder: str, rules: list[Rule]) -> Iterator[tuple[str, bool, list[Rule]]]:
    """What is in a folder and not ignored: its path, whether it is a folder, the rules there."""
    rules = rules + rules_of(folder)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return  # closed by its owner, or removed meanwhile
    for name in names:
        path = os.path.join(folder, name)
        try:
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        except OSError:
            continue
        if name not in SKIPPED and not is_ignored(path, is_folder, rules):
            yield path, is_folder, rules


def chosen(top: str, glob: str) -> Iterator[str]:
    """Raises Refused."""
    try:
        mode = os.stat(top).st_mode
    except OSError as error:
        raise Refused(f"{shown(top)}: {error.strerror}") from None
    if not stat.S_ISDIR(mode):
        yield top
        return
    fits = compiled(glob, braces=True) if glob else None
    for path in walk(top, rules_above(top)):
        if fits is None or fits.fullmatch(os.path.relpath(path, top)):
            yield path


def shown(path: str) -> str:
    """Relative to the project where it is in it; bytes that are no text, and controls, escaped."""
    relative = path[len(PROJECT) + 1 :] if path.startswith(PROJECT + "/") else path
    text = os.fsencode(relative).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Page:
    """Lines of the answer, up to its limits."""

    def __init__(self, limit: int) -> None:
        self.lines: list[str] = []
        self.counted = 0
        self.stopped = ""
        """Why there may be more."""
        self._limit = limit
        self._room = OUTPUT_BYTES

    def take(self, line: str, counts: bool = True) -> bool:
        """False when it is full."""
        if counts and self.counted == self._limit:
            self.stopped = f"there are more than {self._limit}"
        elif self._room < len(line.encode()):
            self.stopped = "there are more than fit here"
        if self.stopped:
            return False
        self._room -= len(line.encode()) + 1
        self.lines.append(line)
        self.counted += counts
        return True


def list_files(request: dict[str, Any], page: Page) -> None:
    for path in chosen(request["path"], request["glob"]):
        suffix = " (link)" if os.path.islink(path) else ""
        if not page.take(shown(path) + suffix):
            return


def search(request: dict[str, Any], page: Page) -> None:
    try:
        pattern = re.compile(request["pattern"], re.IGNORECASE if request["ignore_case"] else 0)
    except (re.error, RecursionError, OverflowError) as error:
        raise Refused(f"pattern: not a regular expression: {error}") from None
    for path in chosen(request["path"], request["glob"]):
        try:
            with open(path, "rb", opener=_plain_file) as file:
                named = path == request["path"]
                if not named and b"\0" in file.read(BINARY_LOOK):
                    continue
                file.seek(0)
                if not _search_file(file, shown(path), pattern, request["context"], page):
                    return
        except OSError as error:
            if path == request["path"]:
                raise Refused(f"{shown(path)}: {error.strerror}") from None


def _search_file(
    file: BinaryIO, name: str, pattern: "re.Pattern[str]", context: int, page: Page
) -> bool:
    """False when the page is full."""
    before: collections.deque[tuple[int, str]] = collections.deque(maxlen=context)
    after, last, number = 0, 0, 1
    for raw in iter(lambda: file.readline(PIECE_BYTES), b""):
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        found = pattern.search(line)
        if found is not None:
            first = before[0][0] if before else number
            if context and page.lines and (not last or first > last + 1):
                page.take("--", counts=False)
            for at, text in before:
                page.take(f"{name}-{at}- {_clipped(text, 0)}", counts=False)
            if not page.take(f"{name}:{number}: {_clipped(line, found.start())}"):
                return False
            before.clear()
            after, last = context, number
        elif after:
            page.take(f"{name}-{number}- {_clipped(line, 0)}", counts=False)
            after, last = after - 1, number
        elif context:
            before.append((number, line))
        number += raw.endswith(b"\n")
    return not page.stopped


def _clipped(line: str, at: int) -> str:
    """A part of a long line, with what was found in it."""
    start = max(0, at - LINE_CHARS // 3) if len(line) > LINE_CHARS else 0
    part = line[start : start + LINE_CHARS]
    return ("…" if start else "") + part + ("…" if start + len(part) < len(line) else "")


def _plain_file(path: str, _flags: int) -> int:
    """Never waits for a FIFO, and opens no device."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(0, "not a regular file")


def _too_late(_signal: int, _frame: "FrameType | None") -> None:
    raise TooLate


def main() -> None:
    request = json.loads(sys.argv[1])
    page, refused = Page(request["limit"]), ""
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(request["seconds"])
    try:
        {"list": list_files, "search": search}[request["op"]](request, page)
    except TooLate:
        page.stopped = f"stopped after {request['seconds']} seconds"
    except Refused as refusal:
        refused = str(refusal)
    signal.alarm(0)
    head = json.dumps({"refused": refused, "stopped": page.stopped})
    text = "\n".join([head, *page.lines])
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
