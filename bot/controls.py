"""Owns what people may ask of a session without the model: stop, status, download, help.

The same four as a word in the thread, a button, a shortcut and a slash command.
"""

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

    async def stop(self, thread: ThreadRef, by: Person, request_id: str) -> None:
        await self._sessions.stop(StopRequest(thread=thread, by=by), request_id=request_id)

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

    async def word(self, word: Word, thread: ThreadRef, ts: str, by: Person) -> None:
        """Do what a control word in a thread asks; `ts` is the message that holds it."""
        if word == "help":
            await self.say(thread, f"note:help:{ts}", help_view.TEXT)
        elif word == "status":
            await self.say(thread, f"note:status:{ts}", await self.status(thread))
        elif not await self.exists(thread):
            await self.say(thread, f"note:none:{ts}", help_view.NO_SESSION)
        elif word == "stop":
            await self.stop(thread, by, f"word:{thread.key}:{ts}")
        else:
            await self.download(thread, by, f"word:{thread.key}:{ts}")
