"""Owns acting as one person of the workspace, over its local API."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp

from local.slack.errors import Refused
from local.slack.state import Json

_TIMEOUT = aiohttp.ClientTimeout(total=30)


class Door:
    """Requests to the local API of one workspace."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(self._base, timeout=_TIMEOUT)
        return self._http

    async def get(self, path: str, **query: str | None) -> Json:
        params = {name: value for name, value in query.items() if value is not None}
        async with self.http().get(path, params=params) as response:
            return await answer_of(response)

    async def post(self, path: str, body: Mapping[str, Any]) -> Json:
        given = {name: value for name, value in body.items() if value is not None}
        async with self.http().post(path, json=given) as response:
            return await answer_of(response)

    async def delete(self, path: str) -> Json:
        async with self.http().delete(path) as response:
            return await answer_of(response)

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.close()


class Person:
    """One person of the workspace. Every method raises Refused, with the reason, on a no.

    Args:
        base_url: of the workspace, without `/api/`.
        user_id: `U0ANA`, `U0BEN`, the admin `U0CLEO`, the guest `U0GUS`, the outsider `U0OTTO`.
    """

    def __init__(self, base_url: str, user_id: str, door: Door | None = None) -> None:
        self.user_id = user_id
        self._door = door or Door(base_url)

    async def post(
        self,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Mapping[str, bytes] | None = None,
        *,
        broadcast: bool = False,
        file_kind: str = "hosted",
    ) -> str:
        """The ts of the new message.

        Args:
            channel: where.
            text: as typed: `@name` is a mention.
            thread_ts: of the thread to reply in.
            files: contents by name.
            broadcast: send the reply to the channel as well.
            file_kind: of all of them; see `FileKind` in `gestures/messages.py`.
        """
        attached = [
            {
                "name": name,
                "content_base64": base64.b64encode(content).decode(),
                "kind": file_kind,
            }
            for name, content in (files or {}).items()
        ]
        body = {"channel": channel, "text": text, "thread_ts": thread_ts, "files": attached}
        return str((await self._do("message", {**body, "broadcast": broadcast}))["ts"])

    async def edit(self, channel: str, ts: str, text: str) -> None:
        await self._do("edit", {"channel": channel, "ts": ts, "text": text})

    async def delete(self, channel: str, ts: str) -> None:
        await self._do("delete", {"channel": channel, "ts": ts})

    async def click(
        self,
        channel: str,
        ts: str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: str | None = None,
        selected_option: str | Json | None = None,
    ) -> None:
        """Press a button or choose in a menu of a message."""
        body = {"channel": channel, "ts": ts, "action_id": action_id, "block_id": block_id}
        await self._do("click", {**body, "value": value, "selected_option": selected_option})

    async def click_in_view(
        self,
        view_id: str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: str | None = None,
        selected_option: str | Json | None = None,
    ) -> None:
        body = {"view_id": view_id, "action_id": action_id, "block_id": block_id}
        await self._do("click", {**body, "value": value, "selected_option": selected_option})

    async def command(
        self, channel: str, command: str, text: str = "", *, in_thread: bool = False
    ) -> None:
        body = {"channel": channel, "command": command, "text": text, "in_thread": in_thread}
        await self._do("command", body)

    async def shortcut(self, channel: str, ts: str, callback_id: str) -> None:
        await self._do("shortcut", {"channel": channel, "ts": ts, "callback_id": callback_id})

    async def use_global_shortcut(self, callback_id: str) -> None:
        await self._do("global_shortcut", {"callback_id": callback_id})

    async def suggestions(
        self, view_id: str, action_id: str, value: str, *, block_id: str | None = None
    ) -> Json:
        """What an external menu of a modal offers: `options` or `option_groups`."""
        body = {"view_id": view_id, "action_id": action_id, "value": value, "block_id": block_id}
        answer = await self._do("suggest", body)
        return {name: one for name, one in answer.items() if name != "ok"}

    async def react(self, channel: str, ts: str, name: str) -> None:
        await self._do("react", {"channel": channel, "ts": ts, "name": name})

    async def unreact(self, channel: str, ts: str, name: str) -> None:
        await self._do("unreact", {"channel": channel, "ts": ts, "name": name})

    async def join(self, channel: str) -> None:
        await self._do("join", {"channel": channel})

    async def leave(self, channel: str) -> None:
        await self._do("leave", {"channel": channel})

    async def invite_bot(self, channel: str, ts: str | None = None) -> None:
        """`ts` of the mention that asked for the bot, which it then hears of."""
        await self._do("invite", {"channel": channel, "ts": ts})

    async def kick_bot(self, channel: str) -> None:
        await self._do("kick", {"channel": channel})

    async def set_topic(self, channel: str, topic: str) -> None:
        await self._do("topic", {"channel": channel, "topic": topic})

    async def uninstall_app(self) -> None:
        """Only an admin may."""
        await self._do("uninstall", {})

    async def submit(
        self, view_id: str, values: Mapping[str, Mapping[str, Any]] | None = None
    ) -> dict[str, str]:
        """What is wrong by block id; empty when the form was accepted."""
        answer = await self._do("submit", {"view_id": view_id, "values": values or {}})
        return dict(answer.get("errors", {}))

    async def close_view(self, view_id: str) -> None:
        await self._do("close", {"view_id": view_id})

    async def stop(self, channel: str, thread_ts: str) -> None:
        """The native Stop button of an agent session."""
        await self._do("stop", {"channel": channel, "thread_ts": thread_ts})

    async def open_home(self, tab: str = "home") -> None:
        await self._do("home", {"tab": tab})

    async def messages(self, channel: str, thread_ts: str | None = None) -> list[Json]:
        """The channel's top level, or a thread with its root; oldest first."""
        answer = await self._door.get(
            "/local/messages", user=self.user_id, channel=channel, thread_ts=thread_ts
        )
        return list(answer["messages"])

    async def state(self) -> Json:
        return await self._door.get("/local/state", user=self.user_id)

    async def views(self) -> list[Json]:
        """The modals open for this person, the top one last."""
        return list((await self.state())["views"])

    async def sessions(self) -> list[Json]:
        return list((await self.state())["sessions"])

    async def download(self, file: Json) -> bytes:
        """The bytes of a file as it stands in a message."""
        path = f"/files/{file['id']}/{quote(file['name'], safe='')}"
        query = {"user": self.user_id}
        async with self._door.http().get(path, params=query) as response:
            if response.status != 200:
                await answer_of(response)
            return await response.read()

    @asynccontextmanager
    async def news(self) -> AsyncIterator[AsyncIterator[Json]]:
        """What changes in front of this person, from the moment the block is entered."""
        forever = aiohttp.ClientTimeout(total=None)
        query = {"user": self.user_id}
        async with self._door.http().get(
            "/local/stream", params=query, timeout=forever
        ) as response:
            yield _events(response)

    async def _do(self, gesture: str, body: Mapping[str, Any]) -> Json:
        return await self._door.post(f"/local/{gesture}", {"user": self.user_id, **body})

    async def aclose(self) -> None:
        await self._door.aclose()

    async def __aenter__(self) -> "Person":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


async def answer_of(response: aiohttp.ClientResponse) -> Json:
    answer: Json = await response.json()
    if answer.get("ok") is not True:
        raise Refused(str(answer.get("error")))
    return answer
