"""Owns Slack's rate limits: how many calls of a method a workspace's app may make in a minute."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from local.slack.state import Json

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls a minute."""

_TIER_OF_METHOD = {
    "agents.sessions.rename": 3,
    "agents.sessions.setStatus": 3,
    "bots.info": 3,
    "chat.appendStream": 4,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "chat.startStream": 2,
    "chat.stopStream": 2,
    "chat.update": 3,
    "conversations.history": 3,
    "conversations.info": 3,
    "conversations.list": 2,
    "conversations.members": 4,
    "conversations.open": 3,
    "conversations.replies": 3,
    "files.completeUploadExternal": 4,
    "files.getUploadURLExternal": 4,
    "files.info": 4,
    "reactions.add": 3,
    "reactions.remove": 2,
    "team.info": 3,
    "usergroups.list": 2,
    "usergroups.users.list": 2,
    "users.info": 4,
    "views.open": 4,
    "views.publish": 4,
    "views.push": 4,
    "views.update": 4,
}
_SPECIAL = {"assistant.threads.setStatus": 600, "auth.test": 300, "chat.getPermalink": 300}
"""Calls a minute of methods with a tier of their own; the numbers Slack does not tell."""

_CONNECTIONS = 30
"""`apps.connections.open`: the tier says one a minute, and a client that reconnects is let in."""

POSTS_A_SECOND = 1.0
POSTS_AT_ONCE = 4
"""`chat.postMessage` in one channel: one a second, and short bursts."""

POSTS_A_MINUTE = 300
"""`chat.postMessage` in the whole workspace: several hundred."""

Clock = Callable[[], float]


class RateSpec(BaseModel):
    """What `POST /local/limits` sets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enforced: bool = True
    pace: float = Field(default=1.0, gt=0)
    """How much faster than Slack's clock theirs runs: with 60 a minute takes a second."""


class RateLimits:
    """Counts calls per method and team.

    Args:
        pace: 0 to enforce nothing.
    """

    def __init__(self, pace: float = 0.0, clock: Clock = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._recent: dict[tuple[str, str], deque[float]] = {}
        self._posts: dict[tuple[str, str], tuple[float, float]] = {}
        """Posts left in a channel, and when that was counted."""

        self.refused: Counter[str] = Counter()

    def set(self, spec: RateSpec) -> None:
        self._pace = spec.pace if spec.enforced else 0.0
        self._recent.clear()
        self._posts.clear()
        self.refused.clear()

    def as_json(self) -> Json:
        enforced = self._pace > 0
        return {"enforced": enforced, "pace": self._pace, "refused": dict(self.refused)}

    def retry_after(self, team: str, method: str, channel: str) -> int | None:
        """Seconds to wait when this call comes too soon; None, and it counts, when it does not."""
        if not self._pace:
            return None
        limit = _limit(method)
        if limit is None:
            return None
        now = self._clock() * self._pace
        wait = self._wait_in_minute(team, method, limit, now)
        if method == "chat.postMessage":
            wait = max(wait, self._wait_in_channel(team, channel, now))
        if wait > 0:
            self.refused[method] += 1
            return max(1, math.ceil(wait / self._pace))
        self._recent[team, method].append(now)
        if method == "chat.postMessage":
            left, since = self._posts[team, channel]
            self._posts[team, channel] = (left - 1, since)
        return None

    def _wait_in_minute(self, team: str, method: str, limit: int, now: float) -> float:
        recent = self._recent.setdefault((team, method), deque())
        while recent and recent[0] <= now - 60:
            recent.popleft()
        return 0.0 if len(recent) < limit else recent[0] + 60 - now

    def _wait_in_channel(self, team: str, channel: str, now: float) -> float:
        left, since = self._posts.get((team, channel), (float(POSTS_AT_ONCE), now))
        left = min(POSTS_AT_ONCE, left + (now - since) * POSTS_A_SECOND)
        self._posts[team, channel] = (left, now)
        return 0.0 if left >= 1 else (1 - left) / POSTS_A_SECOND


def _limit(method: str) -> int | None:
    """None for methods Slack does not limit in a way an app would notice."""
    if method == "chat.postMessage":
        return POSTS_A_MINUTE
    if method == "apps.connections.open":
        return _CONNECTIONS
    tier = _TIER_OF_METHOD.get(method)
    return _SPECIAL.get(method) if tier is None else TIERS[tier]
