"""Owns the list of tools, their strict schemas, and how a model's call becomes a result.

Unknown names, broken arguments and unusable paths are results the model reads, never exceptions.
"""

from functools import cache
from typing import Any

from pydantic import ValidationError
from restate import TerminalError

from agent.llm import ToolCall
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.files import EDIT, LIST, READ, SEARCH, WRITE
from agent.tools.patch import PATCH
from agent.tools.people import ASK, FINISH
from agent.tools.shell import JOB, SHELL
from sandbox import errors

TOOLS: dict[str, Tool[Any]] = {
    tool.name: tool for tool in (SHELL, JOB, READ, WRITE, EDIT, PATCH, LIST, SEARCH, ASK, FINISH)
}


@cache
def schemas() -> tuple[dict[str, Any], ...]:
    """Function tools in the Responses form. Byte-stable, for the provider's prompt cache."""
    return tuple(
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": _strict(tool.arguments),
            "strict": True,
        }
        for tool in TOOLS.values()
    )


def parse(call: ToolCall) -> Arguments | ToolResult:
    """The call's arguments, or the error the model should read."""
    tool = TOOLS.get(call.name)
    if tool is None:
        names = ", ".join(TOOLS)
        return problem("unknown_tool", f"There is no tool {call.name!r}.", f"Tools: {names}.")
    try:
        arguments: Arguments = tool.arguments.model_validate_json(call.raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "arguments"
        return problem("bad_arguments", f"{place}: {first['msg']}")
    return arguments


async def execute(bench: Bench, call: ToolCall, arguments: Arguments, place: str) -> ToolResult:
    """Do the call.

    Raises:
        TerminalError: we were cancelled, or the sandbox is lost to us.
        RolledBack: it came back with earlier files.
    """
    tool = TOOLS[call.name]
    if tool.mutates:
        await bench.before_change()
    try:
        return await tool.run(bench, arguments, place, call.call_id)
    except errors.FileProblem as error:
        return problem("file", str(error))
    except (errors.SandboxGone, errors.Unreachable) as error:
        told = await bench.reacquire(place)
        if told is None and isinstance(error, errors.SandboxGone):
            raise
        told = told or "The sandbox could not be reached for some minutes; now it can."
        return problem("sandbox_restarted", told, "Look at the files before you repeat anything.")
    except (errors.Fenced, errors.Fatal) as error:
        raise TerminalError(str(error), metadata={"code": type(error).__name__}) from error


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
