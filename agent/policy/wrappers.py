"""Owns commands that run others: what stands behind them, and what they take for a program.

Options of the common wrappers are known, so that only the command behind them is judged. Of the
rare ones every later word may begin a command, and one with spaces may be a whole one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from agent.policy.words import Word, is_arg

STDIN = "-"
SUBSTITUTED = "<("
"""The word that a process substitution becomes."""

_SHELLS = {"bash", "sh", "dash", "zsh", "ksh", "ash", "mksh", "fish", "rbash"}
_INTERPRETERS = re.compile(
    r"(python|pypy|node|nodejs|perl|ruby|php|deno|bun|lua|tclsh|osascript|pwsh|Rscript|groovy)"
    r"[0-9.]*"
)
_PREFIXES = {
    "env": "uC",
    "sudo": "ugpCDhrtTUR",
    "doas": "uC",
    "nohup": "",
    "time": "fo",
    "timeout": "sk",
    "nice": "n",
    "ionice": "cnpPu",
    "stdbuf": "ioe",
    "xargs": "IadEnLPs",
    "exec": "a",
    "command": "",
    "builtin": "",
    "coproc": "",
    "setsid": "",
}
"""Commands that run the one behind them, with their one-letter options that take a value."""
_LONG_FLAGS = {
    *("--null", "--no-run-if-empty", "--verbose", "--interactive", "--exit", "--open-tty"),
    *("--foreground", "--preserve-status", "--ignore-environment", "--portability", "--quiet"),
    *("--append", "--wait", "--fork", "--version", "--help"),
}
"""Of those commands; any other takes a value, unless it has one behind `=`."""
_RARE = {
    *("parallel", "flock", "watch", "script", "unshare", "chroot", "busybox", "toybox", "ssh"),
    *("su", "runuser", "strace", "ltrace", "setarch", "linux32", "linux64", "chrt", "taskset"),
    *("prlimit", "nsenter", "fakeroot", "proot", "systemd-run", "dbus-run-session", "xvfb-run"),
    *("unbuffer", "faketime", "tmux", "screen", "entr", "expect", "start-stop-daemon", "rlwrap"),
    *("valgrind", "perf", "gdb", "numactl", "cgexec", "capsh", "setpriv", "pkexec", "runcon"),
    *("ssh-agent", "nix-shell", "docker", "podman", "at", "batch", "catchsegv"),
}
_RUNNERS = {"npx", "bunx", "uvx", "pipx", "direnv", "dotenv", "cross-env", "concurrently"}
"""Run a program of the project's: a variable among their words is its argument."""
_RUN = {
    **dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "hatch", "rye", "conda"), ("run",)),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bundle", "mise", "rbenv"), ("exec", "x", "dlx")),
}
"""Programs that run another one with these sub-commands."""
_EXEC = {"-exec", "-execdir", "-ok", "-okdir"}
_FD_EXEC = {"-x", "-X", "--exec", "--exec-batch"}
_GIT_RUNS = re.compile(
    r"(core\.(pager|editor|fsmonitor|sshcommand|askpass|gitproxy)|sequence\.editor|gpg\.program"
    r"|diff\.external|pager\..*|.*\.(textconv|clean|smudge|process|command|cmd|driver))=(.*)",
    re.DOTALL,
)
_MOST_SUFFIXES = 40
_SHELL_TEXT = re.compile(r"[\s;&|`$<>\\'\"]|\{[^{}]*(,|\.\.)")
"""In a word that a shell may read again."""


@dataclass(frozen=True)
class Text:
    """Text that is run as commands; None for one that cannot be read."""

    text: str | None


@dataclass(frozen=True)
class Setting:
    """A variable that the command behind a wrapper is handed."""

    name: str


Part = Text | Setting | list[Word]


def is_shell(name: str) -> bool:
    return name in _SHELLS


def normal(name: str, words: list[str]) -> list[str]:
    """git's global options stand before its sub-command and would hide it: they go last, keys of
    its configuration in small letters."""
    if name != "git":
        return words
    moved: list[str] = []
    while words and words[0].startswith("-"):
        taken = 2 if words[0] in ("-C", "-c", "--git-dir", "--work-tree", "--namespace") else 1
        option, value = words[0], words[1:taken]
        if option == "-c" and value:
            key, is_set, set_to = value[0].partition("=")
            value = [key.lower() + is_set + set_to]
        moved, words = [*moved, option, *value], words[taken:]
    return [*words, *moved]


