"""Owns what people did in the storm of faults: the independent record that the verdict rests on."""

import time
from dataclasses import dataclass, field

from agent.protocol import ThreadRef
from local.slack.seed import TEAM

ANA, BEN, CLEO, OTTO = "U0ANA", "U0BEN", "U0CLEO", "U0OTTO"
DIRECT = {ANA: "D0ANA", BEN: "D0BEN", CLEO: "D0CLEO"}


@dataclass
class Said:
    """One message of a person."""

    user: str
    kind: str
    """What the person meant by it, for example `reply` or `aside`."""
    instruction: bool
    """It is for the agent, and it is no control word."""
    mark: str
    ts: str = ""
    """Empty until the workspace took it."""
    changes: list[str] = field(default_factory=list)
    """Marks after each edit."""
    deleted: bool = False

    @property
    def marks(self) -> list[str]:
        return [self.mark, *self.changes]


@dataclass
class Talk:
    """One thread."""

    number: int
    channel: str
    said: list[Said] = field(default_factory=list)
    began: bool = False
    """Somebody has addressed the agent: plain replies are for it from now on."""
    stopped_at: float = 0.0
    """Unix seconds of the last gesture that stops; what was written before may stay undone."""
    downloads: int = 0
    asks: bool = False
    """It may hold questions to people."""
    ended: bool = False

    @property
    def root(self) -> str:
        return self.said[0].ts

    @property
    def ref(self) -> ThreadRef:
        return ThreadRef(team=TEAM.id, channel=self.channel, root_ts=self.root)

    @property
    def reader(self) -> str:
        """Somebody who sees this channel."""
        return next((user for user, channel in DIRECT.items() if channel == self.channel), ANA)

    @property
    def instructions(self) -> list[Said]:
        return [one for one in self.said if one.instruction]

    def stop(self) -> None:
        self.stopped_at = time.time()
