"""How scripts are played and requests are read: pure functions of the raw request."""

import json
from typing import Any

import pytest

from agent import protocol as p
from agent import transcript
from local.model import planner
from local.model.conversation import Row, read
from local.model.refusal import Refusal
from local.model.scenarios import starter, todo_plan
from local.model.script import STEPS, Script, Work, finish, kind_of, next_turn, shell, step, turn
from local.model.sources import source

ANA = p.Person(user_id="U0ANA", name="Ana")
Json = dict[str, Any]


@step("test.branches", "Branch", "", "")
def branches(_: Work) -> Script:
    seen = yield turn(shell("true"), shell("false"))
    if seen[0].passed and not seen.last.passed:
        yield turn(finish("as expected"))
    yield turn(finish("not as expected", outcome="failed"))


def message(seq: int, text: str) -> p.HistoryEntry:
    return p.HistoryEntry(seq=seq, ts=f"1.{seq:06}", author=ANA, text=text)


def work_item(step_id: str, *others: str) -> Json:
    steps = [
        p.PlanStep(id=i, title=f"Do {i}", detail=f"how {i}", done_when="done")
        for i in (step_id, *others)
    ]
    plan = p.Plan(goal="g", steps=steps)
    return transcript.for_worker([message(1, "go")], [], plan, steps[0])[0]


def asked(*items: Json) -> Json:
    return {"instructions": "role: worker", "input": list(items)}


def played(*outputs: tuple[str, int]) -> Json:
    items = [work_item("test.branches", "later")]
    for call_id, code in outputs:
        output = json.dumps({"ok": code == 0, "exit_code": code})
        items.append({"type": "function_call_output", "call_id": call_id, "output": output})
    reply = next_turn(read(asked(*items)))
    return {"names": [c.name for c in reply.calls], "ids": [c.call_id for c in reply.calls]}


def test_a_script_goes_on_where_the_request_says_it_is() -> None:
    first = played()
    assert first["names"] == ["shell", "shell"]
    one, two = first["ids"]
    assert played((one, 0), (two, 1))["names"] == ["finish_step"]


def test_a_turn_is_over_only_when_every_call_is_answered() -> None:
    one, _ = played()["ids"]
    assert played((one, 0))["names"] == ["shell", "shell"]


def test_answers_to_calls_a_fault_made_up_are_not_counted() -> None:
    assert played(("call_fault_12ab", 1))["names"] == ["shell", "shell"]


def test_calls_are_named_anew_each_time_as_a_real_model_would() -> None:
    assert played()["ids"] != played()["ids"]


def test_the_last_step_signs_its_summary() -> None:
    one, two = played()["ids"]
    outputs = [
        {"type": "function_call_output", "call_id": one, "output": '{"exit_code": 0}'},
        {"type": "function_call_output", "call_id": two, "output": '{"exit_code": 1}'},
    ]
    last = next_turn(read(asked(work_item("test.branches"), *outputs)))
    assert json.loads(last.calls[0].arguments)["summary"] == "as expected (scripted demo model)"


def test_a_step_nobody_wrote_is_refused_loudly() -> None:
    with pytest.raises(Refusal, match=r"no script for step 'x\.y'"):
        next_turn(read(asked(work_item("x.y"))))


def test_a_number_behind_an_id_means_the_same_kind_of_step() -> None:
    assert kind_of("todo.readme.2") == "todo.readme"
    assert kind_of("todo.readme") == "todo.readme"
    assert kind_of("todo.readme.x") == ""


def test_every_title_fits_the_plan_message() -> None:
    assert all(len(known.title) <= 60 for known in STEPS.values())


