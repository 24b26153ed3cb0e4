"""Owns which hosts the words of a network program name."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

_URL = re.compile(
    r"(?:(?:https?|wss?|ftps?)://)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:[/?#].*)?"
)
"""Without a user or a password, and nothing that a program may read in another way."""
_DEVICE = re.compile(r"/dev/(?:tcp|udp)/([^/]+)/[^/]*")
_LOOPBACK = re.compile(
    r"localhost|[a-z0-9-]+\.localhost|127(\.[0-9]{1,3}){3}|0\.0\.0\.0|\[::1?\]|::1"
)
_VALUES = {
    "curl": "oAbcdDeEFHmPQrtTuUwXyYzC",
    "wget": "oOaPtTUQlARDIX",
    "nc": "wpqsiIO",
    "ncat": "wpqsi",
}
"""Options of one letter whose value is no host. Another program's words are never known."""
_CARRIERS = {"curl": "xK", "wget": "ieB", "nc": "ecxX", "ncat": "ec"}
"""Options of one letter that name a host or a program in some other way."""
_LONG_VALUES = {
    *("--output", "--output-dir", "--data", "--data-raw", "--data-binary", "--data-urlencode"),
    *("--json", "--header", "--request", "--user-agent", "--cookie", "--cookie-jar", "--user"),
    *("--form", "--form-string", "--referer", "--max-time", "--connect-timeout", "--write-out"),
    *("--retry", "--retry-delay", "--retry-max-time", "--upload-file", "--cacert", "--cert"),
    *("--key", "--range", "--limit-rate", "--output-document", "--directory-prefix", "--timeout"),
    *("--tries", "--post-data", "--post-file", "--method", "--body-data", "--waitretry"),
}


def leaves(words: list[str], allowed: Iterable[str]) -> bool:
    """Whether a network program, or a redirection to `/dev/tcp`, may reach any other host than this
    machine and `allowed`. One that names nothing at all does not."""
    known = [host.lower() for host in allowed]
    return any(host is None or not _may(host, known) for host in _hosts(words[0], words[1:]))


def _may(host: str, allowed: list[str]) -> bool:
    small = host.lower()
    return bool(_LOOPBACK.fullmatch(small)) or any(fnmatchcase(small, one) for one in allowed)


def _hosts(program: str, words: list[str]) -> Iterator[str | None]:
    """Hosts that are named; None for what may name one and cannot be read."""
    if program in ("<", ">"):
        found = _DEVICE.fullmatch(words[0])
        yield found[1] if found else None
        return
    if program not in _VALUES:
        yield from (
            [None] if any(word not in ("--version", "--help", "-V") for word in words) else []
        )
        return
    waiting, named = False, 0
    for word in words:
        if waiting:
            waiting = False
        elif word.startswith("--"):
            name, is_set, _ = word.partition("=")
            waiting = name in _LONG_VALUES and not is_set
            if is_set and name not in _LONG_VALUES:
                yield None
        elif word.startswith("-") and len(word) > 1:
            at = next((n for n, c in enumerate(word) if n and c in _VALUES[program]), 0)
            waiting = bool(at) and at == len(word) - 1
            if any(c in _CARRIERS[program] for c in word[1 : at or None]):
                yield None
        elif program in ("nc", "ncat") and named and word.isdigit():
            continue  # a port
        else:
            named += 1
            found = _URL.fullmatch(word)
            yield found[1] if found else None