def source_of(name: str, words: list[Word]) -> str | None:
    """Where a shell or an interpreter has its program from: `STDIN`, `SUBSTITUTED` or a file. None
    for any other command, and when the program is among its words or cannot be read."""
    known = [word if word is not None else "$" for word in words[1:]]
    if name in ("source", "."):
        return _file(known[0]) if known else None
    if is_shell(name):
        rest, inline = _without_shell_options(known)
        if inline:
            return None
        if not rest or any(is_arg(word, "-s") for word in known[: len(known) - len(rest)]):
            return STDIN
        return _file(rest[0])
    if _INTERPRETERS.fullmatch(name):
        first = known[0] if known else "-"
        return _file(first) if first in ("-", "/dev/stdin", SUBSTITUTED) else None
    program = words[0] or ""
    folder, slash, _ = program.rpartition("/")
    return program if slash and not folder.endswith("bin") else None


def _file(word: str) -> str | None:
    if word in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        return STDIN
    return None if word == "$" else word


def _without_shell_options(words: list[str]) -> tuple[list[str], bool]:
    """What stands behind a shell's options, and whether it is its program."""
    inline = False
    while words and words[0][:1] in ("-", "+") and words[0] not in ("-", "--"):
        option, words = words[0], words[1:]
        inline = inline or is_arg(option, "-c")
        long = option.startswith("--")
        values = option in ("--rcfile", "--init-file") if long else len(re.findall("[oO]", option))
        words = words[values:]
    return (words[1:] if words and words[0] in ("-", "--") else words), inline


def behind(name: str, words: list[Word]) -> Iterator[Part]:
    """The commands among the words of one that runs others."""
    known = ["$" if word is None else word for word in words]
    if is_shell(name):
        yield from _in_shell(words, known)
    elif name in _OWN:
        yield from _OWN[name](words, known)
    elif name in _PREFIXES:
        yield from _prefixed(name, words)
    elif name in _RARE:
        yield from _any_of(words, or_variable=True)
    elif name in _RUNNERS:
        yield from _any_of(words, or_variable=False)
    elif name in _RUN and known[:1] and known[0] in _RUN[name]:
        yield from _any_of(words[1:], or_variable=False)


def _in_shell(words: list[Word], known: list[str]) -> Iterator[Part]:
    rest, inline = _without_shell_options(known)
    if inline and rest:
        unread = None in words[: len(words) - len(rest)] or rest[0] == "$"
        yield Text(None if unread else rest[0])


def _of_env(words: list[Word], known: list[str]) -> Iterator[Part]:
    """What `env -S` splits is read as by a shell, which is more than it does, and asked about."""
    yield from _prefixed("env", words)
    for word, following in zip(known, [*known[1:], ""], strict=False):
        if word.startswith("--s"):
            yield _as_text(word.partition("=")[2] or following)
        elif is_arg(word, "-S"):
            yield _as_text(word.partition("S")[2] or following)


def _evaluated(words: list[Word], known: list[str]) -> Iterator[Part]:
    yield Text(None if None in words or SUBSTITUTED in words else " ".join(known))


def _trapped(_words: list[Word], known: list[str]) -> Iterator[Part]:
    rest = known[1:] if known[:1] == ["--"] else known
    if rest and not rest[0].startswith("-"):
        yield _as_text(rest[0])


def _aliased(words: list[Word], _known: list[str]) -> Iterator[Part]:
    for word in words:
        text = None if word is None else word.partition("=")[2]
        yield from [Text(text)] if text is None or text else []


def _fd(words: list[Word], _known: list[str]) -> Iterator[Part]:
    yield from [words[at:] for at, word in enumerate(words, 1) if word in _FD_EXEC]


def _printed(_words: list[Word], known: list[str]) -> Iterator[Part]:
    if known[:1] == ["-v"] and len(known) > 1:
        yield Setting(known[1])


def _read(_words: list[Word], known: list[str]) -> Iterator[Part]:
    """Variables, as far as other commands may see them."""
    yield from (Setting(word) for word in known if word.isupper())


def _found(words: list[Word], _known: list[str]) -> Iterator[Part]:
    begin = 0
    for at, word in enumerate([*words, ";"], 1):
        if begin and word in (";", "+"):
            yield words[begin : at - 1]
            begin = 0
        elif not begin and word in _EXEC:
            begin = at


