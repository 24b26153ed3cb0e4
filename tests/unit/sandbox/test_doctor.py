"""The table of `make doctor`, as a person reads it."""

from sandbox.doctor import WIDTH, summary, table
from sandbox.protocol import Finding

OK = Finding(what="bubblewrap", state="ok", detail="0.8.0")
LIMITED = Finding(
    what="limits", state="limited", detail="best effort: " + "word " * 40, fix="fix " * 40
)
FAILED = Finding(what="network", state="failed", detail="open")


def test_no_line_is_longer_than_a_terminal() -> None:
    assert max(map(len, table("local", True, [OK, LIMITED, FAILED]))) <= WIDTH


def test_details_begin_in_one_column_and_go_on_there() -> None:
    lines = list(table("local", True, [OK, LIMITED]))

    column = lines[1].index("0.8.0")
    assert lines[0] == "local, in use"
    assert lines[2].index("best effort") == column
    assert lines[3][:column].strip() == ""
    assert lines[3][column] == "w"


def test_a_fix_stands_below_what_it_is_for() -> None:
    lines = list(table("local", False, [LIMITED]))

    arrow = next(i for i, text in enumerate(lines) if "→" in text)
    assert lines[arrow].strip().startswith("→ fix fix")
    assert lines[0] == "local"


def test_the_summary_names_what_is_weak_or_what_failed() -> None:
    assert "limits (make doctor)" in summary([OK, LIMITED])
    assert summary([OK, FAILED]) == "Sandboxes do not work: open"
    assert "all protection" in summary([OK])
