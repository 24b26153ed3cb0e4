"""The programs run by the machine's own Python, outside of our environment."""

import ast
import sys
from pathlib import Path

import pytest

import sandbox.backends.local.programs as programs

SOURCES = sorted(Path(programs.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_they_are_written_for_python_3_9(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))

    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    if any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body):
        assert imported[0].module == "__future__", "annotations must not be evaluated"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_they_import_the_standard_library_and_each_other_alone(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            roots = {alias.name.split(".")[0] for alias in node.names}
            assert roots <= sys.stdlib_module_names
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert (node.module or "").split(".")[0] in sys.stdlib_module_names