def test_what_people_wrote_is_read_from_the_agents_own_words() -> None:
    messages = [message(1, "build it\n# Must have\nspeed"), message(2, "and test it")]
    digests = [p.TaskDigest(task="t", outcome="done", summary="It works.", request="a to-do CLI")]
    plan = p.Plan(
        goal="g",
        steps=[
            p.PlanStep(
                id="a", title="One", detail="x", done_when="", status="complete", digest="did"
            ),
            p.PlanStep(id="b", title="Two", detail="how two", done_when=""),
        ],
    )
    items = transcript.for_planner([*messages, message(3, "faster")], digests, plan, ["a.py"], 2)
    said = read({"instructions": "role: planner", "input": items})
    assert said.role == "planner"
    assert said.asked_before == ["a to-do CLI"]
    assert said.messages == ["build it\n# Must have\nspeed", "and test it", "faster"]
    assert said.news == ["faster"]
    assert said.rows == [Row("complete", "a", "One"), Row("pending", "b", "Two", "how two")]
    assert said.files == ["a.py"]


@pytest.mark.parametrize(
    "text",
    ["plan first: build a tiny greeter", "build a greeter, tiny (attached: inbox/a.md, 3 B)"],
)
def test_a_starter_is_named_after_what_is_to_be_built_alone(text: str) -> None:
    assert starter.goal(text).startswith("A tested starter package for: build a")
    assert not any(word in starter.goal(text) for word in ("plan", "attached"))


def test_build_this_means_what_the_thread_began_with() -> None:
    before = [
        p.ThreadMessage(ts="0.000001", author=ANA, text="A tiny greeter?"),
        p.ThreadMessage(ts="0.000002", author=ANA, text="In French, too."),
    ]

    def read_as(text: str) -> list[str]:
        items = transcript.for_planner([message(1, text)], [], None, [], 0, before)
        return read({"instructions": "role: planner", "input": items}).messages

    assert read_as("build this, please") == ["A tiny greeter?"]
    assert read_as("build this game") == ["build this game"]


def test_a_wish_replaces_the_step_it_overtakes() -> None:
    rows = [Row("complete", "todo.skeleton", ""), Row("pending", "todo.commands", "")]
    change = todo_plan.change(rows, "use sqlite")
    assert change.replaced == {"todo.commands": "todo.commands_sqlite"}
    assert "todo.sqlite" not in change.added


@pytest.mark.parametrize(
    ("deleted", "left"),
    [("in colour", ["wish.note.2"]), ("something else", [])],
    ids=["noted", "not in the plan"],
)
def test_a_message_that_was_taken_back_takes_its_step_with_it(
    deleted: str, left: list[str]
) -> None:
    noted = [
        p.PlanStep(id=id_, title="Note it", detail=detail, done_when="")
        for id_, detail in (("wish.note", "in colour"), ("wish.note.2", "for cats"))
    ]
    gone = message(2, "").model_copy(update={"seq": 3, "edit": True})
    messages = [message(1, "build it"), message(2, deleted), gone]
    items = transcript.for_planner(messages, [], p.Plan(goal="g", steps=noted), [], 2)
    reply = planner.plan(read({"instructions": "role: planner", "input": items}))
    draft = json.loads(reply.text)
    assert [row["id"] for row in draft["steps"]] == left
    assert bool(draft["answer"])


def test_what_is_built_already_is_not_added_again() -> None:
    rows = [Row("complete", "todo.priorities", ""), Row("pending", "todo.readme", "")]
    assert todo_plan.change(rows, "more priorities").added == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("write a URL shortener with tests", "url_shortener"),
        ("please make me an app that counts 3 sheep", "project"),
        ("class", "class_app"),
        ("Éclair timer!", "eclair_timer"),
        ("", "project"),
    ],
)
def test_packages_are_named_after_requests(text: str, name: str) -> None:
    assert starter.package_name(text) == name


def test_lines_of_a_source_belong_to_features() -> None:
    plain = source("todo", "todo/tasks.py")
    richer = source("todo", "todo/tasks.py", frozenset({"priorities", "details"}))
    assert "priority" not in plain
    assert "#:" not in plain + richer
    assert "priority" in richer
