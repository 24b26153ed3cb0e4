"""Owns how a process outside the engine talks to the durable services: Restate's HTTP ingress.

Used by the bot, the local runner and tests. Imports the protocol alone, so the bot never loads
the agent.
"""

from typing import TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel

from agent import protocol as p

I = TypeVar("I", bound=BaseModel)  # noqa: E741
O = TypeVar("O", bound=BaseModel)  # noqa: E741


class IngressError(Exception):
    """The engine did not take the request. `retryable` tells whether the same request may work
    later."""

    def __init__(self, message: str, *, status: int = 0, retryable: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable


class SessionClient:
    """Sends messages into sessions and reads them back.

    Args:
        ingress_url: base URL of Restate's ingress, for example `http://127.0.0.1:8080`.
        auth_token: bearer token of Restate Cloud, None for a server of our own.
        timeout_seconds: bound of one request. Slack waits 3 s for an ack, so the bot keeps it
        below.
    """

    def __init__(
        self, ingress_url: str, auth_token: str | None = None, timeout_seconds: float = 2.0
    ) -> None:
        self._base = ingress_url.rstrip("/")
        self._headers = {"authorization": f"Bearer {auth_token}"} if auth_token else {}
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._http: aiohttp.ClientSession | None = None

    async def send_message(self, message: p.UserMessage) -> None:
        """Hand over an instruction, durably and once: per client_msg_id, and per (team, channel,
        ts)."""
        t = message.thread
        identity = message.client_msg_id or message.ts
        await self.send(
            p.TAKE_MESSAGE, None, message, key_of_effect=f"{t.team}:{t.channel}:{identity}"
        )

    async def send_edit(self, edit: p.MessageEdit) -> None:
        t = edit.thread
        await self.send(
            p.ON_EDIT, t.key, edit, key_of_effect=f"{t.team}:{t.channel}:{edit.ts}:{edit.edit_ts}"
        )

    async def stop(self, request: p.StopRequest, request_id: str) -> None:
        await self.send(p.STOP, request.thread.key, request, key_of_effect=request_id)

    async def read(self, thread: p.ThreadRef) -> p.SessionView:
        return await self.call(p.READ_SESSION, thread.key, p.Nothing())

    async def transcript(self, thread: p.ThreadRef) -> p.TranscriptPage:
        """Everything that was said, and how each task ended, in one page."""
        entries: list[p.HistoryEntry] = []
        tasks: list[p.TaskDigest] = []
        page = p.TranscriptPage(last=False)
        number = 0
        while not page.last:
            request = p.TranscriptRequest(page=number)
            page = await self.call(p.READ_TRANSCRIPT, thread.key, request)
            entries, tasks, number = [*entries, *page.entries], [*tasks, *page.tasks], number + 1
        return p.TranscriptPage(entries=entries, tasks=tasks)

    async def task_status(self, task: str) -> p.TaskStatus:
        """Its plan as last shown, and what it has spent as its running step last told."""
        status = await self.call(p.TASK_STATUS, task, p.Nothing())
        if status.plan is None or status.state == "done":
            return status
        thread = task.rpartition("/")[0]
        return status.after(await self.call(p.READ_SPENT, thread, p.SpentRequest(task=task)))

    async def sessions_of(self, team: str, user_id: str) -> list[p.SessionCard]:
        cards = await self.call(p.SESSIONS_OF_PERSON, f"{team}:{user_id}", p.Nothing())
        return cards.sessions

    async def answer(self, answer: p.ApprovalAnswer) -> p.AnswerReceipt:
        return await self.call(p.ANSWER_APPROVAL, answer.approval, answer)

    async def peek(self, approval: str) -> p.ApprovalView:
        """The question behind a card, and its outcome."""
        return await self.call(p.PEEK_APPROVAL, approval, p.Nothing())

    async def feedback(self, thread: p.ThreadRef, feedback: p.Feedback) -> None:
        key = f"{feedback.task}:{feedback.by.user_id}:{feedback.verdict}:{feedback.at}"
        await self.send(p.ON_FEEDBACK, thread.key, feedback, key_of_effect=key)

    async def preferences(self, team: str, owner: str) -> p.PreferencesView:
        """What `owner`, a user or channel id, has chosen, and may choose."""
        return await self.call(p.READ_PREFERENCES, f"{team}:{owner}", p.Nothing())

    async def save_preferences(
        self, team: str, owner: str, request: p.SavePreferences
    ) -> p.SaveReceipt:
        return await self.call(p.SAVE_PREFERENCES, f"{team}:{owner}", request)

    async def spending(self, team: str) -> p.Spending:
        """What the tasks of a workspace have cost today."""
        return await self.call(p.READ_LEDGER, team, p.Nothing())

    async def download(self, request: p.DownloadRequest) -> None:
        await self.send(p.RUN_DOWNLOAD, None, request, key_of_effect=request.request_id)

    async def show(self, event: p.ThreadEvent) -> None:
        key = f"{event.thread.key}:{event.slot}:{event.rev}"
        await self.send(p.SHOW, event.thread.key, event, key_of_effect=key)

    async def send(
        self, handler: p.Handler[I, O], key: str | None, value: I, key_of_effect: str
    ) -> None:
        """One-way and idempotent: durable once this returns.

        Raises:
            IngressError: nothing was accepted; the caller's own delivery must be repeated.
        """
        await self._post("send", handler, key, value, {"idempotency-key": key_of_effect})

    async def call(self, handler: p.Handler[I, O], key: str | None, value: I) -> O:
        """Ask and wait for the answer. Raises IngressError."""
        body = await self._post("call", handler, key, value, {})
        return handler.output.model_validate_json(body)

    async def _post(
        self, mode: str, h: p.Handler[I, O], key: str | None, value: I, headers: dict[str, str]
    ) -> bytes:
        path = h.service if key is None else f"{h.service}/{quote(key, safe=':')}"
        url = f"{self._base}/restate/{mode}/{path}/{h.name}"
        if self._http is None:
            self._http = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout)
        try:
            async with self._http.post(
                url,
                data=value.model_dump_json().encode(),
                headers={"content-type": "application/json", **headers},
            ) as response:
                body = await response.read()
                if response.status < 300:
                    return body
                ours = response.headers.get("x-restate-error-source") != "invocation"
                raise IngressError(
                    f"Restate answered {response.status} for {h.service}/{h.name}: "
                    f"{body[:300].decode(errors='replace')}",
                    status=response.status,
                    retryable=ours and response.status >= 500,
                )
        except (TimeoutError, aiohttp.ClientConnectionError) as error:
            raise IngressError(
                f"Restate is not reachable at {self._base} ({type(error).__name__}). "
                "Start it, or set RESTATE_INGRESS_URL."
            ) from error

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.close()
