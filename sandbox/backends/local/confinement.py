"""Owns the words of hard limits: what a sandbox may take, and a way of holding it to that."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from sandbox.backends.local.installation import Installation
from sandbox.backends.local.launcher import Begun
from sandbox.settings import Settings

Kind = Literal["systemd", "cgroup", "cgroup v1", "watchdog"]

PROCESSES = 512
"""And threads, the supervisor's too; code inside has a smaller limit of its own."""
SUPERVISOR_BYTES = 64 << 20
"""On top of what was promised to the code inside."""


@dataclass(frozen=True)
class Bounds:
    memory_bytes: int
    processes: int
    cpus: float

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        memory_bytes = (settings.memory_mb << 20) + SUPERVISOR_BYTES
        return cls(memory_bytes=memory_bytes, processes=PROCESSES, cpus=settings.cpus)


class Unavailable(Exception):
    """Limits cannot be enforced this way here; the message is the cause, without a full stop."""


class Confinement(Protocol):
    """Starts programs so that they, and all they start, stay within bounds."""

    @property
    def kind(self) -> Kind: ...

    def begin(
        self, installation: Installation, name: str, bounds: Bounds
    ) -> AbstractContextManager[Begun]:
        """Raises Unavailable, Retryable."""
        ...

    def tidy(self, name: str, is_over: bool = False) -> None:
        """Remove what an ended sandbox left; `is_over`: kill what may still be in it."""
        ...
