"""Owns commands that run others: what stands behind them.

Options of the common wrappers are known, so that only the command behind them is judged. Of the
rare ones every later word may begin a command, and one with spaces may be a whole one.
"""

from collections.abc import Callable, Iterator

from agent.policy import git, shells
from agent.policy.words import Part, Setting, Text, Word, any_of, as_text, is_arg

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
_UNREAD = {
    "hash": ("-p",),
    "jobs": ("-x",),
    "enable": ("-f",),
    "mapfile": ("-C",),
    "readarray": ("-C",),
    **dict.fromkeys(("compgen", "complete"), ("-C", "-F", "-W")),
    "fc": ("-e", "-s"),
}
"""Commands of the shell that run others with these options, in ways that are not followed."""
_RUNNERS = {"npx", "bunx", "uvx", "pipx", "direnv", "dotenv", "cross-env", "concurrently"}
"""Run a program of the project's: a variable among their words is its argument."""
_RUN = {
    **dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "hatch", "rye", "conda"), ("run",)),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bundle", "mise", "rbenv"), ("exec", "x", "dlx")),
}
"""Programs that run another one with these sub-commands."""
_EXEC = {"-exec", "-execdir", "-ok", "-okdir"}
_FD_EXEC = {"-x", "-X", "--exec", "--exec-batch"}


def behind(name: str, words: list[Word]) -> Iterator[Part]:
    """The commands among the words of one that runs others."""
    known = ["$" if word is None else word for word in words]
    if shells.is_shell(name):
        yield from shells.in_shell(words, known)
    elif name in _OWN:
        yield from _OWN[name](words, known)
    elif name in _PREFIXES:
        yield from _prefixed(name, words)
    elif name in _UNREAD:
        if None in words or any(is_arg(word, option) for word in known for option in _UNREAD[name]):
            yield Text(None)
    elif name in _RARE or name.startswith(("ld-linux", "ld.so", "ld-musl")):
        yield from any_of(words, or_variable=True)
    elif name in _RUNNERS:
        yield from any_of(words, or_variable=False)
    elif name in _RUN and known[:1] and known[0] in _RUN[name]:
        yield from any_of(words[1:], or_variable=False)


def _of_env(words: list[Word], known: list[str]) -> Iterator[Part]:
    """What `env -S` splits is read as by a shell, which is more than it does, and asked about."""
    yield from _prefixed("env", words)
    for word, following in zip(known, [*known[1:], ""], strict=False):
        if word.startswith("--s"):
            yield as_text(word.partition("=")[2] or following)
        elif is_arg(word, "-S"):
            yield as_text(word.partition("S")[2] or following)


def _evaluated(words: list[Word], known: list[str]) -> Iterator[Part]:
    rest = known[1:] if known[:1] == ["--"] else known
    yield Text(None if None in words or shells.SUBSTITUTED in words else " ".join(rest))


def _trapped(_words: list[Word], known: list[str]) -> Iterator[Part]:
    rest = known[1:] if known[:1] == ["--"] else known
    if rest and not rest[0].startswith("-"):
        yield as_text(rest[0])


def _aliased(words: list[Word], _known: list[str]) -> Iterator[Part]:
    """What they stand for, alone and with words that may follow."""
    for word in words:
        text = None if word is None else word.partition("=")[2]
        if text and "#" not in text:
            yield from (Text(text), Text(f'{text} "$@"'))
        else:
            yield Text(None)


def _fd(words: list[Word], _known: list[str]) -> Iterator[Part]:
    yield from [words[at:] for at, word in enumerate(words, 1) if word in _FD_EXEC]


def _printed(_words: list[Word], known: list[str]) -> Iterator[Part]:
    if known[:1] == ["-v"] and len(known) > 1:
        yield Setting(known[1])


def _read(_words: list[Word], known: list[str]) -> Iterator[Part]:
    """Variables, as far as other commands may see them."""
    yield from (Setting(word) for word in known if word.isupper())


def _declared(_words: list[Word], known: list[str]) -> Iterator[Part]:
    """Of `! export …` and `command export …`, which the grammar takes for any command."""
    for word in known:
        name, given, _ = ("$=" if word == "$" else word).partition("=")
        yield from [Setting(name)] if given else []


def _found(words: list[Word], _known: list[str]) -> Iterator[Part]:
    begin = 0
    for at, word in enumerate([*words, ";"], 1):
        if begin and word in (";", "+"):
            yield words[begin : at - 1]
            begin = 0
        elif not begin and word in _EXEC:
            begin = at


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
    "git": git.behind,
    "printf": _printed,
    "read": _read,
    **dict.fromkeys(("export", "declare", "typeset", "readonly", "local"), _declared),
}
"""Commands that run others in a way of their own: from their words, and the same with `$`."""
