"""Owns the `Reader` service: what stands in a thread, read once when a session begins late in it.

The session waits for the answer, so one is sent in any case and within half a minute: what could be
read, and one sentence when that is not all. Slack counts these calls per workspace and may allow
few of them; so a thread is asked for twice at most.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from aiohttp import ClientError
from pydantic import BaseModel
from restate import Context, RunOptions, Service
from slack_sdk.errors import SlackApiError

from agent import protocol as p
from bot import inbound
from bot.identity import Ourselves, Unidentified
from bot.people import People
from bot.replies import Reply, ask
from bot.retries import PROMPT

MOST_MESSAGES = 200
MOST_CHARS = 40_000
MOST_PEOPLE = 60
_PAGE = 1000
_MOST_PAGES = 3
_CALL_SECONDS = 5.0
_MOST_TRIES = 4
_NAMES_SECONDS = 4.0
_NAME_AGAIN_SECONDS = 0.5
_MOST_WAIT_SECONDS = 20.0
_BEGIN_CALLS_SECONDS = 21.0
"""No call begins later than this after the first: with the names it makes half a minute."""


class Page(BaseModel):
    """One answer of Slack; authors have no name yet, and texts are in Slack's wire form."""

    reply: Reply
    messages: list[p.ThreadMessage] = []
    cursor: str = ""


class Known(BaseModel):
    """Those who could be looked up."""

    people: dict[str, p.Person] = {}


def build_reader(ourselves: Ourselves, people: People, aside: str) -> Service:
    """The Restate service `Reader`, reading with our own token."""
    reader = Service(p.READER, invocation_retry_policy=PROMPT, journal_retention=timedelta(0))
    eyes = Eyes(ourselves, people, aside)

    @reader.handler(p.READ_THREAD.name)
    async def read_thread(ctx: Context, request: p.ReadThread) -> p.Nothing:
        """Read the thread and send `Session.on_context`."""
        thread = request.thread
        messages, problem = await _read(ctx, eyes, thread)
        known = await ctx.run_typed(
            "who they are", partial(eyes.names, _user_ids(messages)), RunOptions(type_hint=Known)
        )
        if not problem and any(_is_unknown(m.author, known) for m in messages):
            problem = "I could not find out who wrote some of the messages here; I left them out."
        so_far = p.ThreadSoFar(
            thread=thread,
            messages=_within_bounds([_finished(m, known) for m in messages]),
            problem=problem,
        )
        body = so_far.model_dump_json().encode()
        ctx.generic_send(p.ON_CONTEXT.service, p.ON_CONTEXT.name, body, key=thread.key)
        return p.Nothing()

    return reader


async def _read(
    ctx: Context, eyes: "Eyes", thread: p.ThreadRef
) -> tuple[list[p.ThreadMessage], str]:
    """The thread's first message and its newest, and one sentence when Slack kept some from us."""
    messages: list[p.ThreadMessage] = []
    cursor, deadline = "", await ctx.time() + _BEGIN_CALLS_SECONDS
    for number in range(1, _MOST_PAGES + 1):
        page = await _page(ctx, eyes, thread, cursor, number, deadline)
        messages = _newest([*messages, *page.messages])
        if page.reply.kind != "done":
            return messages, _sentence(page.reply)
        cursor = page.cursor
        if not cursor:
            return messages, ""
        if page.reply.at > deadline:
            break
    return messages, "This thread is too long for me to read to its end."


async def _page(
    ctx: Context, eyes: "Eyes", thread: p.ThreadRef, cursor: str, number: int, deadline: float
) -> Page:
    """Asked for once more when Slack was busy, and a few times when it was silent, in the time."""
    options = RunOptions(type_hint=Page)
    name = f"read page {number}"
    page = await ctx.run_typed(name, partial(eyes.page, thread, cursor), options)
    limited = 0
    for again in range(1, _MOST_TRIES):
        limited += page.reply.kind == "limited"
        if page.reply.kind in ("done", "refused") or limited > 1:
            break
        wait = page.reply.retry_after if page.reply.kind == "limited" else 1.0
        if wait > _MOST_WAIT_SECONDS or page.reply.at + wait > deadline:
            break
        await ctx.sleep(timedelta(seconds=wait), name=f"before page {number} again {again}")
        page = await ctx.run_typed(
            f"{name} again {again}", partial(eyes.page, thread, cursor), options
        )
    return page


