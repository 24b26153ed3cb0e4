"""Owns what shall go wrong: faults wait here for the RPC they are meant for."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from grpclib import GRPCError, Status
from modal_proto import api_pb2


@dataclass
class Fault:
    rpc: str
    times: int = 1
    status: str | None = None
    """A name of `grpclib.Status`; None: the call is only delayed."""
    after: bool = False
    """Do the work, then lose the answer."""
    delay: float = 0.0
    hang: bool = False
    """Never answer; the caller's deadline or the end of the fake ends it."""
    retry_after: float | None = None
    """Tells the SDK to wait this many seconds and try again (with RESOURCE_EXHAUSTED)."""
    message: str = "a fault was asked for"

    def __post_init__(self) -> None:
        if self.status is not None and self.status not in Status.__members__:
            raise ValueError(f"{self.status!r} is no gRPC status: use one of {Status.__members__}")

    async def before_work(self) -> None:
        if self.hang and not self.after:
            await asyncio.Event().wait()
        await asyncio.sleep(self.delay)
        if not self.after:
            self._raise()

    async def after_work(self) -> None:
        if self.hang:
            await asyncio.Event().wait()
        self._raise()

    def _raise(self) -> None:
        if self.status is not None:
            raise refusal(Status[self.status], self.message, self.retry_after)


class Faults:
    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[Fault]] = defaultdict(list)

    def add(self, fault: Fault) -> None:
        self._waiting[fault.rpc].append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, rpc: str) -> Fault | None:
        """The fault this call meets, if any; each is met `times` times."""
        waiting = self._waiting[rpc]
        if not waiting:
            return None
        waiting[0].times -= 1
        return waiting.pop(0) if waiting[0].times <= 0 else waiting[0]


def refusal(status: Status, message: str, retry_after: float | None = None) -> GRPCError:
    details = None
    if retry_after is not None:
        details = [api_pb2.RPCRetryPolicy(retry_after_secs=retry_after)]
    return GRPCError(status, message, details)
