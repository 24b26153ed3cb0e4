"""Every demo scenario, played to the end with real commands: the projects it leaves must work."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from agent.llm import LLM
from local.model import ScriptedModel
from tests.integration.llm.driver import Thread

TODO = "build a to-do CLI with tests"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )


def its_tests_pass(folder: Path) -> bool:
    ran = run(folder, "/usr/bin/python3", "-m", "unittest", "-q")
    return ran.returncode == 0 and "Ran 0 tests" not in ran.stderr


def todo(folder: Path, *words: str) -> str:
    ran = run(folder, "/usr/bin/python3", "-m", "todo", *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def ids(thread: Thread, status: str = "complete") -> list[str]:
    assert thread.plan is not None
    return [step.id for step in thread.plan.steps if step.status == status]


async def test_the_todo_list_is_built_its_bug_found_and_repaired(llm: LLM, folder: Path) -> None:
    thread = Thread(llm, folder)
    await thread.task(TODO)
    steps = ["skeleton", "commands", "tests", "readme", "tidy"]
    assert ids(thread) == [f"todo.{name}" for name in steps]
    tests = next(run for run in thread.runs if run.step_id == "todo.tests")
    assert tests.commands.count("python3 -m unittest -q") == 2
    assert "repaired" in tests.summary
    assert its_tests_pass(folder)
    assert todo(folder, "add", "Call", "Sam") == "added 1: Call Sam"


async def test_the_last_summary_and_the_plan_say_who_wrote_them(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    plan = await thread.task("fix the failing test")
    assert "scripted demo model" in plan.assumptions[0]
    assert [run.summary.endswith("(scripted demo model)") for run in thread.runs] == [
        False,
        False,
        True,
    ]


async def test_tidying_up_removes_ignored_files_once_approved(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task(TODO)
    assert thread.asked == ["git clean -fdX"]
    assert not (folder / "tasks.json").exists()


async def test_a_denied_clean_up_is_left_out_and_told(responses_llm: LLM, folder: Path) -> None:
    thread = Thread(responses_llm, folder, approve=False)
    await thread.task(TODO)
    assert "not approved" in thread.runs[-1].summary
    assert (folder / "tasks.json").exists()
    assert its_tests_pass(folder)


async def test_a_change_of_mind_keeps_finished_steps_and_adds_new_ones(
    llm: LLM, folder: Path
) -> None:
    thread = Thread(llm, folder)
    plan = await thread.task(TODO, {"todo.tests": "also add priorities, please"})
    marks = {step.id: step.mark for step in plan.steps}
    assert marks == {
        "todo.skeleton": "kept",
        "todo.commands": "kept",
        "todo.tests": "kept",
        "todo.priorities": "new",
        "todo.readme": "kept",
        "todo.tidy": "kept",
    }
    assert its_tests_pass(folder)
    todo(folder, "add", "Buy milk")
    todo(folder, "add", "Pay the rent", "--priority", "high")
    assert todo(folder, "list").splitlines()[0].endswith("Pay the rent  (high)")
    assert "--priority" in (folder / "README.md").read_text()


async def test_sqlite_instead_of_json_moves_the_list(responses_llm: LLM, folder: Path) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task(TODO, {"todo.readme": "use SQLite instead of JSON"})
    assert "todo.sqlite" in ids(thread)
    todo(folder, "add", "Buy milk")
    with closing(sqlite3.connect(folder / "tasks.db")) as db:
        assert db.execute("SELECT title FROM tasks").fetchall() == [("Buy milk",)]
    assert its_tests_pass(folder)


async def test_sqlite_before_there_is_any_storage_replaces_that_step(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task(TODO, {"todo.commands": "keep it in SQLite, not in JSON"})
    assert ids(thread, "dropped") == ["todo.commands"]
    assert "todo.commands_sqlite" in ids(thread)
    assert "sqlite3" in (folder / "todo/storage.py").read_text()
    assert its_tests_pass(folder)


async def test_changes_add_up(responses_llm: LLM, folder: Path) -> None:
    thread = Thread(responses_llm, folder)
    interrupts = {
        "todo.commands": "add due dates",
        "todo.due": "and priorities",
        "todo.priorities": "and put it in a database",
    }
    await thread.task(TODO, interrupts)
    built = {"todo.due", "todo.priorities", "todo.sqlite"}
    assert built <= set(ids(thread))
    assert its_tests_pass(folder)
    todo(folder, "add", "Pay", "--priority", "high", "--due", "2026-12-01")
    assert todo(folder, "list") == "[ ]   1  Pay  (high)  due 2026-12-01"


async def test_a_wish_no_script_knows_is_noted_and_found_by_a_function(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task(TODO, {"todo.tests": 'make the output colourful - it\'s "too grey"'})
    assert "wish.note" in ids(thread)
    assert 'make the output colourful - it\'s "too grey"' in (folder / "README.md").read_text()
    assert its_tests_pass(folder)


async def test_a_question_in_the_middle_is_answered_and_changes_nothing(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    plan = await thread.task(TODO, {"todo.readme": "how far are you?"})
    assert [step.mark for step in plan.steps] == [""] * 5
    assert len(ids(thread)) == 5


async def test_days_later_a_new_task_builds_on_the_finished_project(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task(TODO)
    plan = await thread.task("now add priorities")
    assert [step.id for step in plan.steps] == ["todo.priorities", "todo.readme"]
    assert its_tests_pass(folder)
    plan = await thread.task("and release it")
    assert [step.id for step in plan.steps] == ["risky.check", "risky.commit", "risky.push"]


async def test_a_soak_test_is_a_long_command_that_a_change_replaces(
    responses_llm: LLM, server: ScriptedModel, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    message = "add priorities"
    started = await thread.task(TODO + ", and soak test it", {"todo.tests": message})
    assert [s.id for s in started.steps if s.mark == "dropped"] == ["todo.soak"]
    assert "todo.soak_again" in ids(thread)
    raw = json.dumps([recorded.body for recorded in server.requests])
    assert "soak.py --seconds 5" in raw


@pytest.mark.parametrize(("approve", "words"), [(True, "on origin"), (False, "not approved")])
async def test_a_release_is_pushed_only_with_an_approval(
    responses_llm: LLM, folder: Path, approve: bool, words: str
) -> None:
    thread = Thread(responses_llm, folder, approve=approve)
    await thread.task("publish a release")
    assert thread.asked == ["git push .git/demo-origin.git main --tags"]
    assert words in thread.runs[-1].summary
    pushed = run(folder, "git", "ls-remote", "--tags", ".git/demo-origin.git")
    assert ("v0.1.0" in pushed.stdout) is approve


async def test_who_says_no_to_the_push_is_not_asked_again(responses_llm: LLM, folder: Path) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task("publish a release", {"risky.push": "no, do not push anything"})
    assert ids(thread, "dropped") == ["risky.push"]
    assert ids(thread) == ["risky.check", "risky.commit"]
    assert thread.asked == []


@pytest.mark.parametrize("approve", [True, False])
async def test_cleaning_up_deletes_only_with_an_approval(
    responses_llm: LLM, folder: Path, approve: bool
) -> None:
    thread = Thread(responses_llm, folder, approve=approve)
    await thread.task("clean up the repository")
    assert thread.asked == ["git clean -fdx"]
    assert (folder / "tests/__pycache__").exists() is not approve
    assert (folder / "textstats.py").exists()


@pytest.mark.parametrize("text", [TODO, "clean up", "publish a release"])
async def test_without_git_the_work_goes_on_and_says_what_was_left_out(
    responses_llm: LLM, folder: Path, text: str
) -> None:
    programs = folder.parent / "bin"
    programs.mkdir()
    for name in ("bash", "python3", "ls", "rm"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    thread = Thread(responses_llm, folder, programs=str(programs))
    await thread.task(text)
    assert thread.asked == []
    assert [run.outcome for run in thread.runs if run.outcome != "done"] == []
    assert "git is not installed" in thread.runs[-1].summary
    assert its_tests_pass(folder)


async def test_a_failing_test_is_reproduced_repaired_and_proven(llm: LLM, folder: Path) -> None:
    thread = Thread(llm, folder)
    await thread.task("please fix the failing test")
    assert ids(thread) == ["fix.reproduce", "fix.repair", "fix.prove"]
    assert "max(merged[-1][1], end)" in (folder / "intervals.py").read_text()
    assert its_tests_pass(folder)


async def test_a_repair_in_a_thread_with_other_files_leaves_them_alone(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task("build a unit converter")
    await thread.task("now fix the failing test")
    await thread.task("fix the failing test again")
    assert [run.outcome for run in thread.runs] == ["done"] * 7
    assert "repaired before" in thread.runs[-2].summary
    assert (folder / "converter.py").exists()
    assert its_tests_pass(folder)


async def test_an_open_request_is_asked_about_and_the_choice_is_built(
    llm: LLM, folder: Path
) -> None:
    thread = Thread(llm, folder, choice="A number guessing game")
    await thread.task("build something")
    assert (folder / "guess.py").exists()
    assert its_tests_pass(folder)


async def test_an_open_question_nobody_answers_blocks_the_task(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task("build something nice")
    assert thread.runs[-1].outcome == "blocked"


async def test_a_written_answer_to_the_question_is_taken(responses_llm: LLM, folder: Path) -> None:
    thread = Thread(responses_llm, folder)
    plan = await thread.task("build something", {"builds.choose": "a unit converter would do"})
    assert [step.mark for step in plan.steps] == ["dropped", "kept"]
    assert (folder / "converter.py").exists()


async def test_a_free_answer_to_the_question_gets_a_starter(
    responses_llm: LLM, folder: Path
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task("build something", {"builds.choose": "a chess engine"})
    assert (folder / "chess_engine/__main__.py").exists()
    assert its_tests_pass(folder)


@pytest.mark.parametrize(
    ("request_text", "package"),
    [
        ("write a URL shortener with a web page, tests and docs", "url_shortener"),
        ("Bitte {baue} \"einen\" Rechner für 'Brüche' \\ {name}", "bitte_baue_einen"),
        ("json", "json_app"),
        ("请写一个程序", "project"),
    ],
)
async def test_any_other_request_gets_a_tested_starter_named_after_it(
    responses_llm: LLM, folder: Path, request_text: str, package: str
) -> None:
    thread = Thread(responses_llm, folder)
    await thread.task(request_text)
    assert (folder / package / "__main__.py").exists()
    assert len(ids(thread)) == 3
    assert its_tests_pass(folder)


@pytest.mark.parametrize("text", ["what can you do?", "hello!", "Who are you?"])
async def test_a_question_is_answered_without_any_step(
    responses_llm: LLM, folder: Path, text: str
) -> None:
    plan = await Thread(responses_llm, folder).task(text)
    assert plan.steps == []
    assert "scripted demo model" in plan.answer
