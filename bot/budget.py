"""Owns the arithmetic of a workspace's budget of Slack calls: who may call now, who comes next.

Slack counts calls per method and workspace in a rolling minute, and posts per channel besides. A
thread that has to wait has one place per method and is called when its turn comes, so no moment is
lost to one that wanted none. Urgent calls go first, and the last of a minute's calls are theirs;
but of five turns one is an ordinary one's, so that nobody waits for ever.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic import BaseModel

ORDINARY_TURN = 4
"""After so many urgent turns in a row an ordinary one is due."""


@dataclass(frozen=True)
class Rate:
    """What Slack allows of one method, less a little for clocks and calls under way."""

    per_minute: int
    burst: int
    """Calls at once after a quiet time; then they keep an even distance."""
    reserve: int = 4
    """Of a minute's calls, for urgent ones only; and so many more at once."""
    channel_gap: float = 0.0
    """Seconds between two calls in one channel, in the long run."""
    channel_burst: int = 1
    minute: float = 60.0
    """Seconds in which `per_minute` calls are allowed."""

    def paced(self, pace: float) -> "Rate":
        """For a workspace whose limits are `pace` times Slack's ordinary ones."""
        return replace(self, minute=self.minute / pace, channel_gap=self.channel_gap / pace)

    @property
    def gap(self) -> float:
        return self.minute / self.per_minute


_TIER_2 = Rate(per_minute=19, burst=4, reserve=3)
_TIER_3 = Rate(per_minute=48, burst=10)
_TIER_4 = Rate(per_minute=96, burst=20)
_POSTS = Rate(per_minute=280, burst=20, reserve=10, channel_gap=1.05, channel_burst=3)

RATES: dict[str, Rate] = {
    "chat.postMessage": _POSTS,
    "chat.update": _TIER_3,
    "chat.startStream": _TIER_2,
    "chat.appendStream": _TIER_4,
    "chat.stopStream": _TIER_2,
    "conversations.replies": Rate(per_minute=36, burst=8),  # others read threads as well
    "reactions.add": _TIER_3,
    "reactions.remove": _TIER_2,
    "agents.sessions.setStatus": _TIER_3,
    "assistant.threads.setStatus": _TIER_4,
}


class Meter(BaseModel):
    """One method's calls in one workspace. Only grows, with defaults: it is read back later."""

    recent: list[float] = []
    """Moments of the calls in the last minute."""
    next_at: float = 0.0
    """When the next call would be even in distance."""
    channels: dict[str, float] = {}
    """The same by channel, where a method is counted so."""
    urgent: list[str] = []
    ordinary: list[str] = []
    """Threads that wait, in order."""
    urgent_run: int = 0
    """Urgent turns since the last ordinary one."""
    paused_until: float = 0.0
    called_at: float = 0.0
    """When a call of those who wait is due; 0 for none."""

    def enter(self, thread: str, *, urgent: bool, first: bool = False) -> None:
        """Give the thread a place if it has none; an urgent one does not stay among ordinary."""
        if urgent and thread in self.ordinary:
            self.ordinary.remove(thread)
        if thread in self.urgent or thread in self.ordinary:
            return
        lane = self.urgent if urgent else self.ordinary
        lane.insert(0 if first else len(lane), thread)

    def turns(self, rate: Rate, now: float) -> list[str]:
        """Everyone who may call now, taken off the lists and counted."""
        now = max([now, *self.recent[-1:]])  # the clocks of those who ask differ a little
        self.recent = [at for at in self.recent if at > now - rate.minute]
        self.channels = {name: at for name, at in self.channels.items() if at > now}
        called: list[str] = []
        while (who := self._next(rate, now)) is not None:
            self._take(who, rate, now)
            called.append(who)
        return called

    def next_turn_at(self, rate: Rate) -> float | None:
        """When the first of those who wait may call; None when nobody waits."""
        return min((at for _, at in self._chances(rate)), default=None)

    def patience(self, thread: str, rate: Rate) -> float:
        """Seconds after which a thread that was not called should ask again. Not reached unless a
        message of ours was lost; the estimate is on the long side."""
        ahead = len(self.urgent) + (len(self.ordinary) if thread in self.ordinary else 0)
        return 60.0 + 3 * ahead * max(rate.gap, rate.channel_gap)

    def pause(self, until: float, rate: Rate) -> None:
        """Slack said when it will take calls again: none before, and no rush then; only the
        reserve of the urgent ones goes at once."""
        self.paused_until = max(self.paused_until, until)
        self.next_at = max(self.next_at, until + (rate.burst - 1) * rate.gap)

    def pause_channel(self, channel: str, until: float, rate: Rate) -> None:
        slack = (rate.channel_burst - 1) * rate.channel_gap
        self.channels[channel] = max(self.channels.get(channel, 0.0), until + slack)

    def _next(self, rate: Rate, now: float) -> str | None:
        return next((who for who, at in self._chances(rate) if at <= now), None)

    def _chances(self, rate: Rate) -> Iterator[tuple[str, float]]:
        """The first in line of each channel and lane, and when it may call; best first."""
        fair = self.urgent_run >= ORDINARY_TURN
        lanes = (
            ((self.ordinary, True), (self.urgent, True))
            if fair
            else (
                (self.urgent, True),
                (self.ordinary, False),
            )
        )
        for lane, privileged in lanes:
            free_at = self._free_at(rate, privileged)
            seen: set[str] = set()
            for who in lane:
                channel = channel_of(who) if rate.channel_gap else ""
                if channel not in seen:
                    seen.add(channel)
                    yield who, max(free_at, self._channel_free_at(channel, rate))
                if not channel:
                    break

    def _free_at(self, rate: Rate, privileged: bool) -> float:
        extra = rate.reserve if privileged else 0
        most = rate.per_minute - rate.reserve + extra
        even = self.next_at - (rate.burst + extra - 1) * rate.gap
        full = len(self.recent) - most
        freed = self.recent[full] + rate.minute if full >= 0 else 0.0
        return max(self.paused_until, even, freed)

    def _channel_free_at(self, channel: str, rate: Rate) -> float:
        return self.channels.get(channel, 0.0) - (rate.channel_burst - 1) * rate.channel_gap

    def _take(self, who: str, rate: Rate, now: float) -> None:
        if who in self.urgent:
            self.urgent.remove(who)
            self.urgent_run = self.urgent_run + 1 if self.ordinary else 0
        else:
            self.ordinary.remove(who)
            self.urgent_run = 0
        self.recent.append(now)
        self.next_at = max(self.next_at, now) + rate.gap
        if rate.channel_gap:
            channel = channel_of(who)
            self.channels[channel] = max(self.channels.get(channel, 0.0), now) + rate.channel_gap


def channel_of(thread: str) -> str:
    """`T1:C2:3.4` is in `T1:C2`."""
    return thread.rpartition(":")[0]
