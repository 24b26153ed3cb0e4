"""Owns the record of every command ever started here: what makes a start happen once.

Records are kept outside the sandbox, so code in it cannot forge them, and outlive its processes: a
record without an end from an earlier start of the sandbox is a lost job, never one to run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time

from .box import store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Record = dict[str, Any]

FOLDER = "jobs"
LOGS = "/home/sandbox/.jobs"


def slug_of(job: str) -> str:
    """A job id as a file name: its readable end and a digest."""
    readable = "".join(c if c.isascii() and c.isalnum() else "-" for c in job)[-32:].strip("-")
    return f"{readable}-{hashlib.sha256(job.encode()).hexdigest()[:12]}"


def log_path(slug: str) -> str:
    return f"{LOGS}/{slug}/log"


class Ledger:
    def __init__(self, generation: int) -> None:
        os.makedirs(FOLDER, mode=0o700, exist_ok=True)
        self._generation = generation
        self._running: dict[str, Record] = {}
        self._changed = threading.Condition()

    def find(self, slug: str) -> Record | None:
        with self._changed:
            if slug in self._running:
                return self._running[slug]
        try:
            with open(os.path.join(FOLDER, slug), encoding="utf-8") as file:
                record: Record = json.load(file)
        except FileNotFoundError:
            return None
        return record

    def begin(self, slug: str, fence: int, *, keep: bool = False) -> None:
        """On disk before the command runs: what is not recorded never ran."""
        record = {
            "fence": fence,
            "keep": keep,
            "generation": self._generation,
            "started_at": time.time(),
            "end": None,
        }
        store(os.path.join(FOLDER, slug), record)
        with self._changed:
            self._running[slug] = record

    def end(self, slug: str, end: Record) -> None:
        with self._changed:
            record = {**self._running[slug], "end": end}
            store(os.path.join(FOLDER, slug), record)
            del self._running[slug]
            self._changed.notify_all()

    def forget(self, slug: str) -> None:
        """The command could not be started at all: a later start may try again."""
        with self._changed:
            del self._running[slug]
            os.unlink(os.path.join(FOLDER, slug))

    def refuse(self, slug: str, fence: int) -> None:
        """Cancelled before it was started: a start still on its way must not run it."""
        self.begin(slug, fence)
        self.end(slug, {"exit_code": 130, "cancelled": True, "seconds": 0.0})

    def is_lost(self, record: Record) -> bool:
        return record["end"] is None and record["generation"] != self._generation

    def running_below(self, fence: int) -> list[str]:
        with self._changed:
            return [
                slug
                for slug, record in self._running.items()
                if record["fence"] < fence and not record.get("keep")
            ]

    def any_running(self) -> bool:
        with self._changed:
            return bool(self._running)

    def wait(self, slug: str, seconds: float) -> None:
        """Until the job is no longer running, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: slug not in self._running, seconds)
