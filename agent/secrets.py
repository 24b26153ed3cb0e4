"""Owns the values that nobody may see: the secrets of this process, whatever way they are written.

`redact` is applied inside the journaled step that first meets a text, so neither the journal nor
what comes after it (the model, the thread) holds one. A part of a value is found only where a text
begins or ends, or was cut: what a program prints letter by letter is beyond this.
"""

import base64
import json
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from agent import settings
from agent.settings import Settings
from sandbox.backend import current_settings
from sandbox.cleaning import HIDDEN
from sandbox.settings import Settings as SandboxSettings

LEAST_CHARS = 8
"""Shorter values are not redacted: too much that is no secret looks like them."""
LEAST_OF_OURS = 12
"""A shorter value of a setting of ours is a placeholder, as servers without keys want one."""
LINE_CHARS = 16
"""Of a value with several lines, lines from this length on count as values of their own."""
_CUT = re.compile(r"(\n\[\.\.\. [^\n]{0,400} \.\.\.\]\n?)")
"""Where a text was cut in the middle."""


def redact(text: str) -> str:
    """`text` with `[secret]` in place of every known value, in any of its encodings."""
    return _current_redactor().redact(text)


def known() -> frozenset[str]:
    """The secret values of this process."""
    return _values(settings.current(), current_settings())


def _values(now: Settings, modal: SandboxSettings) -> frozenset[str]:
    given = [getattr(now, name) for name in type(now).model_fields]
    values = [one.get_secret_value() for one in given if isinstance(one, SecretStr)]
    listed = []
    if now.secrets is not None:
        values.remove(now.secrets.get_secret_value())
        listed = now.secrets.get_secret_value().split(",")
    values += [modal.modal_token_id, modal.modal_token_secret.get_secret_value()]
    return _long_enough(values, LEAST_OF_OURS) | _long_enough(listed, LEAST_CHARS)


def _long_enough(values: list[str], least: int) -> frozenset[str]:
    return frozenset(value.strip() for value in values if len(value.strip()) >= least)


def unpublishable() -> list[bytes]:
    """What must not be in anything that is published: the same values in all their forms, and
    those that an operator lists, however short they are."""
    listed = settings.current().secrets
    words = listed.get_secret_value().split(",") if listed is not None else []
    found = {form for value in known() for form in forms(value) if len(form) >= LEAST_CHARS}
    return [one.encode() for one in sorted(found | {w.strip() for w in words if w.strip()})]


class Redactor:
    """
    Args:
        values: secrets, each of at least `LEAST_CHARS` characters.
    """

    def __init__(self, values: frozenset[str]) -> None:
        needles = {_squeezed(form) for value in values for form in forms(value)}
        self._needles = sorted((n for n in needles if len(n) >= LEAST_CHARS), key=len, reverse=True)
        self._all = "\n".join(self._needles)
        """Squeezed text holds no line break, so nothing is found across two of them."""

    def redact(self, text: str) -> str:
        if not self._needles or len(text) < LEAST_CHARS:
            return text
        return "".join(
            part if _CUT.fullmatch(part) else self._part(part) for part in _CUT.split(text)
        )

    def _part(self, text: str) -> str:
        squeezed = _squeezed(text)
        found = [needle for needle in self._needles if needle in squeezed]
        if found:
            text = re.sub("|".join(map(_spaced, found)), HIDDEN, text)
        return self._ends(text)

    def _ends(self, text: str) -> str:
        """Without the half of a value that a cut has left at the beginning or at the end."""
        longest = len(self._needles[0])
        first, last = _squeezed(text[: 2 * longest]), _squeezed(text[-2 * longest :])
        if first[:LEAST_CHARS] not in self._all and last[-LEAST_CHARS:] not in self._all:
            return text  # nearly all texts: neither end is a part of any value
        before = max(
            (_overlap(needle, first[: len(needle)]) for needle in self._needles), default=0
        )
        after = max((_overlap(last[-len(n) :], n) for n in self._needles), default=0)
        if after:
            text = _spread(text[::-1], after)[::-1] + HIDDEN
        if before:
            text = HIDDEN + _spread(text, before)
        return text


def forms(value: str) -> set[str]:
    """How a value may be written: as it is, for a URL, in JSON, in base64 and in hex."""
    data = value.encode()
    found = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for url in (quote(value, safe=""), quote(value), quote_plus(value)):
        found |= {url, re.sub("%..", lambda code: code[0].lower(), url)}
    for before in range(3):
        first, last = -(-8 * before // 6), 8 * (before + len(data)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * before + data).decode()[first:last])
    found |= {data.hex(), data.hex().upper()}
    lines = [line.strip() for line in value.splitlines()] if "\n" in value else []
    return found.union(*(forms(x) for x in lines if len(x) >= LINE_CHARS and x[:5] != "-----"))


def _squeezed(text: str) -> str:
    """Without white space: programs break long lines."""
    return "".join(text.split())


def _spaced(needle: str) -> str:
    return r"\s*".join(map(re.escape, needle))


def _overlap(one: str, other: str) -> int:
    """How many characters at the end of `one` are the beginning of `other`; 0 for less than
    `LEAST_CHARS`."""
    at = one.find(other[:LEAST_CHARS]) if len(other) >= LEAST_CHARS else -1
    while at >= 0:
        if other.startswith(one[at:]):
            return len(one) - at if len(one) - at >= LEAST_CHARS else 0
        at = one.find(other[:LEAST_CHARS], at + 1)
    return 0


def _spread(text: str, count: int) -> str:
    """`text` behind its first `count` characters that are no white space."""
    found = re.compile(rf"(?:\s*\S){{{count}}}").match(text)
    return text[found.end() :] if found else text


def _current_redactor() -> Redactor:
    return _redactor(settings.current(), current_settings())


@lru_cache(maxsize=2)
def _redactor(now: Settings, modal: SandboxSettings) -> Redactor:
    """Made once: it is asked several times a turn."""
    return Redactor(_values(now, modal))
