"""Owns the model of the loop's bench: a process that answers at once and notes when it was asked.

The wire is that of `local.model`, whose strictness and delays would be most of what is measured
here; any model's name will do. Each turn of a task calls one command; after the last one its step
ends. What a loop needs for a turn is the time between an answer of ours and its next request. Of a
task whose name begins with `held`, the request for the last command is not answered the first time.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from typing import Any

from local.model import Reply, call, chat_wire, responses_wire
from local.model.usage import Tokens

TASK = re.compile(rb"bench task (\w+) of (\d+) turns")
"""What a request must say: whose it is, and how many commands are called."""
FINISH = {"outcome": "done", "summary": "All commands ran.", "files": [], "checks": []}
MINI_SUBMITS = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
TOKENS = Tokens(input=1200, cached=1024, cache_write=0, output=30, reasoning=0)
Json = dict[str, Any]


class Asked:
    """One request: when it was there, when it was answered (monotonic seconds), its bytes."""

    def __init__(self, size_bytes: int) -> None:
        self.arrived = time.monotonic()
        self.answered = 0.0
        self.size_bytes = size_bytes


class Model:
    def __init__(self) -> None:
        self._asked: dict[str, list[Asked]] = defaultdict(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"content-length: *(\d+)", head, re.I)
                body = await reader.readexactly(int(found[1]) if found else 0)
                writer.write(await self._answer(head.split(b" ", 2)[1].decode(), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, path: str, body: bytes) -> bytes:
        if path.startswith("/asked/"):
            told = [[a.arrived, a.answered, a.size_bytes] for a in self._asked[path[7:]]]
            return _http("application/json", json.dumps(told).encode())
        if path == "/v1/models":  # asked for at start
            return _http("application/json", b'{"object": "list", "data": []}')
        asked = Asked(len(body))
        named = TASK.search(body)
        if named is None:
            raise ValueError(f"{path}: no bench task is named in {body[:200]!r}")
        task, turns = named[1].decode(), int(named[2])
        self._asked[task].append(asked)
        if task.startswith("held") and len(self._asked[task]) == turns:
            await asyncio.Event().wait()  # until the connection ends
        answer = _reply(path, json.loads(body), task, turns)
        asked.answered = time.monotonic()
        return answer


def _reply(path: str, request: Json, task: str, turns: int) -> bytes:
    chat = path.endswith("/chat/completions")
    model = request["model"]
    done = _outputs(request["messages"] if chat else request["input"])
    tools = [tool.get("name") or tool["function"]["name"] for tool in request.get("tools") or []]
    if done < turns:
        reply = Reply(calls=(call(*_command(tools, task, done + 1)),), model=model)
    elif "finish_step" in tools:
        reply = Reply(calls=(call("finish_step", FINISH),), model=model)
    elif "bash" in tools:  # mini-swe-agent ends by a command
        reply = Reply(calls=(call("bash", {"command": MINI_SUBMITS}),), model=model)
    else:
        reply = Reply(text="All commands ran.", model=model)
    wire = chat_wire if chat else responses_wire
    if not request.get("stream"):
        whole = json.dumps(wire.answer(request, reply, TOKENS)).encode()
        return _http("application/json", whole)
    frames = b"".join(frame.data for frame in wire.stream(request, reply, TOKENS))
    return _http("text/event-stream", frames)


def _outputs(items: list[Json]) -> int:
    return sum(i.get("role") == "tool" or i.get("type") == "function_call_output" for i in items)


def _command(tools: list[str], task: str, turn: int) -> tuple[str, Json]:
    command = f"echo turn {turn} of {task}"
    if "finish_step" in tools:
        return "shell", {"command": command, "workdir": None, "timeout_s": None, "background": None}
    return tools[0], {"command": command}


def _http(kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def main(port: int) -> None:
    server = await asyncio.start_server(Model().serve, "127.0.0.1", port, limit=2**26)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
