"""Owns how the pieces of a Chat stream become one turn, on servers that differ in all but the
name: calls without numbers or ids, arguments as objects, thoughts within the text.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from agent.llm import bounds, chat_items, failures, repairs
from agent.llm.counting import counted
from agent.llm.types import Json, Stop, ToolCall, Turn

_STOPS: dict[str, Stop] = {"length": "max_tokens", "content_filter": "filtered"}
_THINK = re.compile(r"\s*<think>.*?</think>\s*", re.DOTALL)


@dataclass
class _PartialCall:
    call_id: str = ""
    name: str = ""
    raw: str = ""


@dataclass
class Answer:
    """One answer, put together from the pieces of its stream."""

    text: str = ""
    refusal: str = ""
    finish: str | None = None
    calls: list[_PartialCall] = field(default_factory=list)
    _numbered: dict[int, _PartialCall] = field(default_factory=dict)
    _head: Json = field(default_factory=dict)
    _usage: Any = None
    _meter: bounds.Meter = field(default_factory=bounds.Meter)

    def take(self, chunk: Json) -> None:
        """Take in one chunk. Raises Flood."""
        self._head = self._head or chunk
        self._usage = chunk.get("usage") or self._usage
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            self._take_delta(delta, choice.get("finish_reason"))
            self._meter.take(delta.get("reasoning_content") or delta.get("reasoning"))

    def _take_delta(self, delta: Json, finish: str | None) -> None:
        text, refusal = delta.get("content") or "", delta.get("refusal") or ""
        self._meter.take(text)
        self._meter.take(refusal)
        self.text += text
        self.refusal += refusal
        self.finish = finish or self.finish
        for piece in delta.get("tool_calls") or []:
            self._take_call(piece)

    def _take_call(self, piece: Json) -> None:
        function = piece.get("function") or {}
        call = self._call_of(piece, function)
        raw = repairs.argument_text(function.get("arguments"))
        self._meter.take(raw)
        call.call_id = piece.get("id") or call.call_id
        call.name = function.get("name") or call.name
        call.raw += raw

    def _call_of(self, piece: Json, function: Json) -> _PartialCall:
        """A piece belongs to the call of its number, else of its id, else to the last one. Servers
        that number every call 0 tell the next by another id; those with neither, by a name."""
        call_id, index = piece.get("id"), piece.get("index")
        if index is not None:
            call = self._numbered.get(int(index))
            if call is None or (call_id and call.call_id and call_id != call.call_id):
                call = self._numbered[int(index)] = self._new_call()
            return call
        if call_id:
            known = (call for call in self.calls if call.call_id == call_id)
            return next(known, None) or self._new_call()
        if function.get("name") or not self.calls:
            return self._new_call()
        return self.calls[-1]

    def _new_call(self) -> _PartialCall:
        self.calls.append(_PartialCall())
        return self.calls[-1]

    def to_turn(self, *, request_id: str | None, ms: int) -> Turn:
        stop = self._stop()
        whole = stop in ("end", "tools")
        calls = [
            ToolCall(call_id=c.call_id or repairs.new_call_id(), name=c.name, raw=c.raw)
            for c in self.calls
        ]
        text = _THINK.sub("", self.text, count=1) if _THINK.match(self.text) else self.text
        return Turn(
            items=chat_items.to_items(text, self.refusal, calls) if whole else [],
            text=text,
            refusal=self.refusal or None,
            stop=stop,
            model=self._head.get("model") or "unknown",
            response_id=self._head.get("id"),
            request_id=request_id,
            usage=counted(self._usage, "prompt_tokens", "completion_tokens"),
            ms=ms,
        )

    def _stop(self) -> Stop:
        if self.finish == "error":
            raise failures.of_error(None, "error", "finish_reason is error")
        if self.finish in _STOPS:
            return _STOPS[self.finish]
        return "tools" if self.calls else "end"  # some say "stop" although they call
