"""Owns who is in a user group, asked of Slack when somebody clicks and remembered for a minute.

A group that cannot be looked up makes nobody a member: the person is told why instead.
"""

import logging
import time
from collections.abc import Callable, Iterable

from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError

from bot.identity import Identity
from bot.people import client_of
from bot.views import mrkdwn

log = logging.getLogger(__name__)

REMEMBER_SECONDS = 60.0
REMEMBER_MOST = 500
_WHY = {
    "missing_scope": "the app lacks the permission `usergroups:read`; an admin can reinstall it",
    "no_such_subteam": "there is no such group; whoever runs this app can name another one",
    "subteam_disabled": "that group is switched off",
    "plan_upgrade_required": "this workspace has no user groups",
}


class GroupUnknown(Exception):
    """Slack did not say who is in a group; the message is one sentence, escaped mrkdwn."""


class Groups:
    """Args: `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    async def one_with(
        self, context: AsyncBoltContext, user_id: str, groups: Iterable[str]
    ) -> list[str]:
        """The first of `groups` this person is in, as a list of one; empty when in none.

        Raises:
            GroupUnknown: in none of those that Slack told us of, and it did not tell of all.
        """
        unknown: GroupUnknown | None = None
        for group in groups:
            try:
                if user_id in await self._members(context, group):
                    return [group]
            except GroupUnknown as error:
                unknown = unknown or error
        if unknown is not None:
            raise unknown
        return []

    async def _members(self, context: AsyncBoltContext, group: str) -> frozenset[str]:
        key = f"{context.enterprise_id}:{context.team_id}:{group}"
        known = self._known.get(key)
        if known is not None and known[0] > self._clock():
            return known[1]
        members = await _ask(context, group)
        while len(self._known) >= REMEMBER_MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = (self._clock() + REMEMBER_SECONDS, members)
        return members


async def _ask(context: AsyncBoltContext, group: str) -> frozenset[str]:
    us: Identity = context["identity"]
    team = context.team_id if us.org_wide else None  # a token of an organisation must say which
    try:
        answer = await client_of(context).usergroups_users_list(usergroup=group, team_id=team)
    except SlackApiError as error:
        code = str(error.response.get("error"))
        log.warning("could not look up user group %s: %s", group, code)
        why = _WHY.get(code, "Slack did not answer; please try again in a moment")
        name = mrkdwn.mention(group)
        raise GroupUnknown(f"I cannot tell who is in {name}: {why}.") from error
    return frozenset(answer["users"])
