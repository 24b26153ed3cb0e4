"""Owns the sentences about paths that cannot be used, as people and models are told them."""

from __future__ import annotations

import errno
import os

PROJECT = "/project"
TRANSIENT = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Errors that say nothing about the path: the same operation may work in a moment."""


class Refused(Exception):
    """The operation is refused; the message is the sentence."""


def shown(path: str) -> str:
    """A path as people and models are told it: relative to the project, odd bytes escaped."""
    relative = path[len(PROJECT) + 1 :] if path.startswith(PROJECT + "/") else path
    text = os.fsencode(relative).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def sentence(error: OSError, path: str) -> str:
    name = shown(path)
    known = {
        errno.ENOENT: f"{name} does not exist.",
        errno.ELOOP: f"{name} is a link; name the file it points to.",
        errno.EISDIR: f"{name} is a folder, not a file.",
        errno.ENOTDIR: f"A part of {name} is a file, not a folder.",
        errno.EROFS: f"{name} is outside of what may be written.",
        errno.ENOSPC: f"The disk is full; {name} was not written.",
        errno.EACCES: f"{name} is closed by its permissions.",
    }
    return known.get(error.errno or 0, f"{name} cannot be used: {error.strerror}.")
