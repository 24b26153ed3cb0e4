"""Owns who somebody is: display name, outsider or not, member of a channel or not.

Answers are remembered for a short while in this process; nothing here is durable.
"""

import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any, Literal

from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from agent.protocol import Person
from bot.inbound import text_of
from bot.threads import homes_of

Stranger = Literal["guests", "outsiders"]
"""Guests of this workspace; people of other companies (Slack Connect)."""

REMEMBER_SECONDS = 600.0
REMEMBER_MOST = 5000
MOST_MEMBER_PAGES = 50


class People:
    """One per process.

    Args:
        admit: strangers that count as members.
    """

    def __init__(self, admit: Collection[Stranger] = ()) -> None:
        self._admit = frozenset(admit)
        self._known: OrderedDict[str, tuple[float, Person]] = OrderedDict()
        self._told: OrderedDict[str, float] = OrderedDict()

    async def person(self, context: AsyncBoltContext, user_id: str) -> Person:
        """Who this is. Raises SlackApiError when Slack cannot say now; never guesses."""
        return await self.look_up(client_of(context), homes_of(context), user_id)

    async def look_up(self, client: AsyncWebClient, homes: set[str], user_id: str) -> Person:
        """The same outside of a delivery; `homes` are the ids that count as this workspace."""
        key = f"{','.join(sorted(homes))}:{user_id}"
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        person = await self._ask(client, user_id, homes)
        _remember(self._known, key, (time.monotonic() + REMEMBER_SECONDS, person))
        return person

    async def _ask(self, client: AsyncWebClient, user_id: str, homes: set[str]) -> Person:
        try:
            response = await client.users_info(user=user_id)
        except SlackApiError as error:
            if error.response.get("error") in ("user_not_found", "user_not_visible"):
                # of another company, then
                return Person(user_id=user_id, outsider="outsiders" not in self._admit)
            raise
        user: Mapping[str, Any] = response["user"]
        profile: Mapping[str, Any] = user.get("profile") or {}
        name = (
            text_of(profile, "display_name") or text_of(user, "real_name") or text_of(user, "name")
        )
        return Person(user_id=user_id, name=name, outsider=self._is_outsider(user, homes))

    def _is_outsider(self, user: Mapping[str, Any], homes: set[str]) -> bool:
        if _is_of_others(user, homes):
            return "outsiders" not in self._admit
        guest = user.get("is_restricted") or user.get("is_ultra_restricted")
        return bool(guest) and "guests" not in self._admit

    async def is_member(self, context: AsyncBoltContext, channel: str, user_id: str) -> bool:
        """Whether this person is in the channel; false also when the channel is not ours to see."""
        cursor: str | None = None
        client = client_of(context)
        for _ in range(MOST_MEMBER_PAGES):
            try:
                page = await client.conversations_members(
                    channel=channel, cursor=cursor, limit=1000
                )
            except SlackApiError as error:
                if error.response.get("error") in ("channel_not_found", "not_in_channel"):
                    return False
                raise
            if user_id in page["members"]:
                return True
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return False
        return False

    def first_refusal(self, channel: str, user_id: str) -> bool:
        """True once in a while: an outsider is told once, not at every message."""
        key = f"{channel}:{user_id}"
        if self._told.get(key, 0.0) > time.monotonic():
            return False
        _remember(self._told, key, time.monotonic() + REMEMBER_SECONDS)
        return True

    def forget_refusal(self, channel: str, user_id: str) -> None:
        """They could not be told after all."""
        self._told.pop(f"{channel}:{user_id}", None)


def _is_of_others(user: Mapping[str, Any], homes: set[str]) -> bool:
    """Whether this is somebody of another company."""
    if user.get("is_stranger"):
        return True
    enterprise: Mapping[str, Any] = user.get("enterprise_user") or {}
    belongs_to = {
        user.get("team_id"),
        enterprise.get("enterprise_id"),
        *enterprise.get("teams", []),
    }
    return not (belongs_to & homes) and belongs_to != {None}


def client_of(context: AsyncBoltContext) -> AsyncWebClient:
    if context.client is None:
        raise ValueError("Bolt gives every request a client; this one has none.")
    return context.client


def _remember(store: "OrderedDict[str, Any]", key: str, value: object) -> None:
    store[key] = value
    store.move_to_end(key)
    while len(store) > REMEMBER_MOST:
        store.popitem(last=False)
