"""Paths in a sandbox: where they start, and that none leads out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import FileProblem
from sandbox.paths import ROOTS, absolute, slug


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".", "/project"),
        ("src/app.py", "/project/src/app.py"),
        ("./src//../app.py", "/project/app.py"),
        ("/project/app.py", "/project/app.py"),
        ("//project/app.py", "/project/app.py"),
        ("/tmp/x", "/tmp/x"),
        ("/home/sandbox/.bashrc", "/home/sandbox/.bashrc"),
        ("../home/sandbox/x", "/home/sandbox/x"),
    ],
)
def test_a_path_starts_at_the_project(path: str, expected: str) -> None:
    assert absolute(path) == expected


@pytest.mark.parametrize(
    "path", ["", "..", "/", "/etc/passwd", "a/../..", "/projects", "/home/ana", "x\0y", "x" * 5000]
)
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(FileProblem, match=r"\.$"):
        absolute(path)


@given(st.text(alphabet="./ab~\\", max_size=30))
def test_no_spelling_leads_out(path: str) -> None:
    try:
        found = absolute(path)
    except FileProblem:
        return
    assert found in ROOTS or found.startswith(tuple(f"{root}/" for root in ROOTS))
    assert ".." not in found.split("/")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("URL shortener, v2!", "url-shortener-v2"),
        ("../../etc", "etc"),
        ("日本語", "project"),
        ("", "project"),
        ("a" * 80, "a" * 50),
    ],
)
def test_a_title_becomes_a_file_name_of_any_desktop(title: str, expected: str) -> None:
    assert slug(title) == expected
