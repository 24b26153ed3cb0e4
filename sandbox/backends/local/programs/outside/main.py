"""Owns the choice between the programs that run outside the sandbox, and never as root."""

from __future__ import annotations

import os
import sys

from .report import connect_back, report, request


def main() -> None:
    """Argument: the socket the worker waits at; without one, descriptor 0 is connected to it."""
    if len(sys.argv) > 2:
        connect_back(sys.argv[2])
    if 0 in (os.getuid(), os.geteuid()):
        report({"error": "root", "message": "a sandbox started by root would hold root's rights"})
        return
    os.umask(0o077)
    config = request()
    # Imported when chosen: every import delays the first command of a new sandbox.
    if config["action"] == "supervise":
        from .supervisor import supervise as action
    elif config["action"] == "trial":
        from .trial import trial as action
    elif config["action"] == "forget":
        from .forget import forget as action
    else:
        from .destroy import destroy as action
    action(config)
