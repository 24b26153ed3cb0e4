"""Owns the way of a call through the fake: logged, judged by faults, answered, or UNIMPLEMENTED.

A servicer is a class with one coroutine per RPC, named like it. Unary ones take the request and
the metadata and return the reply; others take grpclib's stream.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from grpclib import Status
from grpclib.const import Cardinality, Handler
from grpclib.exceptions import StreamTerminatedError
from grpclib.server import Stream

from tests.fakes.modal.faults import Fault, Faults, refusal

Metadata = Mapping[str, str]


class Calls:
    """What was asked, for tests to look at."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.unknown: list[str] = []


class Service:
    """One gRPC service: the RPCs of `base`, answered by `servicer` as far as it has them."""

    def __init__(self, base: type[Any], servicer: object, faults: Faults, calls: Calls) -> None:
        self._servicer = servicer
        self._faults = faults
        self._calls = calls
        placeholders = dict.fromkeys(base.__abstractmethods__)
        self._described: dict[str, Handler] = type(
            "Described", (base,), placeholders
        )().__mapping__()

    def __mapping__(self) -> dict[str, Handler]:
        return {
            path: handler._replace(func=self._answerer(path.rpartition("/")[2], handler))
            for path, handler in self._described.items()
        }

    def _answerer(self, name: str, handler: Handler) -> Callable[[Any], Awaitable[None]]:
        method = getattr(self._servicer, name, None)

        async def answer(stream: Stream[Any, Any]) -> None:
            self._calls.counts[name] += 1
            if method is None:
                self._calls.unknown.append(name)
                raise refusal(Status.UNIMPLEMENTED, f"The fake does not know {name}")
            # The SDK hung up: it asks again, or nobody wants the answer any more.
            with contextlib.suppress(StreamTerminatedError):
                await _with_fault(self._faults.take(name), method, handler.cardinality, stream)

        return answer


async def _with_fault(
    fault: Fault | None,
    method: Callable[..., Awaitable[Any]],
    cardinality: Cardinality,
    stream: Stream[Any, Any],
) -> None:
    if fault is not None:
        await fault.before_work()
    if cardinality is not Cardinality.UNARY_UNARY:
        await method(stream)
        if fault is not None:
            await fault.after_work()
        return
    request = await received(stream)
    reply = await method(request, metadata_of(stream))
    if fault is not None:
        await fault.after_work()
    await stream.send_message(reply)


async def received(stream: Stream[Any, Any]) -> Any:
    """The first message."""
    message = await stream.recv_message()
    if message is None:
        raise refusal(Status.INVALID_ARGUMENT, "The request is missing")
    return message


def metadata_of(stream: Stream[Any, Any]) -> Metadata:
    return {key: str(value) for key, value in (stream.metadata or {}).items()}
