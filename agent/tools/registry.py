"""Owns the list of tools, their strict schemas, and how a model's call becomes a result.

Unknown names, broken arguments and unusable paths are results the model reads, never exceptions.
"""

import re
from functools import cache
from typing import Any

from pydantic import ValidationError

from agent.llm import ToolCall
from agent.tools import reading
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.files import EDIT, WRITE
from agent.tools.looking import LIST, READ, SEARCH
from agent.tools.patch import PATCH
from agent.tools.people import APPROVE, ASK, FINISH
from agent.tools.preview import PREVIEW
from agent.tools.publish import PULL_REQUEST
from agent.tools.shell import JOB, SHELL
from agent.tools.thread import THREAD
from sandbox import errors

BASIC: list[Tool[Any]] = [SHELL, JOB, READ, WRITE, EDIT, PATCH, LIST, SEARCH, PREVIEW]
PEOPLE: list[Tool[Any]] = [ASK, APPROVE, FINISH]
FOR_REPOSITORIES: list[Tool[Any]] = [PULL_REQUEST]
"""Offered only where the project is a repository that people gave."""
FOR_LONG_THREADS: list[Tool[Any]] = [THREAD]
"""Offered only where more was said than the model is told."""

TOOLS: dict[str, Tool[Any]] = {
    tool.name: tool for tool in (*BASIC, *FOR_REPOSITORIES, *FOR_LONG_THREADS, *PEOPLE)
}
"""All that are done when they are called, offered or not: models call what they were trained on."""

ARGUMENT_BYTES = 1_000_000
_PATCHES = re.compile(r"(?:^|/)(?:gpt-|chatgpt|codex|o\d)", re.IGNORECASE)
"""Models trained on `apply_patch`; the others edit."""


@cache
def schemas(
    model: str, *, repository: bool = False, long_thread: bool = False
) -> tuple[dict[str, Any], ...]:
    """Function tools in the Responses form, for this model. Byte-stable, for the provider's prompt
    cache.

    Args:
        repository: the project is a repository that people gave.
        long_thread: more was said in the thread than the model is told.
    """
    passed_over = EDIT if _PATCHES.search(model) else PATCH
    offered = [
        *BASIC,
        *(FOR_REPOSITORIES if repository else []),
        *(FOR_LONG_THREADS if long_thread else []),
        *PEOPLE,
    ]
    return tuple(
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": _strict(tool.arguments),
            "strict": True,
        }
        for tool in offered
        if tool is not passed_over
    )


Parsed = Arguments | ToolResult
"""A call's arguments, or the error the model should read."""


def parse(call: ToolCall) -> Parsed:
    """The call's arguments, or the error the model should read."""
    tool = TOOLS.get(call.name)
    if tool is None:
        names = ", ".join(TOOLS)
        return problem("unknown_tool", f"There is no tool {call.name[:80]!r}.", f"Tools: {names}.")
    size = len(call.raw.encode("utf-8", "replace"))
    if size > ARGUMENT_BYTES:
        detail = f"arguments: {size} bytes, more than the {ARGUMENT_BYTES} of one call"
        return problem("bad_arguments", detail, "Do it in several calls, or let a command do it.")
    try:
        arguments: Arguments = tool.arguments.model_validate_json(call.raw)
    except ValidationError as error:
        return problem("bad_arguments", _first_of(error), _hint(tool))
    return arguments


def is_parallel(call: ToolCall) -> bool:
    """Whether it may be done together with others like it beside it; see `read_together`."""
    tool = TOOLS.get(call.name)
    return tool is not None and tool.parallel


async def read_together(
    bench: Bench, calls: list[tuple[ToolCall, Arguments]], place: str
) -> list[ToolResult]:
    """Calls for which `is_parallel` holds, all at once, as one journal entry; results in order.

    Raises as `execute`.
    """
    bench.did_something = True
    return await reading.read_together(bench, calls, place, TOOLS)


async def execute(bench: Bench, call: ToolCall, arguments: Arguments, place: str) -> ToolResult:
    """Do the call.

    Raises:
        TerminalError: we were cancelled, or the sandbox is lost to us.
        RolledBack: it came back with earlier files.
    """
    tool = TOOLS[call.name]
    bench.did_something = True
    if tool.run is None:
        return (await read_together(bench, [(call, arguments)], place))[0]
    if tool.mutates:
        await bench.before_change()
    try:
        return await tool.run(bench, arguments, place, call.call_id)
    except errors.FileProblem as error:
        return problem("file", str(error))
    except (errors.SandboxGone, errors.Unreachable) as error:
        return await reading.lost(bench, place, error)
    except (errors.Fenced, errors.Fatal) as error:
        raise reading.as_terminal(error) from error


def _first_of(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "arguments"
    return f"{place}: {first['msg']}"[:400]


def _hint(tool: Tool[Any]) -> str:
    return f"Arguments of {tool.name}: {', '.join(tool.arguments.model_fields)}."


def _strict(model: type[Arguments]) -> dict[str, Any]:
    """The schema as strict function calling takes it: all fields required, no defaults or
    titles."""
    schema: dict[str, Any] = _without(model.model_json_schema(), {"title", "default"})
    schema["required"] = list(schema["properties"])
    schema["additionalProperties"] = False
    schema.pop("description", None)
    return schema


def _without(node: Any, names: set[str]) -> Any:
    if isinstance(node, dict):
        return {
            key: _without(value, set() if key == "properties" else names)
            if key != "properties"
            else {name: _without(field, names) for name, field in value.items()}
            for key, value in node.items()
            if key not in names
        }
    return [_without(item, names) for item in node] if isinstance(node, list) else node
