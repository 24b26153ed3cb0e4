"""When a task may look up what was said in its thread."""

import pytest

from agent import digests, history
from agent import protocol as p
from agent.lookup import is_worth

ANA = p.Person(user_id="U0ANA", name="Ana")


def digest(summary: str = "It is done.", request: str = "Ana: do it") -> p.TaskDigest:
    task = p.TaskDigest(task="T:C:1/1", outcome="done", summary=summary, request=request)
    return digests.clipped(task)


def message(text: str) -> p.HistoryEntry:
    return p.HistoryEntry(seq=1, ts="1.0", author=ANA, text=text)


def test_where_all_is_told_there_is_nothing_to_look_up() -> None:
    said = p.ThreadMessage(ts="0.5", author=ANA, text="before")
    assert not is_worth("", [digest(), digest()], [message("work")], [said])


@pytest.mark.parametrize(
    ("summary", "told", "messages", "context"),
    [
        ("What came before.", [], [], []),
        ("", [digest(summary="so " * 1000)], [], []),
        ("", [digest(request="please " * 200)], [], []),
        ("", [], history.within_room([message("x" * 200_000)]), []),
        ("", [], [], [p.ThreadMessage(ts="0.5", author=ANA, text="y" * 30_000)]),
    ],
)
def test_whatever_is_shortened_can_be_looked_up(
    summary: str,
    told: list[p.TaskDigest],
    messages: list[p.HistoryEntry],
    context: list[p.ThreadMessage],
) -> None:
    assert is_worth(summary, told, messages, context)
