"""Two servers on loopback that stand in for Slack's Web API and Restate's ingress.

They record what they are asked and answer what a test told them to. The workspace of `local/slack`
is the fuller stand-in; these two are for one listener at a time.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel

from agent import protocol as p
from local.slack.blockkit import check_view
from tests.serving import serving

Json = dict[str, Any]

BOT = "U0BOT"
TEAM = "T0LOCAL"
WORKSPACE_URL = "https://local.slack.com/"


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
        self.groups: dict[str, list[str]] = {}
        """Members of user groups."""
        self.silent: set[str] = set()
        """Methods whose connection is closed without an answer."""
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
        if method in self.silent and request.transport is not None:
            request.transport.close()
        return web.json_response(self.answers.get(method) or self._answer(method, args))

    def _answer(self, method: str, args: Json) -> Json:
        match method:
            case "auth.test":
                known = {"team_id": TEAM, "user_id": BOT, "bot_id": "B0BOT"}
                return {"ok": True, "url": WORKSPACE_URL, **known}
            case "users.info":
                user = self.users.get(str(args["user"]))
                return {"ok": True, "user": user} if user else _no("user_not_found")
            case "conversations.members":
                members = self.members.get(str(args["channel"]))
                return _no("channel_not_found") if members is None else _members(members)
            case "usergroups.users.list":
                users = self.groups.get(str(args["usergroup"]))
                return _no("no_such_subteam") if users is None else {"ok": True, "users": users}
            case "views.open" | "views.push" | "views.update" | "views.publish":
                return _view(args)
            case _:
                return {"ok": True}


def _view(args: Json) -> Json:
    """As strict about a view as Slack."""
    view = args["view"] if isinstance(args["view"], dict) else json.loads(args["view"])
    problems = check_view(view)
    if problems:
        return _no("invalid_arguments") | {"response_metadata": {"messages": problems}}
    args["view"] = view
    return {"ok": True, "view": {**view, "id": args.get("view_id") or "V1"}}


def _no(error: str) -> Json:
    return {"ok": False, "error": error}


_DEFAULTS: dict[str, BaseModel] = {
    "Session/read": p.SessionView(),
    "Person/sessions": p.SessionCards(),
    "Approval/peek": p.ApprovalView(),
    "Preferences/read": p.PreferencesView(),
    "Ledger/read": p.Spending(),
    "Thread/spent": p.Spent(),
    "Preferences/save": p.SaveReceipt(),
}


def _members(members: list[str]) -> Json:
    return {"ok": True, "members": members, "response_metadata": {"next_cursor": ""}}


@dataclass
class Sent:
    handler: str
    """`Inbox/take`."""
    key: str | None
    value: Json
    effect: str | None
    """Idempotency key."""

    @property
    def thread(self) -> str:
        """Key of the thread a message goes to."""
        return p.ThreadRef.model_validate(self.value["thread"]).key


@dataclass
class FakeIngress:
    """Takes sends like the engine: the same effect twice is taken once. Answers calls as told."""

    sends: list[Sent] = field(default_factory=list)
    calls: list[Sent] = field(default_factory=list)
    answers: dict[str, BaseModel] = field(default_factory=dict)
    """By `Session/read` or, more exactly, `Session/read key`."""
    down: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, it holds back every answer until it is set."""
    url: str = ""

    def __post_init__(self) -> None:
        self.open.set()

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
        await self.open.wait()
        if self.down:
            return web.Response(status=503, text="not now")
        mode, service, *rest = unquote(request.path).removeprefix("/restate/").split("/")
        name, key = rest[-1], "/".join(rest[:-1]) or None
        handler, body = f"{service}/{name}", json.loads(await request.text())
        if mode == "call":
            self.calls.append(Sent(handler, key, body, None))
            given = self.answers.get(f"{handler} {key}") or self.answers.get(handler)
            answer = given or _DEFAULTS[handler]
            return web.Response(text=answer.model_dump_json(), content_type="application/json")
        effect = request.headers.get("idempotency-key")
        if all(
            (sent.handler, sent.key, sent.effect) != (handler, key, effect) for sent in self.sends
        ):
            self.sends.append(Sent(handler, key, body, effect))
        return web.json_response({"invocationId": "inv_1", "status": "Accepted"}, status=202)


@asynccontextmanager
async def running_slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", fake.handle)
    async with serving(app) as fake.url:
        yield fake


@asynccontextmanager
async def running_ingress() -> AsyncIterator[FakeIngress]:
    fake = FakeIngress()
    app = web.Application()
    app.router.add_post("/restate/{tail:.*}", fake.handle)
    async with serving(app) as fake.url:
        yield fake
