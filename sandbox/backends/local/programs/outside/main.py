"""Owns the choice between the programs that run outside the sandbox, and never as root."""

from __future__ import annotations

import os

from .report import report, request


def main() -> None:
    if 0 in (os.getuid(), os.geteuid()):
        report({"error": "root", "message": "a sandbox started by root would hold root's rights"})
        return
    os.umask(0o077)
    config = request()
    # Imported when chosen: every import delays the first command of a new sandbox.
    if config["action"] == "supervise":
        from .supervisor import supervise as action
    elif config["action"] == "probe":
        from .probe import probe as action
    else:
        from .destroy import destroy as action
    action(config)
