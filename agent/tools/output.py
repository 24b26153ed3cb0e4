"""Owns how text that tools meet is put before a model: no terminal codes, and bounded in all. Pure.

What a file holds is never changed here: an edit must be able to name it exactly.
"""

import json
import re
from typing import Any

from agent.tools.contract import ToolResult

TURN_BYTES = 64_000
"""Of all results of one turn together, as the model reads them."""
LEAST_BYTES = 1000
"""Every result may have this much, however long the ones before it are."""
CUT = "\n[... cut here: too much for one turn; ask for less at a time ...]"

_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # titles, links and other strings, of one line
    r"|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """What a command printed, as a terminal would leave it: without codes, and of a line that was
    drawn over again and again (a progress bar) only the last state."""
    text = _CODES.sub("", text).replace("\r\n", "\n")
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", "\n".join(lines))


def one_line(command: str, limit: int = 80) -> str:
    lines = plain(command).strip().splitlines()
    text = " ".join(lines[0].split()) if lines else ""
    cut = len(lines) > 1 or len(text) > limit
    return text[: limit - 1].rstrip() + "…" if cut else text


def cut(text: str, limit_bytes: int) -> str:
    """The beginning of `text`, in whole characters."""
    return text.encode("utf-8", "replace")[:limit_bytes].decode("utf-8", "ignore")


def fitted(results: list[ToolResult], room: int = TURN_BYTES) -> list[ToolResult]:
    """The results of one turn, in order; the later ones are cut when there is no room for them."""
    fitting = []
    for result in results:
        fits = _cut_to(result, max(room, LEAST_BYTES))
        room -= len(fits.as_text().encode())
        fitting.append(fits)
    return fitting


def _cut_to(result: ToolResult, limit: int) -> ToolResult:
    """Shorten the longest text or list until it fits; what is small by nature stays."""
    for _ in range(8):
        over = len(result.as_text().encode()) - limit
        name, value = max(result.data.items(), key=lambda item: _size(item[1]), default=("", None))
        if over <= 0 or not isinstance(value, str | list):
            break
        part = max(0.0, 1 - (over + 2 * len(CUT)) / _size(value))
        shorter: Any = [*value[: int(len(value) * part)], CUT.strip()]
        if isinstance(value, str):
            shorter = cut(value, int(len(value.encode()) * part)) + CUT
        result = ToolResult(ok=result.ok, data={**result.data, name: shorter})
    return result


def _size(value: Any) -> int:
    """As the model reads it, in bytes."""
    return len(json.dumps(value, ensure_ascii=False).encode())
