"""The evaluations themselves: what is solved passes, what is not fails, whatever the model says."""

import argparse
from typing import Any

from tests.evals import cases, steering
from tests.evals.__main__ import play


def told(**given: Any) -> argparse.Namespace:
    shared = {"model": "scripted", "limit": 0, "at_once": 2, "idle": False, "only": ""}
    return argparse.Namespace(**{**shared, **given})


async def test_solved_tasks_pass_and_tasks_left_alone_do_not() -> None:
    solved = await play(told(suite=["own"], only="re"))
    alone = await play(told(suite=["own"], only="re", idle=True))
    assert len(solved) == len(alone) > 3
    assert all(score.passed for score in solved), solved
    assert not any(score.passed for score in alone), alone


async def test_steered_threads_end_with_what_was_asked_last_and_no_late_write() -> None:
    scores = await play(told(suite=["steering"], only="revise"))
    assert len(scores) == 5
    assert all(score.passed and score.late_writes == 0 for score in scores), scores


def test_a_command_that_goes_on_beside_a_later_one_is_counted() -> None:
    apart = {".marks/a": "10 11 12", ".marks/b": "13 14"}
    beside = {".marks/a": "10 11 15", ".marks/b": "13 14"}
    assert (steering.late_writes(apart), steering.late_writes(beside)) == (0, 1)


def test_there_are_fifteen_tasks_and_thirty_threads_each_with_a_name_of_its_own() -> None:
    names = [case.name for case in cases.own()]
    threads = [thread.name for thread in steering.threads()]
    assert (len(set(names)), len(set(threads))) == (15, 30)
    assert all(case.check and (case.solution or case.answer) for case in cases.own())
