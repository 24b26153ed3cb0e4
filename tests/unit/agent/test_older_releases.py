"""State that an older release wrote is read by this one."""

import json
from typing import Any

import pytest

from agent import protocol as p
from agent import session
from tests.unit.agent.driven_session import (
    ANA,
    THREAD,
    Driven,
    Expected,
    gestures,
    said,
)

pytestmark = pytest.mark.usefixtures("known_secret")


@pytest.mark.parametrize("seed", range(12))
async def test_a_session_of_an_older_release_goes_on_as_one_of_this_release(seed: int) -> None:
    new = Driven()
    for gesture in gestures(f"before {seed}", 1 + seed):
        await new.make(gesture)
    old = Driven()
    old.object.state = await as_it_was(new)
    old.object.sent, old.expected = list(new.object.sent), new.expected
    assert await old.view() == await new.view()
    assert said((await old.transcript()).entries) == said((await new.transcript()).entries)
    for gesture in gestures(f"after {seed}", 40):
        new.expected = Expected()  # of no interest here
        await new.make(gesture)
        await old.make(gesture)
    assert await old.view() == await new.view()
    assert await old.transcript() == await new.transcript()


async def as_it_was(driven: Driven) -> dict[str, bytes]:
    """The state as the last release would have it: all in one value."""
    if "session" not in driven.object.state:
        return dict(driven.object.state)
    kept = await driven.transcript()
    state = json.loads(driven.object.state["session"])
    for newer in (
        "last_seq", "chunks", "chunked_tasks", "began", "newest_ts", "people", "summary",
        "summarising", "has_project", "stopped_at", "context_rev",
    ):  # fmt: skip
        del state[newer]
    state["entries"] = [entry.model_dump() for entry in kept.entries]
    state["digests"] = [task.model_dump() for task in kept.tasks]
    return {"session": json.dumps(state).encode()}


LAST_RELEASE: dict[str, Any] = {
    "thread": {"team": "T", "channel": "C", "root_ts": "10.0"},
    "title": "Go",
    "initiator": {"user_id": "U0ANA", "name": "Ana", "outsider": False, "groups": []},
    "entries": [
        {
            "seq": 1, "ts": "10.0", "text": "go", "edit": False, "edit_ts": "", "quiet": False,
            "author": {"user_id": "U0ANA", "name": "Ana", "outsider": False, "groups": []},
            "client_msg_id": "a", "taken": [],
            "files": [{"file_id": "F", "name": "d.csv", "mimetype": "", "size_bytes": 0}],
        },
        {
            "seq": 2, "ts": "10.0", "text": "go on", "edit": True, "edit_ts": "11.0",
            "author": {"user_id": "U0BEN", "name": "Ben", "outsider": False, "groups": []},
            "client_msg_id": None, "quiet": False, "files": [], "taken": [],
        },
    ],
    "task": None, "invocation": None, "task_number": 1, "consumed_seq": 2, "waiting": False,
    "stopping": None, "stop_seq": 0,
    "digests": [
        {
            "task": "T:C:10.0/1", "outcome": "answered", "summary": "yes", "request": "Ana: go",
            "feedback": [],
        },
    ],
    "usage": {
        "input": 10, "cached": 0, "cache_write": 0, "output": 5, "reasoning": 0, "cost_usd": 0.25,
    },
    "context": [
        {
            "ts": "09.0", "text": "before", "ours": False, "for_us": True, "client_msg_id": None,
            "author": {"user_id": "U0BEN", "name": "Ben", "outsider": False, "groups": []},
            "files": [],
        },
    ],
    "reading": False, "early_edits": {}, "told_seq": 2, "presence_rev": 5, "closed": False,
}  # fmt: skip
"""A session's state as the last release wrote it."""


async def test_all_that_an_older_release_knew_is_known() -> None:
    driven = Driven()
    driven.object.state["session"] = json.dumps(LAST_RELEASE).encode()
    before = await driven.unread(0)  # read as it is
    await driven.say("10.0", "a", "go", False)  # a repeated delivery moves it
    after = await driven.unread(0)
    assert [m.text for m in after.messages] == ["go", "go on"]
    assert (after.spent_usd, after.has_project) == (0.25, True)
    assert [m.text for m in after.context] == ["before"]
    assert after == before
    assert (await driven.transcript()).tasks == after.digests
    edit = p.MessageEdit(thread=THREAD, ts="10.0", edit_ts="10.5", author=ANA, text="late")
    await session.on_edit(driven.object.context, edit)
    assert (await driven.view()).messages == 2
