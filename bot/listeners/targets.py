"""Owns acting on a session from outside its thread: who may, and what they are told."""

from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from agent.protocol import Person, ThreadRef
from bot.controls import Controls
from bot.names import Verb
from bot.people import People
from bot.threads import permalink, team_of, workspace_url_of
from bot.views import mrkdwn

NO_SUCH_SESSION = "There is no session of mine in that thread."
NOT_A_MEMBER = "You are not in that channel, so I cannot hand out what is in it."


class Targets:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self._controls = Controls(sessions)
        self._people = people

    async def problem(
        self, thread: ThreadRef, by: Person, asked_in: str, context: AsyncBoltContext
    ) -> str:
        """One sentence when this person may not act on this thread, or there is nothing in it.

        Args:
            asked_in: channel the request came from; Slack vouches that the person is in it.
        """
        if thread.team != team_of(context):
            return NO_SUCH_SESSION
        if thread.channel != asked_in and not await self._people.is_member(
            context, thread.channel, by.user_id
        ):
            return NOT_A_MEMBER
        return "" if await self._controls.exists(thread) else NO_SUCH_SESSION

    async def act(
        self, verb: Verb, thread: ThreadRef, by: Person, identity: str, context: AsyncBoltContext
    ) -> str:
        """Do it, and say where it will be seen. Call `problem` first."""
        if verb == "status":
            return mrkdwn.from_markdown(await self._controls.status(thread), 2900)
        link = _link(permalink(workspace_url_of(context), thread))
        if verb == "stop":
            await self._controls.stop(thread, by, identity)
            return f"Stopping the work in {link}."
        await self._controls.download(thread, by, identity)
        return f"The project is being packed; it will be posted in {link}."


def _link(url: str) -> str:
    return f"<{mrkdwn.escape(url)}|its thread>" if url else "its thread"
