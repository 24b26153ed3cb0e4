"""Owns how a peer is driven: a line of task names is one round, whose tasks run at once.

Peers run in an environment of their own, as `python peer.py <address of the model>`; each round is
answered by one line of JSON. Who asks measures time and CPU from outside, the same way for all.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable


def text_of(task: str, turns: str) -> str:
    """What people ask for; the scripted model knows a task by it."""
    return f"bench task {task} of {turns} turns"


async def rounds(run: Callable[[str], Awaitable[object]]) -> None:
    """Args: `run` works on one task, given what people ask for."""
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        turns, *tasks = line.split()
        await asyncio.gather(*(run(text_of(task, turns)) for task in tasks))
        print(json.dumps({"tasks": len(tasks)}), flush=True)


async def shell(command: str) -> str:
    """How every asyncio loop here runs a command."""
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return output.decode()