class Eyes:
    """What is asked of Slack; never raises for what Slack or the network did."""

    def __init__(self, ourselves: Ourselves, people: People, aside: str) -> None:
        self._us, self._people, self._aside = ourselves, people, aside

    async def page(self, thread: p.ThreadRef, cursor: str) -> Page:
        try:
            us = await self._us.identity()
        except Unidentified:
            return Page(reply=Reply(kind="unclear", at=0.0, error="auth.test"))
        reply, answer = await ask(
            asyncio.wait_for(
                self._us.client.conversations_replies(
                    channel=thread.channel,
                    ts=thread.root_ts,
                    limit=_PAGE,
                    cursor=cursor or None,
                ),
                _CALL_SECONDS,
            )
        )
        reader = inbound.Reader(thread.team, us.user_id, self._aside)
        found = (_read_one(m, thread, reader, us.bot_id) for m in answer.get("messages") or [])
        return Page(
            reply=reply,
            messages=_newest([message for message in found if message is not None]),
            cursor=str((answer.get("response_metadata") or {}).get("next_cursor") or ""),
        )

    async def names(self, user_ids: list[str]) -> Known:
        """Those who answer in time."""
        known: dict[str, p.Person] = {}

        async def look_up(user_id: str) -> None:
            us = await self._us.identity()
            while user_id not in known:
                try:
                    known[user_id] = await self._people.look_up(self._us.client, us.homes, user_id)
                except (SlackApiError, ClientError, TimeoutError):
                    await asyncio.sleep(_NAME_AGAIN_SECONDS)

        try:
            async with asyncio.timeout(_NAMES_SECONDS):
                await asyncio.gather(*(look_up(user_id) for user_id in user_ids))
        except (TimeoutError, Unidentified):
            pass
        return Known(people=known)


def _read_one(
    message: Mapping[str, Any], thread: p.ThreadRef, reader: inbound.Reader, bot_id: str
) -> p.ThreadMessage | None:
    """None for notices: people coming and going, a new topic, what was deleted."""
    ts = str(message.get("ts") or "")
    if message.get("bot_id") or message.get("user") == reader.bot_user_id:
        ours = message.get("bot_id") == bot_id or message.get("user") == reader.bot_user_id
        profile = message.get("bot_profile") or {}
        name = inbound.text_of(message, "username") or inbound.text_of(profile, "name")
        author = p.Person(user_id=str(message.get("user") or message["bot_id"]), name=name)
        text = inbound.text_of(message, "text")
        return p.ThreadMessage(ts=ts, author=author, text=text, ours=ours, for_us=False)
    said = inbound.read_message({**message, "channel": thread.channel}, reader)
    if said is None:
        return None
    return p.ThreadMessage(
        ts=said.ts,
        author=p.Person(user_id=said.user_id),
        text=said.text,
        for_us=said.meant_for != "others",
        client_msg_id=said.client_msg_id,
        files=said.files,
    )


def _user_ids(messages: Iterable[p.ThreadMessage]) -> list[str]:
    """Authors first, the newest before the older ones; then those who are mentioned."""
    newest_first = list(messages)[::-1]
    authors = [m.author.user_id for m in newest_first if _is_person(m.author)]
    named = [user for m in newest_first for user in inbound.mentioned_users(m.text)]
    return list(dict.fromkeys([*authors, *named]))[:MOST_PEOPLE]


def _is_person(author: p.Person) -> bool:
    """Bots' authors have a name, or the id of a bot; people's are not known yet."""
    return not author.name and not author.user_id.startswith("B")


def _is_unknown(author: p.Person, known: Known) -> bool:
    return _is_person(author) and author.user_id not in known.people


def _finished(message: p.ThreadMessage, known: Known) -> p.ThreadMessage:
    """With the author's name, and as it was typed. Nobody is guessed to be a member."""
    author = message.author
    if _is_person(author) and not message.ours:
        unknown = p.Person(user_id=author.user_id, name=author.user_id, outsider=True)
        author = known.people.get(author.user_id, unknown)
    people = known.people
    text = inbound.as_written(
        message.text, lambda user_id: (people[user_id].name if user_id in people else "") or user_id
    ).strip()
    is_instruction = bool(text or message.files) and inbound.control_word(text) is None
    return message.model_copy(
        update={"author": author, "text": text, "for_us": message.for_us and is_instruction}
    )


def _newest(messages: list[p.ThreadMessage]) -> list[p.ThreadMessage]:
    """The first message of the thread says what it is about: it is kept, with the newest."""
    if len(messages) <= MOST_MESSAGES:
        return messages
    return [messages[0], *messages[-(MOST_MESSAGES - 1) :]]


def _within_bounds(messages: list[p.ThreadMessage]) -> list[p.ThreadMessage]:
    """The newest messages, as many as their text allows; at least a part of the newest one."""
    kept: list[p.ThreadMessage] = []
    left = MOST_CHARS
    for message in reversed(messages):
        if left <= 0:
            break
        kept.append(message.model_copy(update={"text": message.text[:left]}))
        left -= len(message.text)
    return kept[::-1]


def _sentence(reply: Reply) -> str:
    why = {
        "limited": "Slack is too busy to let me read what was said here before",
        "refused": f"Slack did not let me read what was said here before ({reply.error})",
    }.get(reply.kind, "Slack gave no answer when I wanted to read what was said here before")
    return f"{why}; please tell me what I need to know of it."
