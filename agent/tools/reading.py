"""Owns doing calls that only look at the sandbox: together, as one journaled effect.

Their results are in order and each fails by itself, as a value. What a retry of the effect reads
may be newer; what it journals is what the model sees.
"""

import asyncio
from typing import Any

from pydantic import BaseModel
from restate import TerminalError

from agent.llm import ToolCall
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.output import fitted
from sandbox import errors
from sandbox.client import Glance

AT_ONCE = 8


class Results(BaseModel):
    results: list[ToolResult]


async def read_together(
    bench: Bench,
    calls: list[tuple[ToolCall, Arguments]],
    place: str,
    tools: dict[str, Tool[Any]],
) -> list[ToolResult]:
    """Args: `calls` are of tools with `read`.

    Raises as `registry.execute`.
    """
    names = ", ".join(dict.fromkeys(call.name for call, _ in calls))

    async def all_of_them(glance: Glance) -> Results:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, call: ToolCall, arguments: Arguments) -> ToolResult:
            read = tools[call.name].read
            assert read is not None
            job = f"{bench.run_id}/{place}/{number}"
            async with slots:
                try:
                    return await read(glance, arguments, job)
                except errors.FileProblem as error:
                    return problem("file", str(error))

        done = await _settled(*(one(n, *call) for n, call in enumerate(calls, 1)))
        return Results(results=fitted(done))

    try:
        return (await bench.sandbox.look(f"{place}: {names}", all_of_them, Results)).results
    except (errors.SandboxGone, errors.Unreachable) as error:
        return [await lost(bench, place, error)] * len(calls)
    except (errors.Fenced, errors.Fatal) as error:
        raise as_terminal(error) from error


async def _settled(*reads: Any) -> list[ToolResult]:
    """All results, once none is under way any more; else the first error."""
    done: list[ToolResult] = []
    for end in await asyncio.gather(*reads, return_exceptions=True):
        if isinstance(end, BaseException):
            raise end
        done.append(end)
    return done


async def lost(bench: Bench, place: str, error: errors.SandboxError) -> ToolResult:
    """Take the sandbox again after it was lost in the middle of a call, and say so.

    Raises as `Bench.reacquire`, and `error` itself when the sandbox is gone for good.
    """
    told = await bench.reacquire(place)
    if told is None and isinstance(error, errors.SandboxGone):
        raise error
    told = told or "The sandbox could not be reached for some minutes; now it can."
    return problem("sandbox_restarted", told, "Look at the files before you repeat anything.")


def as_terminal(error: errors.SandboxError) -> TerminalError:
    return TerminalError(str(error), metadata={"code": type(error).__name__})
