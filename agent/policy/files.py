"""Owns which files a command's words name, and what it does to them."""

from collections.abc import Iterator

_DATA = {
    *("echo", "printf", "test", "[", "ls", "touch", "mkdir", "true", "false", "cd", "pushd", "set"),
    *("stat", "which", "type", "git", "rm", "rmdir", "unlink", "find", "fd", "export", "chmod"),
    *("chown", "chgrp", "truncate", "tee", "basename", "dirname", "realpath", "readlink", "wc"),
    *("du", "pip", "pip3", "npm", "kill", "pkill", "sleep", "seq", "alias", "trap", "eval"),
    *("for", "local", "declare", "read", "unset", "shift", "command", "sudo", "env", "xargs"),
}
"""Of these a word that looks like a path is not read, or only its name is."""
_PATTERN_FIRST = {"grep", "egrep", "fgrep", "rg", "ag", "ack", "sed", "awk", "gawk", "mawk", "jq"}
_WRITERS = {"tee", "touch", "mkdir", "truncate", "chmod", "chown", "chgrp", "mkfifo", "setfacl"}
_COPIERS = {"cp", "mv", "ln", "install", "rsync", "scp"}
_REMOVERS = {"rm", "rmdir", "unlink", "shred", "srm"}
_OUTPUT = {
    "curl": ("-o", "--output", "--output-dir"),
    "wget": ("-O", "--output-document", "-P", "--directory-prefix", "-o", "--output-file"),
    "sort": ("-o", "--output"),
    "tar": ("-C", "--directory"),
    "unzip": ("-d",),
    "gcc": ("-o",),
    "openssl": ("-out",),
}
"""Options whose value is written."""


def named(name: str, words: list[str]) -> Iterator[tuple[str, str]]:
    """`("<", path)` for what may be read, `(">", path)` for what is written, `("-", path)` for what
    is deleted or moved away. `$` for a path that cannot be read."""
    plain = _plain(words)
    if name in _REMOVERS:
        yield from (("-", word) for word in plain)
    elif name == "find" and "-delete" in words:
        starts = [word for word in words[: _first_test(words)] if word[:1] != "-"]
        yield from (("-", word) for word in starts or ["."]) if not _narrowed(words) else ()
    elif name in _COPIERS:
        yield from _copied(name, words, plain)
    elif name in _WRITERS:
        yield from ((">", word) for word in plain)
    elif name == "sed" and any(w.startswith(("-i", "--in-place")) for w in words):
        yield from ((">", word) for word in plain[1:])
    elif name == "dd":
        yield from ((">", word[3:]) for word in words if word.startswith("of="))
    yield from ((">", word) for word in _values(words, _OUTPUT.get(name, ())))
    if name not in _DATA and name not in _COPIERS:
        yield from _read(name, words, plain)


def _read(name: str, words: list[str], plain: list[str]) -> Iterator[tuple[str, str]]:
    given = any(word in ("-e", "-f", "--regexp", "--file") for word in words)
    sources = plain[1:] if name in _PATTERN_FIRST and not given else plain
    for word in sources:
        yield "<", word
        if word.startswith("@"):
            yield "<", word[1:]
    for word in words:
        if "=" in word and (value := word.rpartition("=")[2]):
            yield "<", value.removeprefix("@")


def _copied(name: str, words: list[str], plain: list[str]) -> Iterator[tuple[str, str]]:
    folders = list(_values(words, ("-t", "--target-directory")))
    sources = [word for word in plain if word not in folders] if folders else plain[:-1]
    yield from ((">", word) for word in folders or plain[-1:])
    for word in sources:
        yield "<", word
        if name == "mv":
            yield "-", word


def _plain(words: list[str]) -> list[str]:
    """Words that are no options."""
    if "--" in words:
        at = words.index("--")
        return [word for word in words[:at] if word[:1] != "-"] + words[at + 1 :]
    return [word for word in words if word[:1] != "-"]


def _values(words: list[str], options: tuple[str, ...]) -> Iterator[str]:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        for option in options:
            if word == option and following:
                yield following
            elif option.startswith("--") and word.startswith(option + "="):
                yield word.partition("=")[2]
            elif len(option) == 2 and word.startswith(option) and len(word) > 2:
                yield word[2:]


def _first_test(words: list[str]) -> int:
    """Where find's folders end."""
    return next((n for n, word in enumerate(words) if word[:1] in ("-", "(", "!")), len(words))


def _narrowed(words: list[str]) -> bool:
    """Whether find deletes only some of what is there, in a relative folder."""
    tests = ("-name", "-iname", "-path", "-regex", "-empty", "-mtime", "-newer", "-wholename")
    starts = words[: _first_test(words)]
    return any(word in tests for word in words) and not any(w[:1] in "/~$" for w in starts)
