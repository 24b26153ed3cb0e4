"""The SDK's blocking forms are never used: in a loop they silently do nothing useful."""

import ast
from pathlib import Path

import pytest

import sandbox.backends.modal as ours

FOLDER = Path(ours.__file__).parent
SOURCES = sorted(FOLDER.glob("*.py"))
SDK = {"modal", "client", "opened", "sandbox", "process"}
"""Names that hold the SDK, or objects of it, in these files."""
NOT_CALLS_TO_MODAL = {"modal.Client", "modal.Image.from_id"}


def _chain(node: ast.expr) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_call_of_the_sdk_is_the_asynchronous_form(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            names = _chain(node.func)
            if len(names) > 1 and names[0] in SDK and ".".join(names) not in NOT_CALLS_TO_MODAL:
                assert names[-1] in ("aio", "__aenter__"), f"line {node.lineno}: {names}"


def test_the_check_sees_the_calls_there_are() -> None:
    text = "".join(path.read_text() for path in SOURCES)

    assert text.count(".aio(") >= 15
