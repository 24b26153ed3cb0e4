"""Owns one sandbox: its definition, its processes, and how and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modal_proto import api_pb2

from tests.fakes.modal.clock import Clock
from tests.fakes.modal.images import Image
from tests.fakes.modal.machine import Machine
from tests.fakes.modal.process import Process
from tests.fakes.modal.tunnels import Tunnel

Status = api_pb2.GenericResult.GenericStatus
ENTRYPOINT = "entrypoint"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Sandbox:
    sandbox_id: str
    task_id: str
    app_id: str
    definition: api_pb2.Sandbox
    image: Image
    root: Path
    environment: dict[str, str]
    tags: dict[str, str]
    created_at: float
    clock: Clock
    machine: Machine | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """It has started, or never will."""
    tunnels: dict[int, Tunnel] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    result: api_pb2.GenericResult | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing of it runs any more, and its files are gone."""

    def __post_init__(self) -> None:
        self._active = 0
        self._idle_since = self.created_at
        self._stirred = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def workdir(self) -> str:
        return self.definition.workdir or self.image.workdir

    @property
    def expires_at(self) -> float:
        return self.created_at + self.definition.timeout_secs

    @property
    def busy(self) -> bool:
        """A command runs, or a connection is open."""
        return self._active > 0

    def stir(self) -> None:
        """Something changed that its end may depend on."""
        self._stirred.set()

    @contextmanager
    def activity(self) -> Iterator[None]:
        """It is not idle meanwhile."""
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            self._idle_since = self.clock.now()
            self.stir()

    async def verdict(self) -> api_pb2.GenericResult:
        """Wait until it has to end by itself; says why."""
        assert self.machine is not None
        lost = asyncio.create_task(self._watch(self.machine))
        try:
            while (result := self._judge(self.machine)) is None:
                self._stirred.clear()
                try:
                    async with asyncio.timeout(self._deadline() - self.clock.now()):
                        await self._stirred.wait()
                except TimeoutError:
                    continue
            return result
        finally:
            lost.cancel()

    async def _watch(self, machine: Machine) -> None:
        await machine.ended.wait()
        self.stir()

    def _judge(self, machine: Machine) -> api_pb2.GenericResult | None:
        entrypoint = self.processes.get(ENTRYPOINT)
        if entrypoint is not None and entrypoint.ended.is_set():
            return _result_of(entrypoint.status.result())
        now = self.clock.now()
        if self.expires_at <= now:
            return api_pb2.GenericResult(status=Status.GENERIC_STATUS_TIMEOUT)
        if self._deadline() <= now:
            return api_pb2.GenericResult(status=Status.GENERIC_STATUS_IDLE_TIMEOUT)
        if machine.ended.is_set():
            return api_pb2.GenericResult(status=Status.GENERIC_STATUS_INTERNAL_FAILURE)
        return None

    def _deadline(self) -> float:
        idle = self.definition.idle_timeout_secs
        if not idle or self.busy or ENTRYPOINT in self.processes:
            return self.expires_at
        return min(self.expires_at, self._idle_since + idle)

    async def launch(
        self,
        exec_id: str,
        arguments: Iterable[str],
        *,
        workdir: str = "",
        environment: Mapping[str, str] | None = None,
        timeout_seconds: int = 0,
        discard: tuple[bool, bool] = (False, False),
    ) -> Process:
        """Start a command; a known exec id is not started again. Raises MachineGone."""
        if exec_id in self.processes:
            return self.processes[exec_id]
        assert self.machine is not None
        process = self.processes[exec_id] = Process(self.machine, *discard)
        await process.start(
            {
                "argv": list(arguments),
                "workdir": workdir or self.workdir,
                "env": {
                    "PATH": PATH,
                    "HOME": "/root",
                    "LANG": "C.UTF-8",
                    "MODAL_SANDBOX_ID": self.sandbox_id,
                    "MODAL_TASK_ID": self.task_id,
                    **self.image.environment,
                    **self.environment,
                    **(environment or {}),
                },
            }
        )
        task = asyncio.create_task(self._follow(process, timeout_seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return process

    async def _follow(self, process: Process, timeout_seconds: int) -> None:
        with self.activity():
            await process.follow(timeout_seconds)

    async def close(self) -> None:
        """Returns when nothing of it runs any more."""
        for tunnel in self.tunnels.values():
            await tunnel.close()
        if self.machine is not None:
            await self.machine.end()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for process in self.processes.values():
            process.close()


def _result_of(status: int | None) -> api_pb2.GenericResult:
    code = exit_code(status)
    kind = Status.GENERIC_STATUS_FAILURE if code else Status.GENERIC_STATUS_SUCCESS
    return api_pb2.GenericResult(status=kind, exitcode=code)


def exit_code(status: int | None) -> int:
    """Of a wait status, as a shell says it."""
    if status is None:
        return 137
    return status >> 8 if status & 0x7F == 0 else 128 + (status & 0x7F)
