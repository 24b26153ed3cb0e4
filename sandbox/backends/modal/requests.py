"""Owns one request to the program inside a sandbox: how it gets there, and the frame it answers
with. One request is one exec, so three calls of Modal's API; a large body is uploaded first."""

import base64
import json
import math
import secrets
from typing import Any

import modal
from modal.stream_type import StreamType

from sandbox.backends.answers import Answer
from sandbox.backends.local.channel import raise_error
from sandbox.backends.local.programs import framing
from sandbox.backends.modal import upload
from sandbox.backends.modal.connection import Connection
from sandbox.backends.modal.failures import deadline
from sandbox.backends.modal.program.main import pack
from sandbox.errors import Fatal, Retryable, SandboxGone
from sandbox.image import FOLDERS
from sandbox.protocol import SandboxRef

ARGUMENT_CHARACTERS = 56_000
"""Of one exec at most 64 KiB, with the program's own arguments."""
INLINE_BYTES = 40_000
ANSWER_SECONDS = 60.0
MARGIN_SECONDS = 10.0
UPLOAD_SECONDS = 60.0
NO_PYTHON = (126, 127)


class Requests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(
        self,
        ref: SandboxRef,
        op: str,
        body: bytes | None = None,
        answer_within: float = ANSWER_SECONDS,
        **fields: Any,
    ) -> tuple[Answer, bytes]:
        """Raises what the program answered with, SandboxGone, Retryable or Fatal."""
        request = {"op": op, "generation": ref.generation, **fields}
        try:
            sandbox = await self._connection.sandbox(ref.sandbox_id)
            encoded = await self._encoded(sandbox, request, body)
            frame = await self._run(sandbox, encoded, answer_within)
        except SandboxGone as doubt:
            raise await self._connection.gone_or_retryable(ref.sandbox_id, doubt) from doubt
        if frame is None:
            cut = Retryable("Its answer was cut off.")
            raise await self._connection.gone_or_retryable(ref.sandbox_id, cut)
        raise_error(frame[0])
        return frame

    async def _encoded(
        self, sandbox: modal.Sandbox, request: dict[str, Any], body: bytes | None
    ) -> str:
        """As one argument: whole if it fits, else with its body, or all of it, in a file."""
        if body is None:
            encoded = pack(request)
            if len(encoded) <= ARGUMENT_CHARACTERS:
                return encoded
            body = json.dumps(request).encode()
            request = {"op": request["op"], "more": True}
        elif len(body) <= INLINE_BYTES:
            encoded = pack({**request, "body": base64.b64encode(body).decode()})
            if len(encoded) <= ARGUMENT_CHARACTERS:
                return encoded
        path = f"{upload.INCOMING}/{secrets.token_hex(16)}"
        await self._upload(sandbox, path, body)
        return pack({**request, "body_path": path})

    async def _run(
        self, sandbox: modal.Sandbox, encoded: str, seconds: float
    ) -> tuple[Answer, bytes] | None:
        """The answer; None when it did not arrive whole."""
        line = upload.run_line(encoded)
        output, code = await self._execute(sandbox, line, seconds)
        if code == upload.MISSING:
            await self._install(sandbox)
            output, code = await self._execute(sandbox, line, seconds)
        if code == upload.MISSING:
            raise Fatal("The sandbox does not run our program: its Python is not a usable one.")
        if code in NO_PYTHON:
            raise Fatal("The sandbox has no python3 any more: something in it deleted it.")
        return _frame(output)

    async def _install(self, sandbox: modal.Sandbox) -> None:
        path = f"{upload.HOME}/{secrets.token_hex(16)}.zip"
        await self._upload(sandbox, path, upload.packed())
        _, code = await self._execute(
            sandbox, upload.install_line(path, FOLDERS), ANSWER_SECONDS, wait=True
        )
        if code:
            raise Retryable(f"The sandbox did not take our program (exit code {code}).")

    async def _upload(self, sandbox: modal.Sandbox, path: str, data: bytes) -> None:
        async with deadline("take a file", UPLOAD_SECONDS):
            await sandbox.filesystem.write_bytes.aio(data, path)

    async def _execute(
        self, sandbox: modal.Sandbox, line: list[str], seconds: float, wait: bool = False
    ) -> tuple[bytes, int | None]:
        """What it prints, and its exit code, which is only asked for when there is no answer."""
        async with deadline("run a request in the sandbox", seconds + 2 * MARGIN_SECONDS):
            process = await sandbox.exec.aio(
                *line,
                stderr=StreamType.DEVNULL,
                timeout=math.ceil(seconds + MARGIN_SECONDS),
                text=False,
            )
            output = await process.stdout.read.aio()
            if not wait and _frame(output) is not None:
                return output, None
            return output, await process.wait.aio()


def _frame(output: bytes) -> tuple[Answer, bytes] | None:
    start = framing.LENGTHS.size
    if len(output) < start:
        return None
    try:
        header, body = framing.check_lengths(output[:start])
        if len(output) != start + header + body:
            return None
        return framing.decode_header(output[start : start + header]), output[start + header :]
    except framing.FramingError:
        return None
