"""Sandboxes are killed in the middle of a task, and the thread ends as if nothing was.

A few runs of `make kill-sandbox`, which does many more, and on both backends.
"""

from tests.chaos.kill_sandbox import kill_sandboxes


async def test_a_task_ends_well_though_its_sandbox_was_killed() -> None:
    outcome = await kill_sandboxes("local", runs=3, seed="a few")  # prints what went wrong

    assert outcome.ok, outcome.figures()
