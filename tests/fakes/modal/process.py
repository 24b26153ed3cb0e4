"""Owns one command of a sandbox as the SDK sees it: input and output by offset, exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from tests.fakes.modal.machine import Machine, MachineGone

READ_BYTES = 1 << 18
SERVED_BYTES = 1 << 20
GRACE_SECONDS = 0.1
"""A daemon may hold the pipe after its command ended: the stream ends that soon all the same."""


class Output:
    """Everything that was written, kept, so that late readers and second ones get it too."""

    def __init__(self, discard: bool) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._discard = discard
        self._data = bytearray()
        self._grown = asyncio.Event()
        self.closed = asyncio.Event()
        """No reader gets more than there is by now."""
        self._end: int | None = None
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._reader, READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.close()
        elif not self._discard:
            self._data += data
        self._stir()

    def _stir(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    def finish(self) -> None:
        """End what readers get; a daemon may go on writing into the pipe."""
        if not self.closed.is_set():
            self._end = len(self._data)
            self.closed.set()
            self._stir()

    def close(self) -> None:
        self.finish()
        if self._reader >= 0:
            asyncio.get_running_loop().remove_reader(self._reader)
            os.close(self._reader)
            self._reader = -1

    async def since(self, offset: int) -> AsyncIterator[bytes]:
        while True:
            grown = self._grown
            end = len(self._data) if self._end is None else self._end
            while offset < end:
                chunk = bytes(self._data[offset : min(end, offset + SERVED_BYTES)])
                offset += len(chunk)
                yield chunk
            if self.closed.is_set() and offset >= (self._end or 0):
                return
            await grown.wait()


class Input:
    """Standard input, written by offset: a repeated write is not written twice."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self.written = 0
        self.closed = False
        self._lock = asyncio.Lock()
        self._ready = asyncio.Event()

    async def write(self, offset: int, data: bytes) -> None:
        """Raises BrokenPipeError when nobody reads, ValueError for an offset with a gap."""
        async with self._lock:
            if offset > self.written:
                raise ValueError(f"stdin is at {self.written}, so nothing can go to {offset}")
            rest = memoryview(data)[self.written - offset :]
            while rest:
                if self.closed:
                    raise BrokenPipeError("stdin is closed")
                try:
                    count = os.write(self._writer, rest)
                except BlockingIOError:
                    await self._writable()
                    continue
                self.written += count
                rest = rest[count:]

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().remove_writer(self._writer)
            os.close(self._writer)
            self._ready.set()

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        self._ready.clear()
        loop.add_writer(self._writer, self._ready.set)
        try:
            await self._ready.wait()
        finally:
            if not self.closed:
                loop.remove_writer(self._writer)


class Process:
    def __init__(self, machine: Machine, discard_out: bool = False, discard_err: bool = False):
        self._machine = machine
        self.stdin = Input()
        self.stdout = Output(discard_out)
        self.stderr = Output(discard_err)
        self._name = ""
        self.status: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        """Wait status; None: it ended with its sandbox."""
        self.ended = asyncio.Event()

    async def start(self, request: dict[str, Any]) -> None:
        """Raises MachineGone."""
        inside = (self.stdin.reader, self.stdout.writer, self.stderr.writer)
        try:
            self._name = await self._machine.run(request, inside)
        except MachineGone:
            self.close()
            raise
        finally:
            for descriptor in inside:
                os.close(descriptor)

    async def follow(self, timeout_seconds: int) -> None:
        """Until it ended; the time limit kills it."""
        try:
            async with asyncio.timeout(timeout_seconds or None):
                status: int | None = await self._machine.code(self._name)
        except TimeoutError:
            self._machine.kill(self._name)
            status = await self._ended()
        except MachineGone:
            status = None
        self.stdin.close()
        for output in (self.stdout, self.stderr):
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await output.closed.wait()
            except TimeoutError:
                output.finish()
        self.status.set_result(status)
        self.ended.set()

    async def _ended(self) -> int | None:
        try:
            return await self._machine.code(self._name)
        except MachineGone:
            return None

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()
        self.stderr.close()
