"""Two servers on loopback that stand in for Slack's Web API and Restate's ingress.

They record what they are asked and answer what a test told them to. The workspace of `local/slack`
is the fuller stand-in; these two are for one listener at a time.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel

from agent import protocol as p

Json = dict[str, Any]

BOT = "U0BOT"
TEAM = "T0LOCAL"


@dataclass
class Call:
    method: str
    args: Json


class FakeSlack:
    """Knows people and channel members; any other method is answered with `ok`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, Json] = {}
        self.users: dict[str, Json] = {
            "U0ANA": {"id": "U0ANA", "team_id": TEAM, "profile": {"display_name": "ana"}},
            "U0BEN": {"id": "U0BEN", "team_id": TEAM, "profile": {"display_name": "ben"}},
            "U0OTTO": {"id": "U0OTTO", "team_id": "T0OTHER", "is_stranger": True},
            "U0GUEST": {"id": "U0GUEST", "team_id": TEAM, "is_restricted": True},
        }
        self.members: dict[str, list[str]] = {}
        self.url = ""

    def of(self, method: str) -> list[Json]:
        return [call.args for call in self.calls if call.method == method]

    async def handle(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        args: Json = dict(request.query)
        if request.content_type == "application/json":
            args |= await request.json()
        elif request.can_read_body:
            args |= dict(await request.post())
        self.calls.append(Call(method, args))
        return web.json_response(self.answers.get(method) or self._answer(method, args))

    async def handle_response_url(self, request: web.Request) -> web.Response:
        self.calls.append(Call("response_url", await request.json()))
        return web.Response(text="ok")

    def _answer(self, method: str, args: Json) -> Json:
        match method:
            case "auth.test":
                return {"ok": True, "team_id": TEAM, "user_id": BOT, "bot_id": "B0BOT"}
            case "users.info":
                user = self.users.get(str(args["user"]))
                return {"ok": True, "user": user} if user else _no("user_not_found")
            case "conversations.members":
                members = self.members.get(str(args["channel"]))
                return _no("channel_not_found") if members is None else _members(members)
            case "chat.getPermalink":
                link = f"https://local.slack.com/archives/{args['channel']}/p1"
                return {"ok": True, "permalink": link}
            case _:
                return {"ok": True}


def _no(error: str) -> Json:
    return {"ok": False, "error": error}


def _members(members: list[str]) -> Json:
    return {"ok": True, "members": members, "response_metadata": {"next_cursor": ""}}


@dataclass
class Sent:
    handler: str
    """`Session/on_message`."""
    key: str | None
    value: Json
    effect: str | None
    """Idempotency key."""


@dataclass
class FakeIngress:
    """Takes sends like the engine: the same effect twice is taken once. Answers calls as told."""

    sends: list[Sent] = field(default_factory=list)
    calls: list[Sent] = field(default_factory=list)
    answers: dict[str, BaseModel] = field(default_factory=dict)
    """By `Session/read` or, more exactly, `Session/read key`."""
    down: bool = False
    url: str = ""

    def of(self, handler: str) -> list[Sent]:
        return [sent for sent in self.sends if sent.handler == handler]

    @property
    def notes(self) -> list[str]:
        """Texts shown in threads."""
        shown = [p.ThreadEvent.model_validate(sent.value) for sent in self.of("Thread/show")]
        return [event.body.text for event in shown if isinstance(event.body, p.NoteBody)]

    def has_session(self, thread: p.ThreadRef, **known: Any) -> None:
        view = p.SessionView(exists=True, thread=thread, **known)
        self.answers[f"Session/read {thread.key}"] = view

    async def handle(self, request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=503, text="not now")
        mode, service, *rest = unquote(request.path).removeprefix("/restate/").split("/")
        name, key = rest[-1], "/".join(rest[:-1]) or None
        handler, body = f"{service}/{name}", json.loads(await request.text())
        if mode == "call":
            self.calls.append(Sent(handler, key, body, None))
            given = self.answers.get(f"{handler} {key}") or self.answers.get(handler)
            answer = given or {"Session/read": p.SessionView(), "Person/sessions": p.SessionCards()}
            if isinstance(answer, dict):
                answer = answer[handler]
            return web.Response(text=answer.model_dump_json(), content_type="application/json")
        effect = request.headers.get("idempotency-key")
        if all(
            (sent.handler, sent.key, sent.effect) != (handler, key, effect) for sent in self.sends
        ):
            self.sends.append(Sent(handler, key, body, effect))
        return web.json_response({"invocationId": "inv_1", "status": "Accepted"}, status=202)