def _of_git(_words: list[Word], known: list[str]) -> Iterator[Part]:
    """Commands in git's configuration and those that its sub-commands run."""
    for option, word in pairwise(known):
        if option == "-c":
            key, _, value = word.partition("=")
            yield from _configured(key.lower(), value)
    match normal("git", known):
        case ["config", *rest]:
            for key, value in pairwise(rest):
                yield from _configured(key.lower(), value)
        case ["rebase", *rest]:
            yield from _of_rebase(rest)
        case ["bisect", "run", *rest]:
            yield [None if word == "$" else word for word in rest]
        case ["submodule", *rest] if "foreach" in rest:
            yield from _any_of(list(rest[rest.index("foreach") + 1 :]), or_variable=True)
        case _:
            pass


def _of_rebase(words: list[str]) -> Iterator[Part]:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word in ("-x", "--exec"):
            yield _as_text(following)
        elif word.startswith("--exec="):
            yield _as_text(word.partition("=")[2])
        elif word.startswith("-x"):
            yield _as_text(word[2:])


def _configured(key: str, value: str) -> Iterator[Part]:
    if key.startswith("alias."):
        yield _as_text(value[1:] if value.startswith("!") else f"git {value}")
    elif _GIT_RUNS.fullmatch(f"{key}="):
        yield _as_text(value)


def _as_text(word: str) -> Text:
    return Text(None if word == "$" else word)


def _any_of(words: list[Word], *, or_variable: bool) -> Iterator[Part]:
    if len(words) > _MOST_SUFFIXES:
        yield Text(None)
        return
    for at, word in enumerate(words):
        if word is None:
            yield from [Text(None)] if or_variable else []
        elif _SHELL_TEXT.search(word):
            yield Text(word)
        elif word[:1] not in ("-", "/", "") or "/bin/" in word:
            yield words[at:]


def _prefixed(name: str, words: list[Word]) -> Iterator[Part]:
    """The command behind a wrapper, and the variables it is handed."""
    if name == "command" and words[:1] in (["-v"], ["-V"]):
        return
    inner, settings = _without_options(name, words)
    yield from (Setting(setting) for setting in settings)
    if not inner:
        return
    if name != "xargs":
        yield inner
        return
    mark = _replaced(words)
    if mark:
        inner = [None if word is None or mark in word else word for word in inner]
    yield [*inner, None]  # it reads more of them


def _replaced(words: list[Word]) -> str:
    """What xargs puts its input in the place of; empty when it only appends."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word is None or word[:1] != "-":
            continue
        if word == "-I":
            return following or ""
        if word.startswith("-I") or (word.startswith("-i") and len(word) > 2):
            return word[2:]
        if word in ("-i", "--replace"):
            return "{}"
        if word.startswith("--replace="):
            return word.partition("=")[2]
    return ""


def _without_options(name: str, words: list[Word]) -> tuple[list[Word], list[str]]:
    """The command behind a wrapper; one unreadable word when its options are not known."""
    settings: list[str] = []
    while words and (word := words[0]) is not None:
        taken = 1
        if word == "--":
            words = words[1:]
            break
        if name == "env" and (word.startswith("--s") or is_arg(word, "-S")):
            return [None], settings  # a command in one word
        if word.startswith("--"):
            if "=" not in word and word not in _LONG_FLAGS:
                return [None], settings
        elif word[:1] in ("-", "+"):
            at = next((n for n, char in enumerate(word) if n and char in _PREFIXES[name]), 0)
            taken = 2 if at and at == len(word) - 1 else 1
        elif "=" in word:
            settings.append(word.partition("=")[0])
        elif not word.rstrip("smhd").replace(".", "").isdigit():  # the duration of timeout
            break
        words = words[taken:]
    while words and (word := words[0]) is not None and name in ("env", "sudo") and "=" in word:
        settings.append(word.partition("=")[0])
        words = words[1:]
    return words, settings


_OWN: dict[str, Callable[[list[Word], list[str]], Iterator[Part]]] = {
    "env": _of_env,
    "eval": _evaluated,
    "trap": _trapped,
    "alias": _aliased,
    "find": _found,
    "fd": _fd,
    "fdfind": _fd,
    "git": _of_git,
    "printf": _printed,
    "read": _read,
}
"""Commands that run others in a way of their own: from their words, and the same with `$`."""
