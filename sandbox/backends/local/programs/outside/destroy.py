"""Owns the end of a sandbox's files: box and snapshots, by the user they belong to."""

from __future__ import annotations

import json
import os
import time

from .box import ENDS_WITHIN_SECONDS, Box, Busy
from .erase import erase
from .identity import end
from .report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header

LOOK_SECONDS = 0.02
DELETED = ".deleted-"


def destroy(config: Header) -> None:
    """The supervisor was asked to stop before; one that does not let go of its lock is killed."""
    boxes, name = config["boxes"], config["name"]
    try:
        if os.path.isdir(os.path.join(boxes, name)):
            _own(boxes, name)
            os.rename(
                os.path.join(boxes, name), os.path.join(boxes, f"{DELETED}{name}-{os.getpid()}")
            )
            os.chdir(boxes)
        for entry in os.listdir(boxes):
            if entry.startswith(f"{DELETED}{name}-"):
                erase(os.path.join(boxes, entry))
        if not config["keep_snapshots"]:
            erase(os.path.join(config["snapshots"], name))
    except Busy:
        report({"error": "retry", "message": "the sandbox is still being used"})
    except OSError as error:
        report({"error": "retry", "message": str(error)})
    else:
        report({})


def _own(boxes: str, name: str) -> None:
    """Take the lock of the box; the one taken is held until this process ends."""
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    killed = False
    while True:
        try:
            Box.claim(boxes, name).end_earlier()
        except Busy:
            if time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
                continue
            if killed:
                raise
            _kill_holder()
            killed, deadline = True, time.monotonic() + ENDS_WITHIN_SECONDS
        else:
            return


def _kill_holder() -> None:
    with open("box.json", encoding="utf-8") as file:
        end(json.load(file).get("supervisor"), ENDS_WITHIN_SECONDS)
