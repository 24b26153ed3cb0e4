"""The patch envelope that coding models write."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools.patch import Hunk, PatchError, apply, parse


def test_a_patch_adds_changes_moves_and_deletes() -> None:
    sections = parse(
        "*** Begin Patch\n*** Add File: a.txt\n+one\n+two\n*** Update File: b.py\n"
        "*** Move to: c.py\n@@ def f():\n-    return 1\n+    return 2\n*** Delete File: d.txt\n"
        "*** End Patch"
    )
    assert [(s.kind, s.path, s.move_to) for s in sections] == [
        ("add", "a.txt", None),
        ("update", "b.py", "c.py"),
        ("delete", "d.txt", None),
    ]
    assert sections[0].lines == ["one", "two"]
    text = "def g():\n    return 1\n\ndef f():\n    return 1\n"
    assert apply(text, sections[1].hunks, "b.py") == (
        "def g():\n    return 1\n\ndef f():\n    return 2\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*** Begin Patch\n*** End Patch",
        "*** Begin Patch\nhello\n*** End Patch",
        "*** Begin Patch\n*** Add File: a\nno plus\n*** End Patch",
        "*** Update File: a\n-x\n+y",
    ],
)
def test_what_is_no_patch_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(PatchError, match=r"\w+ \w+"):
        parse(text)


def test_a_hunk_that_does_not_fit_names_the_file_and_the_lines() -> None:
    with pytest.raises(PatchError, match=r"x\.py: hunk 1 does not fit"):
        apply("a\n", [Hunk("", old=["b"], new=["c"])], "x.py")


def test_trailing_blanks_do_not_stop_a_hunk() -> None:
    assert apply("a  \nb\n", [Hunk("", old=["a", "b"], new=["c"])], "x") == "c\n"


def test_end_of_file_picks_the_last_place() -> None:
    assert apply("a\nb\na\n", [Hunk("", old=["a"], new=["z"], at_end=True)], "x") == "a\nb\nz\n"


line = st.text(st.characters(codec="ascii", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e"))


@given(st.lists(line, min_size=1), st.data())
def test_replacing_a_unique_line_changes_that_line_alone(
    lines: list[str], data: st.DataObject
) -> None:
    numbered = [f"{n} {text}x" for n, text in enumerate(lines)]
    at = data.draw(st.integers(0, len(numbered) - 1))
    changed = apply("\n".join(numbered) + "\n", [Hunk("", old=[numbered[at]], new=["new"])], "f")
    assert changed == "\n".join([*numbered[:at], "new", *numbered[at + 1 :]]) + "\n"


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(PatchError):
        assert parse(f"*** Begin Patch\n{text}\n*** End Patch")
