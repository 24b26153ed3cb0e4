"""Names of attached files, from anybody, as names that do no harm anywhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.attachments import RESERVED, _paths, safe_name
from agent.protocol import Attachment


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("data.csv", "data.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        (" \n\t", "file"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("--help.txt", "help.txt"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("COM1.log", "_COM1.log"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\u200bb\x00c.txt", "abc.txt"),
        ("my report (final).pdf", "my_report_final.pdf"),
        ("a;rm -rf ~.sh", "a_rm_-rf.sh"),
        ("$(reboot).sh", "reboot.sh"),
        ("Übersicht 日本語.md", "Übersicht_日本語.md"),
        ("U\u0308bersicht.md", "Übersicht.md"),
        ("🦀.rs", "🦀.rs"),
        ("trailing.", "trailing"),
        ("snake_case.py", "snake_case.py"),
        ("x" * 300 + ".csv", "x" * 92 + ".csv"),
        ("no." + "x" * 300, "no." + "x" * 93),
    ],
)
def test_a_name_becomes_a_harmless_one(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@given(st.text(max_size=400))
def test_no_name_does_harm(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= 100
    assert len(safe.encode()) <= 200
    assert safe[0] not in ".-"
    assert safe not in (".", "..")
    assert not set(safe) & set("/\\ \n\t\"'`$;&|<>*?:()[]{}!~#%^")
    assert all(unicodedata.category(char)[0] in "LNMSP" for char in safe)
    assert safe.split(".")[0].casefold() not in RESERVED
    assert safe_name(safe) == safe  # asked again, the same


@given(st.lists(st.sampled_from(["a.txt", "A.TXT", "a-2.txt", "x" * 300 + ".txt", "", "é"])))
def test_paths_of_a_message_never_meet(names: list[str]) -> None:
    files = [Attachment(file_id=str(n), name=name) for n, name in enumerate(names)]
    paths = _paths(files, {"inbox/a.txt"})
    assert len({path.casefold() for path in [*paths, "inbox/a.txt"]}) == len(paths) + 1
    assert all(len(path.removeprefix("inbox/")) <= 100 for path in paths)
