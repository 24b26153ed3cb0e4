"""Owns how people name a repository: `repo: owner/name`, with a branch behind it, or as a link.

Pure. A `repo:` is a wish and is answered, if only by a sentence; a link in the middle of a message
counts where it leads to a repository or a branch of it, and is ignored where it leads elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from agent import protocol as p

OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}")
NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
BRANCH = re.compile(r"[A-Za-z0-9._/+@=#-]{1,200}")
HOW = "Write `repo: owner/name`, with `@branch` behind it for another branch than the default one."

_ORDER = re.compile(
    r"(?P<before>^[ \t]*(?:<?@[^\s>]+>?[,:]?[ \t]+)?|\s|[(])[`*_]*repo(?:sitory)?[*_]*:[`*_]*[ \t]*"
    r"(?P<token><[^<>\n]*>|[^\s<>]*)",
    re.IGNORECASE | re.MULTILINE,
)
_LINK = re.compile(r"<?(?P<url>https?://[^\s<>|]+)(?:\|[^<>\n]*)?>?", re.IGNORECASE)
_AROUND = "`'\"“”‘’*,;:!?.()[]{}"
_NOT_A_PLACE = {
    "about", "apps", "collections", "enterprise", "explore", "features", "issues", "login",
    "marketplace", "notifications", "orgs", "pricing", "pulls", "search", "settings", "site",
    "sponsors", "topics", "trending", "users",
}  # fmt: skip
"""First parts of GitHub's own pages."""


class Named(p.Wire):
    """A repository, and the branch to start from; the default one when empty."""

    owner: str
    name: str
    branch: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def is_same(self, other: "Named") -> bool:
        """The host tells names apart by their letters alone, not by their case."""
        return self.full_name.casefold() == other.full_name.casefold()


@dataclass(frozen=True)
class Unclear:
    """People named something that is no repository of ours to take."""

    problem: str


def newest(texts: Sequence[str], web_url: str) -> Named | Unclear | None:
    """What the newest of these messages says that says anything; they come oldest first.

    Args:
        web_url: the one host whose links count, for example `https://github.com`.
    """
    for text in reversed(texts):
        if (said := read(text, web_url)) is not None:
            return said
    return None


def read(text: str, web_url: str) -> Named | Unclear | None:
    """What one message says; the last order in it wins over earlier ones, and over links."""
    said = [found for match in _ORDER.finditer(text) if (found := _ordered(match, web_url))]
    if said:
        return said[-1]
    linked = [
        found
        for match in _LINK.finditer(text)
        if isinstance(found := _from_link(match["url"], web_url), Named)
    ]
    different = {(one.full_name.casefold(), one.branch): one for one in linked}
    if len(different) > 1:
        names = " and ".join(dict.fromkeys(one.full_name for one in different.values()))
        return Unclear(f"Several repositories are linked ({names}): say which to take. {HOW}")
    return linked[0] if linked else None


def without_names(text: str) -> str:
    """What is left of a message when the repository and people it names are taken out."""
    for part in (_ORDER, _LINK, re.compile(r"<?@[^\s>]+>?")):
        text = part.sub(" ", text)
    return " ".join(text.split())


def _ordered(match: re.Match[str], web_url: str) -> Named | Unclear | None:
    token = match["token"].strip().strip(_AROUND)
    if token.startswith("<"):
        token = token[1:].removesuffix(">").split("|")[0].strip().strip(_AROUND)
    if "://" in token:
        return _from_link(token, web_url)
    if "/" not in token:
        at_start = match["before"] == "" or match["before"].strip() != "" or match.start() == 0
        if not at_start:
            return None  # prose: “I moved the repo: now it is slow”
        return Unclear(f"{_shown(token)} is not a repository. {HOW}" if token else HOW)
    host = urlsplit(web_url).netloc
    if token.casefold().startswith(f"{host.casefold()}/"):
        return _from_link(f"{web_url.split('://')[0]}://{token}", web_url)
    place, _, branch = token.partition("@")
    owner, _, name = place.partition("/")
    return _named(owner, name, branch, token)


def _from_link(link: str, web_url: str) -> Named | Unclear:
    link = link.rstrip(_AROUND)
    try:
        url, ours = urlsplit(link), urlsplit(web_url)
        their_host = (url.netloc.casefold().removeprefix("www."), url.scheme == "http")
    except ValueError:
        return Unclear(f"{_shown(link)} is not a link. {HOW}")
    if their_host[0] != ours.netloc.casefold() or "@" in url.netloc:
        return Unclear(
            f"{_shown(link)} is somewhere else: only repositories of {ours.netloc} can be taken."
        )
    prefix = ours.path.rstrip("/")
    if not url.path.startswith(f"{prefix}/"):
        return Unclear(f"{_shown(link)} is not a repository. {HOW}")
    parts = [unquote(part) for part in url.path[len(prefix) :].strip("/").split("/")]
    if len(parts) < 2 or parts[0].casefold() in _NOT_A_PLACE:
        return Unclear(f"{_shown(link)} is not a repository. {HOW}")
    if len(parts) == 2:
        return _named(parts[0], parts[1], "", link)
    if parts[2] == "tree" and len(parts) > 3:
        return _named(parts[0], parts[1], "/".join(parts[3:]), link)
    return Unclear(f"{_shown(link)} is a page of a repository, not the repository. {HOW}")


def _named(owner: str, name: str, branch: str, said: str) -> Named | Unclear:
    name = name.removesuffix(".git")
    if not is_name(owner, name):
        return Unclear(f"{_shown(said)} is not a repository. {HOW}")
    if ("@" in said and "://" not in said and not branch) or (branch and not is_branch(branch)):
        return Unclear(f"{_shown(said)} names no branch that git knows. {HOW}")
    return Named(owner=owner, name=name, branch=branch)


def is_name(owner: str, name: str) -> bool:
    return bool(OWNER.fullmatch(owner) and NAME.fullmatch(name)) and name not in (".", "..")


def is_branch(name: str) -> bool:
    """As `git check-ref-format --branch`, and only characters that mean nothing to a shell."""
    parts = name.split("/")
    return (
        BRANCH.fullmatch(name) is not None
        and not name.startswith("-")
        and name not in ("@", "HEAD")
        and ".." not in name
        and not name.endswith(".")
        and all(part and part[0] != "." and not part.endswith(".lock") for part in parts)
    )


def _shown(said: str) -> str:
    plain = "".join(char for char in said if char.isprintable() and char not in "`<>")
    return f"`{plain[:80]}`"
