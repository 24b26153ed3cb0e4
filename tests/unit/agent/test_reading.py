"""What a task has read of its thread."""

from typing import cast

from restate import WorkflowContext

from agent import protocol as p
from agent.reading import Reading

THREAD = p.ThreadRef(team="T", channel="C", root_ts="2.0")


def test_an_older_message_that_comes_late_does_not_change_who_asked() -> None:
    reading = Reading(cast(WorkflowContext, None), THREAD, 0)
    ana, ben = p.Person(user_id="U0ANA"), p.Person(user_id="U0BEN")
    reading.messages = [
        p.HistoryEntry(seq=2, ts="1.0", author=ben, text="late", quiet=True),
        p.HistoryEntry(seq=1, ts="2.0", author=ana, text="begin"),
    ]
    assert reading.requester == ana
