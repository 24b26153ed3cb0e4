"""Owns what people may ask of a session without the model: stop, status, download, help, sessions.

The same as a word in the thread, a button, a shortcut, the menu of App Home and a slash command.
"""

import time

from agent.client import IngressError, SessionClient
from agent.protocol import (
    DownloadRequest,
    NoteBody,
    Person,
    StopRequest,
    TaskStatus,
    ThreadEvent,
    ThreadRef,
)
from bot.inbound import Word
from bot.views import help as help_view
from bot.views import status as status_view


class Controls:
    def __init__(self, sessions: SessionClient) -> None:
        self._sessions = sessions

    async def exists(self, thread: ThreadRef) -> bool:
        return (await self._sessions.read(thread)).exists

    async def stop(self, thread: ThreadRef, by: Person, request_id: str, at: str = "") -> None:
        request = StopRequest(thread=thread, by=by, at=at)
        await self._sessions.stop(request, request_id=request_id)

    async def download(self, thread: ThreadRef, by: Person, request_id: str) -> None:
        await self._sessions.download(DownloadRequest(thread=thread, by=by, request_id=request_id))

    async def status(self, thread: ThreadRef) -> str:
        """How the session stands, as Markdown."""
        view = await self._sessions.read(thread)
        if not view.exists:
            return help_view.NO_SESSION
        return status_view.of_session(view, await self._task(view.task))

    async def _task(self, task: str | None) -> TaskStatus | None:
        if task is None:
            return None
        try:
            return await self._sessions.task_status(task)
        except IngressError as error:
            if error.retryable:
                raise
            return None  # the task ended and is forgotten; the session's own words are enough

    async def say(self, thread: ThreadRef, slot: str, text: str) -> None:
        """A note of ours in the thread, durably and once per slot."""
        note = ThreadEvent(thread=thread, slot=slot, rev=1, body=NoteBody(text=text))
        await self._sessions.show(note)

    async def sessions(self, thread: ThreadRef, by: Person, workspace_url: str = "") -> str:
        """This person's sessions as Markdown, for everyone in the thread to read: those of other
        channels are told only in a direct message."""
        cards = await self._sessions.sessions_of(thread.team, by.user_id)
        direct = thread.channel.startswith("D")
        here = [card for card in cards if direct or card.thread.channel == thread.channel]
        text = status_view.noted(here, time.time(), workspace_url) or status_view.NONE_HERE
        elsewhere = len(cards) - len(here)
        return f"{text}\n{status_view.elsewhere(elsewhere)}" if elsewhere else text

    async def word(
        self, word: Word, thread: ThreadRef, ts: str, by: Person, workspace_url: str = ""
    ) -> None:
        """Do what a control word in a thread asks; `ts` is the message that holds it."""
        if word == "sessions":
            text = await self.sessions(thread, by, workspace_url)
            await self.say(thread, f"note:sessions:{ts}", text)
        elif word == "help":
            await self.say(thread, f"note:help:{ts}", help_view.TEXT)
        elif word == "status":
            await self.say(thread, f"note:status:{ts}", await self.status(thread))
        elif not await self.exists(thread):
            await self.say(thread, f"note:none:{ts}", help_view.NO_SESSION)
        elif word == "stop":
            await self.stop(thread, by, f"word:{thread.key}:{ts}", at=ts)
        else:
            await self.download(thread, by, f"word:{thread.key}:{ts}")
