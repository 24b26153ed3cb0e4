"""Order and identity of messages: pure functions."""

from hypothesis import given
from hypothesis import strategies as st

from agent import history
from agent import protocol as p

ANA = p.Person(user_id="U0ANA", name="Ana")
BEN = p.Person(user_id="U0BEN", name="Ben")
THREAD = p.ThreadRef(team="T", channel="C", root_ts="1.0")


def entries(*quiet: bool) -> list[p.HistoryEntry]:
    made: list[p.HistoryEntry] = []
    for number, is_quiet in enumerate(quiet, 1):
        message = p.UserMessage(thread=THREAD, ts=f"{number}.0", author=ANA, text=str(number))
        history.append(made, message, quiet=is_quiet)
    return made


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=3), max_size=10))
def test_a_task_that_waits_for_the_lowest_unread_message_is_always_told(
    arrivals: list[list[bool]],
) -> None:
    """Whatever it has read so far: after a loud arrival, of one entry or of several at once, the
    number it waits for has been told, and none is told twice."""
    told: list[int] = []
    for count, arrival in enumerate(arrivals, 1):
        made = entries(*[quiet for one in arrivals[:count] for quiet in one])
        told += history.interrupting(made, told[-1] if told else 0)
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


def test_a_changed_message_reads_as_its_newest_version_and_stands_where_it_was_changed() -> None:
    made = entries(False, False)
    edit = p.MessageEdit(thread=THREAD, ts="1.0", edit_ts="3.0", author=ANA, text="one!")
    history.append_edit(made, edit)
    newest = history.newest_version(made, "1.0")
    assert newest is not None
    assert newest.text == "one!"
    assert [e.text for e in sorted(made, key=history.order)] == ["1", "2", "one!"]


def test_judgements_of_two_people_stand_beside_each_other() -> None:
    digest = p.TaskDigest(task="t", outcome="done", summary="s")
    for by, verdict, at in ((ANA, "good", 1.0), (BEN, "bad", 2.0), (ANA, "bad", 3.0)):
        feedback = p.Feedback.model_validate({"task": "t", "by": by, "verdict": verdict, "at": at})
        digest = history.judged(digest, feedback)
    late = p.Feedback(task="t", by=BEN, verdict="good", at=0.5)  # delivered late
    digest = history.judged(digest, late)
    assert {f.by.user_id: f.verdict for f in digest.feedback} == {"U0ANA": "bad", "U0BEN": "bad"}


def test_a_title_is_the_first_line_shortened() -> None:
    assert history.title_of("  fix it\nplease") == "Fix it"
    assert history.title_of("") == "New session"
    assert len(history.title_of("x" * 200)) == 80
