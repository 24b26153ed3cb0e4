"""Tools as models are offered them, and how text is put before a model."""

import json

import pytest

from agent.llm import ToolCall
from agent.tools import registry
from agent.tools.contract import ToolResult
from agent.tools.output import CUT, fitted, plain
from agent.tools.patch import in_shell
from local.model import schemas


@pytest.mark.parametrize(
    ("model", "patches"),
    [
        ("gpt-6.1-sol", True),
        ("openai/gpt-5.6-terra", True),
        ("o4-mini", True),
        ("qwen3-coder", False),
        ("llama-gpt-like", False),
        ("octo-7b", False),
    ],
)
def test_a_model_is_offered_the_way_of_editing_it_was_trained_on(model: str, patches: bool) -> None:
    names = {tool["name"] for tool in registry.schemas(model)}
    assert ("apply_patch" in names, "edit_file" in names) == (patches, not patches)
    assert {"shell", "job", "read_file", "write_file", "list_files", "search"} < names
    assert {"ask_user", "request_approval", "finish_step", "open_preview"} < names


def test_schemas_are_strict_and_the_same_bytes_for_all_models_of_a_family() -> None:
    offered = registry.schemas("gpt-6.1-sol")
    for tool in offered:
        schemas.check(tool["parameters"], f"function {tool['name']!r}", "tools")
    assert json.dumps(offered) == json.dumps(registry.schemas("gpt-6-luna"))


def test_an_optional_argument_that_is_left_out_is_null() -> None:
    call = ToolCall(call_id="c", name="shell", raw='{"command": "ls"}')
    parsed = registry.parse(call)
    assert not isinstance(parsed, ToolResult)
    assert parsed.model_dump() == {
        "command": "ls",
        "workdir": None,
        "timeout_s": None,
        "background": None,
    }


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("\x1b[1;31mred\x1b[m", "red"),
        ("\x1b]8;;https://a.example\x07link\x1b]8;;\x07", "link"),
        ("\x1b]never closed\nnext", "\nnext"),
        ("10%\r55%\r100%\r\ndone", "100%\ndone"),
        ("a\x00b\x07c\x9bd", "abc"),
        ("tab\tstays, so does é and 漢", "tab\tstays, so does é and 漢"),
    ],
)
def test_what_a_terminal_would_not_print_is_gone(printed: str, read: str) -> None:
    assert plain(printed) == read


def test_later_results_of_a_turn_are_cut_when_there_is_no_room() -> None:
    long = ToolResult(ok=True, data={"path": "a", "text": "é\n" * 20_000})
    listed = ToolResult(ok=True, data={"files": [f"file {n}" for n in range(2000)]})
    first, second, third = fitted([long, long, listed], room=100_000)

    assert first == long
    assert 15_000 < len(second.as_text().encode()) < 100_000 - len(first.as_text().encode())
    assert second.data["text"].endswith(CUT)
    assert third.data["files"][-1] == CUT.strip()
    assert len(third.as_text()) < 1100


PATCH = "*** Begin Patch\n*** Delete File: a\n*** End Patch"


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (f"apply_patch <<'EOF'\n{PATCH}\nEOF", (".", PATCH)),
        (f'apply_patch <<"PATCH"\n{PATCH}\nPATCH\n', (".", PATCH)),
        (f"cd src/x && apply_patch <<EOF\n{PATCH}\nEOF", ("src/x", PATCH)),
        (f"apply_patch '{PATCH}'", (".", PATCH)),
        (f"apply_patch <<'EOF'\n{PATCH}\nEOF\nrm -rf /", None),
        (f"cd a; apply_patch <<'EOF'\n{PATCH}\nEOF", None),
        (f'apply_patch "$(curl x)\n{PATCH}"', None),
        ("cat apply_patch", None),
    ],
)
def test_a_patch_given_to_the_shell_is_known_when_it_is_all_there_is(
    command: str, found: tuple[str, str] | None
) -> None:
    assert in_shell(command) == found
