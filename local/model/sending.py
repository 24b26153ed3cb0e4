"""Owns how a stream is sent: piece by piece at the demo's pace, or broken off by a fault."""

import asyncio
import json
from typing import Any

from aiohttp import web

from local.model.faults import STREAM_FAULTS, Fault
from local.model.frames import Frame


async def send(
    request: web.Request,
    response: web.StreamResponse,
    frames: list[Frame],
    fault: Fault | None,
    pause_seconds: float,
) -> None:
    """Raises ConnectionError when the client went away."""
    broken = fault if fault is not None and fault.kind in STREAM_FAULTS else None
    if broken is not None:
        whole = next(i for i, one in enumerate(frames) if one.last)
        frames = frames[: whole if broken.after_frames is None else broken.after_frames]
    if pause_seconds:
        for one in frames:
            await response.write(one.data)
            if one.pause:
                await asyncio.sleep(pause_seconds)
    else:
        await response.write(b"".join(one.data for one in frames))
    if broken is not None:
        await _break(request, response, broken)


async def _break(request: web.Request, response: web.StreamResponse, fault: Fault) -> None:
    error = {"code": fault.code or "server_error", "message": fault.message, "param": None}
    match fault.kind:
        case "flood" | "endless_line" | "drip":
            await _never_end(request, response, fault)
        case "drop":
            if request.transport is not None:
                request.transport.abort()
        case "stall":
            await asyncio.Event().wait()  # until the client gives up, which cancels us
        case "broken_json":
            await response.write(b'event: response.created\ndata: {"type": "resp\n\n')
        case "error_event":
            flat = json.dumps({"type": "error", **error})
            await response.write(f"event: error\ndata: {flat}\n\n".encode())
        case "nested_error_event":
            nested = json.dumps({"type": "error", "error": {**error, "type": "server_error"}})
            await response.write(f"event: error\ndata: {nested}\n\n".encode())


async def _never_end(request: web.Request, response: web.StreamResponse, fault: Fault) -> None:
    """Until the client gives up, which raises ConnectionError here."""
    if fault.kind == "endless_line":
        await response.write(b"data: ")
    while True:
        match fault.kind:
            case "endless_line":
                await response.write(b"x" * 65_536)
            case "flood":
                await response.write(_delta(request.path, "x" * 16_384))
            case "drip":
                await response.write(_delta(request.path, "x"))
                await asyncio.sleep(0.02)


def _delta(path: str, text: str) -> bytes:
    """One more piece of text, in the words of the API."""
    event: dict[str, Any] = {"type": "response.output_text.delta", "delta": text}
    if path.endswith("/chat/completions"):
        event = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return f"data: {json.dumps(event)}\n\n".encode()
