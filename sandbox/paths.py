"""Owns which paths of a sandbox may be named, the same on every backend.

A rule for whoever names paths, not the wall around the sandbox: links are followed, and confined,
inside.
"""

import posixpath

from sandbox.errors import FileProblem
from sandbox.protocol import PROJECT_DIR

ROOTS = (PROJECT_DIR, "/home/sandbox", "/tmp")
LONGEST_PATH = 4000


def absolute(path: str) -> str:
    """The absolute path inside the sandbox; a relative one starts at the project.

    Raises:
        FileProblem: it leads out of the project, the home and /tmp, or is no path at all.
    """
    if not path or "\0" in path or len(path) > LONGEST_PATH:
        raise FileProblem(
            "The path is empty, too long or holds a zero byte: name a file of the project."
        )
    normal = posixpath.normpath(posixpath.join(PROJECT_DIR, path))
    if normal.startswith("//"):  # POSIX leaves two leading slashes alone
        normal = normal[1:]
    if any(normal == root or normal.startswith(f"{root}/") for root in ROOTS):
        return normal
    raise FileProblem(
        f"{path!r} is outside of the project: use a path relative to it, or one below "
        f"{PROJECT_DIR}, /home/sandbox or /tmp."
    )


def slug(title: str, longest: int = 50) -> str:
    """A title as the name of a folder or file on any desktop."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in title.lower()).split()
    return "-".join(words)[:longest].strip("-") or "project"
