"""Order and identity of messages: pure functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import history
from agent import protocol as p

ANA = p.Person(user_id="U0ANA", name="Ana")
BEN = p.Person(user_id="U0BEN", name="Ben")
THREAD = p.ThreadRef(team="T", channel="C", root_ts="1.0")
LONG = "x" * 40_000


def entry(number: int, *, quiet: bool = False, text: str = "") -> p.HistoryEntry:
    return p.HistoryEntry(
        seq=number, ts=f"{number}.0", author=ANA, text=text or str(number), quiet=quiet
    )


def entries(*quiet: bool) -> list[p.HistoryEntry]:
    return [entry(number, quiet=is_quiet) for number, is_quiet in enumerate(quiet, 1)]


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=3), max_size=10))
def test_a_task_that_waits_for_the_lowest_unread_message_is_always_told(
    arrivals: list[list[bool]],
) -> None:
    """Whatever it has read so far: after a loud arrival, of one entry or of several at once, the
    number it waits for has been told, and none is told twice."""
    told: list[int] = []
    for count, arrival in enumerate(arrivals, 1):
        made = entries(*[quiet for one in arrivals[:count] for quiet in one])
        told += history.interrupting(made, len(made), told[-1] if told else 0)
        if not arrival[-1]:
            assert told == [entry.seq for entry in made]
    assert len(set(told)) == len(told)


@given(st.permutations([f"{n}.5" for n in range(6)]))
def test_the_newest_edit_counts_in_whatever_order_edits_come(order: list[str]) -> None:
    edits: dict[str, p.MessageEdit] = {}
    for at in order:
        edit = p.MessageEdit(thread=THREAD, ts="1.0", edit_ts=at, author=ANA, text=at)
        history.keep_early(edits, edit)
    assert edits["1.0"].text == "5.5"


def test_early_edits_are_bounded() -> None:
    edits: dict[str, p.MessageEdit] = {}
    for n in range(200):
        edit = p.MessageEdit(thread=THREAD, ts=f"{n:03}.0", edit_ts="9", author=ANA, text="x")
        history.keep_early(edits, edit)
    assert len(edits) == history.MOST_EARLY_EDITS
    assert "199.0" in edits


def test_early_edits_of_long_messages_are_bounded_too() -> None:
    edits: dict[str, p.MessageEdit] = {}
    for n in range(20):
        edit = p.MessageEdit(thread=THREAD, ts=f"{n:03}.0", edit_ts="9", author=ANA, text=LONG)
        history.keep_early(edits, edit)
    assert list(edits) == ["018.0", "019.0"]


def test_a_changed_message_stands_where_it_was_changed() -> None:
    change = {"seq": 3, "ts": "1.0", "edit": True, "edit_ts": "3.0", "text": "one!"}
    made = [entry(1).model_copy(update=change), entry(1), entry(2)]
    assert [e.text for e in sorted(made, key=history.order)] == ["1", "2", "one!"]


@pytest.mark.parametrize(
    ("edit_ts", "text", "files", "changes"),
    [
        ("6.0", "other", False, True),
        ("6.0", "same", False, False),
        ("4.0", "other", False, False),  # older than what is known
        ("5.0", "other", False, False),
        ("6.0", "", False, True),
    ],
)
def test_only_a_newer_change_of_what_is_read_counts(
    edit_ts: str, text: str, files: bool, changes: bool
) -> None:
    known = entry(1, text="same").model_copy(update={"edit_ts": "5.0"})
    edit = p.MessageEdit(thread=THREAD, ts="1.0", edit_ts=edit_ts, author=ANA, text=text)
    assert history.Identity.of(known).is_changed_by(edit) is changes


def test_of_too_much_to_read_only_the_longest_messages_are_shortened() -> None:
    made = [entry(1), entry(2, text="a" * 400_000), entry(3, text="b" * 50_000), entry(4)]
    read = history.within_room(made)
    assert [read[0], read[2], read[3]] == [made[0], made[2], made[3]]
    assert "characters are left out here" in read[1].text
    assert history.READ_CHARACTERS - 10 < sum(len(e.text) for e in read) <= history.READ_CHARACTERS
    assert history.within_room(read) == read


@given(st.lists(st.integers(0, 40_000), max_size=40))
def test_what_a_task_reads_is_bounded_whatever_is_written(lengths: list[int]) -> None:
    read = history.within_room([entry(n, text="z" * size) for n, size in enumerate(lengths, 1)])
    least = len(lengths) * history.LEAST_CHARACTERS
    assert sum(len(e.text) for e in read) <= max(history.READ_CHARACTERS, least)
    assert [e.seq for e in read] == [n for n, _ in enumerate(lengths, 1)]


@given(st.lists(st.integers(0, 3000), max_size=60))
def test_chunks_hold_everything_in_order_within_their_bounds(lengths: list[int]) -> None:
    made = [entry(n, text="z" * size) for n, size in enumerate(lengths, 1)]
    chunks = history.in_chunks(made, 5, 4000)
    assert [e for chunk in chunks for e in chunk] == made
    for chunk in chunks:
        assert len(chunk) <= 5
        assert len(chunk) <= 1 or sum(len(e.model_dump_json()) for e in chunk) <= 4000


def test_a_title_is_the_first_line_shortened() -> None:
    assert history.title_of("  fix it\nplease") == "Fix it"
    assert history.title_of("") == "New session"
    assert len(history.title_of("x" * 200)) == 80
