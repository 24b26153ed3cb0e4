"""Owns the task command router: commands, their input and output, snapshots, network policy."""

# ruff: noqa: N802  # methods are named like the RPCs they answer
from __future__ import annotations

from typing import Any

from grpclib import Status
from grpclib.server import Stream
from modal_proto import task_command_router_pb2 as router_pb2

from tests.fakes.modal import rules
from tests.fakes.modal.account import Account
from tests.fakes.modal.dispatch import Metadata, metadata_of, received
from tests.fakes.modal.faults import refusal
from tests.fakes.modal.machine import MachineGone
from tests.fakes.modal.process import Output, Process
from tests.fakes.modal.sandbox import ENTRYPOINT, Sandbox, exit_code

DEVNULL_OUT = router_pb2.TASK_EXEC_STDOUT_CONFIG_DEVNULL
DEVNULL_ERR = router_pb2.TASK_EXEC_STDERR_CONFIG_DEVNULL
STDERR = router_pb2.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR


class Router:
    def __init__(self, account: Account) -> None:
        self._account = account

    async def TaskExecStart(
        self, request: router_pb2.TaskExecStartRequest, metadata: Metadata
    ) -> router_pb2.TaskExecStartResponse:
        sandbox = self._running(request.task_id, metadata)
        rules.check_arguments(request.command_args)
        if not request.command_args:
            raise refusal(Status.INVALID_ARGUMENT, "There is no command")
        if request.workdir and not request.workdir.startswith("/"):
            raise refusal(Status.INVALID_ARGUMENT, f"workdir {request.workdir!r} is not absolute")
        try:
            await sandbox.launch(
                request.exec_id,
                request.command_args,
                workdir=request.workdir,
                environment=self._account.environment(request.secret_sources),
                timeout_seconds=request.timeout_secs,
                discard=(
                    request.stdout_config == DEVNULL_OUT,
                    request.stderr_config == DEVNULL_ERR,
                ),
            )
        except MachineGone as error:
            raise refusal(Status.NOT_FOUND, str(error)) from error
        return router_pb2.TaskExecStartResponse()

    async def TaskExecStdioRead(self, stream: Stream[Any, Any]) -> None:
        request = await received(stream)
        process = self._process(request, metadata_of(stream))
        output = process.stderr if request.file_descriptor == STDERR else process.stdout
        async for chunk in output.since(request.offset):
            await stream.send_message(router_pb2.TaskExecStdioReadResponse(data=chunk))

    async def SandboxStdioReadV2(self, stream: Stream[Any, Any]) -> None:
        request = await received(stream)
        sandbox = self._sandbox(request.task_id, metadata_of(stream))
        process = sandbox.processes.get(ENTRYPOINT)
        if process is None:
            if sandbox.result is None:
                await sandbox.ended.wait()
            return
        stderr = request.file_descriptor == router_pb2.SANDBOX_STDIO_FILE_DESCRIPTOR_STDERR
        output: Output = process.stderr if stderr else process.stdout
        offset = request.offset
        async for chunk in output.since(offset):
            await stream.send_message(
                router_pb2.SandboxStdioReadV2Response(data=chunk, starting_offset=offset)
            )
            offset += len(chunk)

    async def TaskExecStdinWrite(
        self, request: router_pb2.TaskExecStdinWriteRequest, metadata: Metadata
    ) -> router_pb2.TaskExecStdinWriteResponse:
        process = self._process(request, metadata)
        with self._running(request.task_id, metadata).activity():
            await _write(process, request.offset, request.data, request.eof)
        return router_pb2.TaskExecStdinWriteResponse()

    async def TaskExecStdinWriteStream(self, stream: Stream[Any, Any]) -> None:
        """Start, data, end; without the end, standard input stays open and can be resumed."""
        first = await received(stream)
        if not first.HasField("start"):
            raise refusal(Status.INVALID_ARGUMENT, "The stream does not begin with a start")
        process = self._process(first.start, metadata_of(stream))
        with self._running(first.start.task_id, metadata_of(stream)).activity():
            offset = first.start.offset
            async for message in stream:
                if message.HasField("end"):
                    process.stdin.close()
                    break
                await _write(process, offset, message.data, False)
                offset += len(message.data)
        await stream.send_message(router_pb2.TaskExecStdinWriteStreamResponse())

    async def TaskExecStdinStatus(
        self, request: router_pb2.TaskExecStdinStatusRequest, metadata: Metadata
    ) -> router_pb2.TaskExecStdinStatusResponse:
        stdin = self._process(request, metadata).stdin
        return router_pb2.TaskExecStdinStatusResponse(
            num_bytes_written=stdin.written, closed=stdin.closed
        )

    async def TaskExecPoll(
        self, request: router_pb2.TaskExecPollRequest, metadata: Metadata
    ) -> router_pb2.TaskExecPollResponse:
        process = self._process(request, metadata)
        self._running(request.task_id, metadata)
        if not process.status.done():
            return router_pb2.TaskExecPollResponse()
        return router_pb2.TaskExecPollResponse(code=exit_code(process.status.result()))

    async def TaskExecWait(
        self, request: router_pb2.TaskExecWaitRequest, metadata: Metadata
    ) -> router_pb2.TaskExecWaitResponse:
        process = self._process(request, metadata)
        await process.ended.wait()
        status = process.status.result()
        if status is None:
            raise refusal(Status.NOT_FOUND, "The sandbox has ended")
        return router_pb2.TaskExecWaitResponse(code=exit_code(status))

    async def TaskSnapshotFilesystem(
        self, request: router_pb2.TaskSnapshotFilesystemRequest, metadata: Metadata
    ) -> router_pb2.TaskSnapshotFilesystemResponse:
        sandbox = self._running(request.task_id, metadata)
        if request.ttl_seconds != -1 and request.ttl_seconds <= 0:
            raise refusal(Status.INVALID_ARGUMENT, "ttl_seconds has to be positive or -1")
        try:
            with sandbox.activity():
                image_id = await self._account.images.snapshot(
                    request.snapshot_id, sandbox.root, sandbox.image, request.ttl_seconds
                )
        except OSError as error:
            self._running(request.task_id, metadata)  # else it ended meanwhile: not found
            raise refusal(Status.INTERNAL, f"The snapshot failed: {error}") from error
        return router_pb2.TaskSnapshotFilesystemResponse(image_id=image_id)

    async def TaskSetNetworkAccess(
        self, request: router_pb2.TaskSetNetworkAccessRequest, metadata: Metadata
    ) -> router_pb2.TaskSetNetworkAccessResponse:
        sandbox = self._running(request.task_id, metadata)
        rules.check_network(request.network_access)
        policy = sandbox.definition.network_access
        if policy.network_access_type != request.network_access.network_access_type:
            raise refusal(
                Status.FAILED_PRECONDITION, "The kind of network policy is set at creation"
            )
        policy.CopyFrom(request.network_access)
        return router_pb2.TaskSetNetworkAccessResponse()

    def _sandbox(self, task_id: str, metadata: Metadata) -> Sandbox:
        self._account.tokens.check_router(metadata, task_id)
        return self._account.find_task(task_id)

    def _running(self, task_id: str, metadata: Metadata) -> Sandbox:
        sandbox = self._sandbox(task_id, metadata)
        if sandbox.result is not None or sandbox.machine is None:
            raise refusal(Status.NOT_FOUND, "The sandbox has ended")
        return sandbox

    def _process(self, request: Any, metadata: Metadata) -> Process:
        process = self._sandbox(request.task_id, metadata).processes.get(request.exec_id)
        if process is None:
            raise refusal(Status.NOT_FOUND, f"No exec {request.exec_id}")
        return process


async def _write(process: Process, offset: int, data: bytes, eof: bool) -> None:
    try:
        await process.stdin.write(offset, data)
    except BrokenPipeError as error:
        raise refusal(Status.FAILED_PRECONDITION, "Nobody reads standard input") from error
    except ValueError as error:
        raise refusal(Status.OUT_OF_RANGE, str(error)) from error
    if eof:
        process.stdin.close()
