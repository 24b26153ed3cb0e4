"""Owns the verdict of the storm: what people wrote against what the agent took in and Slack shows.

It knows only what each person did (`Talk`), and asks sessions and workspace what became of it.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from agent import protocol as p
from agent.llm.responses import hashed_key
from bot import names
from tests.chaos.slack_model import Scribe, tokens
from tests.chaos.slack_talk import Said, Talk
from tests.e2e.thread import slot_of

Kind = Literal["lost", "doubled", "wrong_final_state"]
Message = dict[str, Any]


@dataclass(frozen=True)
class Offence:
    kind: Kind
    thread: str
    ts: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.thread} {self.ts}: {self.why}"


@dataclass(frozen=True)
class Found:
    """What became of one talk."""

    view: p.SessionView
    history: p.Unread
    messages: list[Message]
    """The thread as people see it."""
    presence: str
    """Status of Slack's agent session; empty for none."""


class Verdict:
    """Of one talk."""

    def __init__(self, talk: Talk, found: Found, scribe: Scribe) -> None:
        self._talk = talk
        self._found = found
        self._scribe = scribe
        self._entries = found.history.messages
        self.offences: list[Offence] = []

    def reach(self) -> list[Offence]:
        if not self._found.view.exists:
            for one in self._talk.instructions:
                self._note("lost", one.ts, f"{one.kind} {one.mark}: there is no session")
            return self.offences
        self._taken_in_once()
        self._read_once()
        self._nothing_else()
        self._posted_once()
        self._true_in_the_end()
        return self.offences

    def _note(self, kind: Kind, ts: str, why: str) -> None:
        self.offences.append(Offence(kind, self._talk.ref.key, ts, why))

    def _taken_in_once(self) -> None:
        """Every instruction is in the history once, in order, as it reads in the end."""
        first = [e.ts for e in self._entries if not e.edit]
        if first != sorted(first):
            self._note("wrong_final_state", "", f"history is not in order: {first}")
        counts = Counter(first)
        for one in self._talk.instructions:
            versions = [e for e in self._entries if e.ts == one.ts]
            if counts[one.ts] == 0 and not one.deleted and not self._told(one):
                self._note("lost", one.ts, f"{one.kind} {one.mark} by {one.user}: not in history")
            elif counts[one.ts] > 1:
                self._note("doubled", one.ts, f"{one.kind} {one.mark}: {counts[one.ts]} times")
            elif versions:
                self._is_newest(one, max(versions, key=lambda e: (e.edit_ts, e.seq)))

    def _told(self, one: Said) -> bool:
        """The thread says that what stood there before this could not be read."""
        notes = [m["ts"] for m in self._found.messages if slot_of(m) == "note:context"]
        return any(ts > one.ts for ts in notes)

    def _is_newest(self, one: Said, newest: p.HistoryEntry) -> None:
        wanted = [] if one.deleted else one.marks[-1:]
        if tokens(newest.text) != wanted:
            self._note("lost", one.ts, f"reads {newest.text!r} in history, not {wanted}")

    def _read_once(self) -> None:
        """Every entry of the history was read by one task, and its model was given it."""
        readers: defaultdict[str, set[str]] = defaultdict(set)
        for digest in self._found.history.digests:
            marks = set(tokens(digest.request))
            given = self._scribe.given.get(hashed_key(digest.task), set())
            if digest.outcome == "stopped":  # what it had read after the stop is read again
                given = set()
            for mark in marks | given:
                readers[mark].add(digest.task)
            if digest.outcome in ("done", "answered"):
                for mark in sorted(marks - self._scribe.told):
                    self._note("lost", mark, f"{digest.task} read it, no model was given it")
        for entry in self._entries:
            for mark in tokens(entry.text):
                tasks = readers[mark]
                withdrawn = float(entry.edit_ts or entry.ts) <= self._talk.stopped_at
                if not tasks and not withdrawn:
                    self._note("lost", entry.ts, f"{mark} is in history, and no task has read it")
                elif len(tasks) > 1:
                    self._note("doubled", entry.ts, f"{mark} was read by {sorted(tasks)}")

    def _nothing_else(self) -> None:
        ours = {one.ts for one in self._talk.instructions}
        said = {one.ts: one for one in self._talk.said}
        for entry in self._entries:
            if entry.ts not in ours:
                one = said.get(entry.ts)
                what = f"{one.kind} {one.mark}" if one else repr(entry.text)
                self._note("doubled", entry.ts, f"{what} is no instruction, yet in history")

    def _posted_once(self) -> None:
        slots = Counter(slot for m in self._found.messages if (slot := slot_of(m)))
        for slot, count in slots.items():
            if count > 1:
                self._note("doubled", "", f"{slot} was posted {count} times")
        files = sum(bool(m.get("files")) for m in self._found.messages if m.get("bot_id"))
        if files > self._talk.downloads:
            self._note("doubled", "", f"{files} projects for {self._talk.downloads} requests")

    def _true_in_the_end(self) -> None:
        view = self._found.view
        if view.status != "idle":
            self._note("wrong_final_state", "", f"the session is {view.status}: {view.task}")
            return
        if self._found.presence not in ("active", ""):  # empty: none was ever shown
            self._note("wrong_final_state", "", f"presence is {self._found.presence!r}")
        shown = {slot_of(m) for m in self._found.messages}
        for number in range(1, view.tasks + 1):
            if f"result:{self._talk.ref.key}/{number}" not in shown:
                self._note("wrong_final_state", "", f"task {number} has no result")
        for message in self._found.messages:
            actions = _action_ids(message)
            if names.STOP in actions:
                self._note("wrong_final_state", message["ts"], "the plan looks as if it still ran")
            if actions & {names.APPROVE, names.DENY}:
                self._note("wrong_final_state", message["ts"], "a question is open, nobody waits")
        self._seen()

    def _seen(self) -> None:
        """Everything taken in carries our eyes, unless an answer came sooner."""
        eyes = {m["ts"] for m in self._found.messages if _has_eyes(m)}
        live = {one.ts for one in self._talk.instructions if not one.deleted}
        answered = max((m["ts"] for m in self._found.messages if slot_of(m)), default="")
        for ts in sorted(({e.ts for e in self._entries} & live) - eyes):
            if ts > answered:
                self._note("wrong_final_state", ts, "taken in without 👀 or an answer")


def _action_ids(message: Message) -> set[str]:
    blocks = message.get("blocks") or []
    return {e.get("action_id", "") for b in blocks for e in b.get("elements", [])}


def _has_eyes(message: Message) -> bool:
    return any(reaction["name"] == "eyes" for reaction in message.get("reactions", []))
