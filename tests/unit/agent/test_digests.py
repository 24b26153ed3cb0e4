"""What is remembered of finished tasks: pure functions."""

from hypothesis import given
from hypothesis import strategies as st

from agent import digests
from agent import protocol as p

ANA = p.Person(user_id="U0ANA", name="Ana")
BEN = p.Person(user_id="U0BEN", name="Ben")


def ended(number: int, summary: str = "It is done.", request: str = "Ana: go") -> p.TaskDigest:
    return p.TaskDigest(task=f"T:C:1/{number}", outcome="done", summary=summary, request=request)


def test_a_digest_names_who_asked_for_what_and_with_which_files() -> None:
    asked = [
        p.HistoryEntry(seq=1, ts="1.0", author=ANA, text="fix it"),
        p.HistoryEntry(
            seq=2, ts="2.0", author=BEN, text="", files=[p.Attachment(file_id="F", name="d.csv")]
        ),
    ]
    done = p.TaskDone(task="T:C:1/1", last_seq=2, outcome="done", summary="fixed")
    made = digests.of(done, asked)
    assert (made.request, made.last_seq) == ("Ana: fix it / Ben: (attached d.csv)", 2)


def test_judgements_of_two_people_stand_beside_each_other() -> None:
    digest = ended(1)
    for by, verdict, at in ((ANA, "good", 1.0), (BEN, "bad", 2.0), (ANA, "bad", 3.0)):
        feedback = p.Feedback.model_validate({"task": "t", "by": by, "verdict": verdict, "at": at})
        digest = digests.judged(digest, feedback)
    late = p.Feedback(task="t", by=BEN, verdict="good", at=0.5)  # delivered late
    digest = digests.judged(digest, late)
    assert {f.by.user_id: f.verdict for f in digest.feedback} == {"U0ANA": "bad", "U0BEN": "bad"}


def test_more_than_eight_tasks_are_summarised_but_for_the_newest_two() -> None:
    eight = [ended(n) for n in range(8)]
    assert digests.due(eight) == []
    assert digests.due([*eight, ended(8)]) == eight[:7]


def test_few_but_long_digests_are_summarised_too() -> None:
    long = [digests.clipped(ended(n, "x" * 9000, "y" * 900)) for n in range(7)]
    assert digests.due(long[:6]) == []
    assert digests.due(long) == long[:5]


def test_a_plain_summary_keeps_the_first_lines_and_its_beginning_and_end() -> None:
    told = digests.plain("Goal: a parser", [ended(1, "\n\nWrote it.\nMore.", "Ana: write\nit")])
    assert told == "Goal: a parser\n- done: Wrote it. (asked: Ana: write)"
    for number in range(200):
        told = digests.plain(told, [ended(number, f"Did thing {number}.")])
    assert len(told) <= digests.SUMMARY_CHARACTERS
    assert told.startswith("Goal: a parser\n")
    assert told.endswith("- done: Did thing 199. (asked: Ana: go)")


@given(st.text("abc\n", max_size=300), st.integers(20, 120))
def test_what_is_cut_is_never_longer_than_allowed(text: str, limit: int) -> None:
    cut = digests.cut(text, limit)
    assert len(cut) == min(len(text), limit)
    assert cut == text or (text.startswith(cut[:1]) and text.endswith(cut[-1:]))
