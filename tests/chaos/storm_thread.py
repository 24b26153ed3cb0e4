"""Owns what happens in one thread of the storm, and what it must look like when all is told."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agent import protocol as p
from bot.views import MessageBody, render

ANA = p.Person(user_id="U0ANA", name="ana")
STEPS = ("Read the code", "Write the parser", "Write tests", "Run the checks")
STARTED_AT = 1712000000.0

Beat = tuple[float, p.ThreadEvent]
"""Seconds after the beat before, and what is sent then."""


@dataclass
class StormThread:
    """Deterministic for its seed; `beats` may be gone through once."""

    thread: p.ThreadRef
    chance: random.Random
    final: dict[str, MessageBody] = field(default_factory=dict)
    """What each slot must show in the end."""
    _rev: Counter[str] = field(default_factory=Counter)

    @property
    def task(self) -> str:
        return f"{self.thread.key}/1"

    def beats(self) -> Iterator[Beat]:
        root = self.thread.root_ts
        asks, is_interrupted = self.chance.random() < 0.25, self.chance.random() < 0.25
        yield 0.0, self._event(f"reaction:{root}:eyes", p.ReactionBody(ts=root))
        yield 0.0, self._presence("processing")
        for step in range(len(STEPS)):
            yield self._pause(), self._plan(step)
            yield self._pause(), self._activity(f"`pytest -k part_{step}`")
            if asks and step == 1:
                yield from self._approval()
            if is_interrupted and step == 2:
                note = "Interrupted: steps 1–2 are kept."
                yield self._pause(), self._plan(step, note=note, replanned=True)
        note = "Planned again." if is_interrupted else ""
        done = self._plan(len(STEPS), "done", note, replanned=is_interrupted)
        yield self._pause(), done
        result = p.ResultBody(
            task=self.task, outcome="done", summary="All **four** parts work.", asked_by=[ANA]
        )
        yield 0.0, self._event(f"result:{self.task}", result, urgent=True)
        yield 0.0, self._presence("active")

    def stale(self, event: p.ThreadEvent) -> p.ThreadEvent:
        """An older revision that comes late."""
        return event.model_copy(update={"rev": event.rev - 1})

    def judge(self, shown: list[dict[str, Any]], session: str) -> dict[str, list[str]]:
        """What is wrong, by kind; `shown` are all messages of the thread but its root."""
        slots = [_slot_of(message) for message in shown]
        wrong = [slot for slot, body in self.final.items() if self._differs(slot, body, shown)]
        if session not in ("", "active"):
            wrong.append(f"session is {session}")
        return {
            "lost": [slot for slot in self.final if slot not in slots],
            "doubled": [slot for slot, count in Counter(slots).items() if count > 1],
            "wrong_final_state": wrong,
        }

    def _differs(self, slot: str, body: MessageBody, shown: list[dict[str, Any]]) -> bool:
        expected = render(body, self.thread.key)
        there = [message for message in shown if _slot_of(message) == slot]
        return any(
            message["text"] != expected.text or _plain(message["blocks"]) != expected.blocks
            for message in there
        )

    def _pause(self) -> float:
        return self.chance.uniform(0.5, 3.0)

    def _event(self, slot: str, body: p.Body, *, urgent: bool = False) -> p.ThreadEvent:
        self._rev[slot] += 1
        if isinstance(body, MessageBody):
            self.final[slot] = body
        rev = self._rev[slot] * 2
        return p.ThreadEvent(thread=self.thread, slot=slot, rev=rev, urgent=urgent, body=body)

    def _presence(self, state: p.PresenceState) -> p.ThreadEvent:
        body = p.PresenceBody(state=state, title="Four parts", initiator=ANA.user_id)
        return self._event("presence", body, urgent=state != "processing")

    def _activity(self, text: str, *, waiting: bool = False) -> p.ThreadEvent:
        return self._event(f"activity:{self.task}", p.ActivityBody(text=text, waiting=waiting))

    def _plan(
        self, done: int, state: p.PlanState = "working", note: str = "", *, replanned: bool = False
    ) -> p.ThreadEvent:
        def status(n: int) -> p.StepStatus:
            return "complete" if n < done else "in_progress" if n == done else "pending"

        lines = [
            p.StepLine(id=str(n), title=title, status=status(n), mark="kept" if replanned else "")
            for n, title in enumerate(STEPS)
        ]
        if replanned:
            dropped = p.StepLine(id="x", title="Write a page", status="dropped", mark="dropped")
            lines.append(dropped)
        body = p.PlanBody(
            title="Four parts",
            steps=lines,
            state=state,
            note=note,
            started_at=STARTED_AT,
            finished_at=STARTED_AT + 60 if state == "done" else None,
        )
        return self._event(f"plan:{self.task}", body, urgent=state != "working")

    def _approval(self) -> Iterator[Beat]:
        request = p.ApprovalRequest(
            approval=f"{self.task}/ab",
            thread=self.thread,
            question="It deletes files.",
            command="rm -rf build",
            requester=ANA,
            expires_at=STARTED_AT + 1e9,
        )
        slot, body = f"approval:{request.approval}", p.ApprovalBody(request=request)
        yield self._pause(), self._event(slot, body, urgent=True)
        yield 0.0, self._presence("suspended")
        yield 0.0, self._activity("waiting for approval", waiting=True)
        outcome = p.ApprovalOutcome(verdict="approved", by=ANA, at=STARTED_AT)
        decided = body.model_copy(update={"outcome": outcome})
        yield 2 * self._pause(), self._event(slot, decided, urgent=True)
        yield 0.0, self._presence("processing")
        yield 0.0, self._activity("`rm -rf build`")


def _slot_of(message: dict[str, Any]) -> str:
    return str((message.get("metadata") or {}).get("event_payload", {}).get("slot"))


def _plain(blocks: Any) -> Any:
    """Without the names Slack gives to blocks that have none."""
    if isinstance(blocks, list):
        return [_plain(one) for one in blocks]
    if isinstance(blocks, dict):
        return {key: _plain(value) for key, value in blocks.items() if key != "block_id"}
    return blocks
