"""Owns the question whether sandboxes work here: it starts one, hardened as all others are."""

from __future__ import annotations

import os

from . import bwrap
from .erase import erase
from .report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header

CHECK = """
import ctypes, os, resource, selectors, sys
missing = [p for p in ("/bin/bash", "/usr/bin/tar") if not os.access(p, os.X_OK)]
sys.exit(f"missing: {' '.join(missing)}" if missing else 0)
"""


def probe(config: Header) -> None:
    folder = os.path.join(config["boxes"], f".probe-{os.getpid()}")
    for part in ("project", "home", "tmp"):
        os.makedirs(os.path.join(folder, part))
    log = os.open(os.path.join(folder, "log"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    mounts = [
        (f"{folder}/home", bwrap.HOME),
        (f"{folder}/project", "/project"),
        (f"{folder}/tmp", "/tmp"),
    ]
    try:
        command = [config["python"], "-I", "-S", "-B", "-c", CHECK]
        pid = bwrap.launch(config, mounts, command, stderr=log)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said = os.pread(log, 4000, 0).decode("utf-8", "replace")
        report({} if status == 0 else {"error": "start", "message": said or f"status {status}"})
    except OSError as error:
        report({"error": "start", "message": str(error)})
    finally:
        erase(folder)
