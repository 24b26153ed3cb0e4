"""Owns the end of single snapshots, by the user they belong to."""

from __future__ import annotations

import os

from .report import report
from .snapshots import UNPACK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header


def forget(config: Header) -> None:
    """Those already gone are fine."""
    folder = os.path.join(config["snapshots"], config["name"])
    for snapshot_id in filter(str.isalnum, config["snapshot_ids"]):
        for suffix in UNPACK:
            try:
                os.unlink(os.path.join(folder, snapshot_id + suffix))
            except FileNotFoundError:
                continue
    report({})
