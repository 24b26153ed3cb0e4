"""How a plan looks while it is worked on, and after."""

from typing import Any

from agent import protocol as p
from bot.views import render
from tests.unit.bot.shown import THREAD, kinds
from tests.unit.bot.slack_rules import parsed_texts


def plan(**more: Any) -> p.PlanBody:
    lines = [
        p.StepLine(id="1", title="Set up the project", status="complete", mark="kept"),
        p.StepLine(id="2", title="Write the parser", status="in_progress", mark="new"),
        p.StepLine(id="3", title="Write a web page", status="dropped", mark="dropped"),
        p.StepLine(id="4", title="Write tests", status="pending"),
    ]
    return p.PlanBody(title="To-do CLI", steps=lines, started_at=1712000000.0, **more)


def test_a_running_plan_shows_steps_marks_activity_and_a_way_to_stop() -> None:
    message = render(plan(note="Kept step 1."), THREAD.key, "running pytest -q")
    assert kinds(message) == ["plan", "context", "context", "context", "actions"]
    titles = [task["title"] for task in message.blocks[0]["tasks"]]
    assert titles == ["Set up the project (kept)", "Write the parser (new)", "Write tests"]
    said = list(parsed_texts(message.blocks))
    assert said[0] == "Dropped: Write a web page"
    assert said[2].startswith("*Working* · since <!date^1712000000^{time}|")
    assert said[2].endswith(" · running pytest -q")
    assert message.blocks[-1]["elements"][0]["value"] == THREAD.key
    assert message.text == "To-do CLI: working, 1 of 3 steps done, now: Write the parser"


def test_a_finished_plan_says_how_long_it_took_and_has_no_buttons() -> None:
    message = render(plan(state="done", finished_at=1712000125.0), THREAD.key, "old activity")
    assert "actions" not in kinds(message)
    assert list(parsed_texts(message.blocks))[-1] == "*Done* · 2 min 5 s"


def test_a_long_plan_folds_around_the_current_step() -> None:
    lines = [
        p.StepLine(id=str(n), title=f"step {n}", status="complete" if n < 30 else "pending")
        for n in range(50)
    ]
    message = render(p.PlanBody(title="Long", steps=lines), THREAD.key)
    titles = [task["title"] for task in message.blocks[0]["tasks"]]
    assert titles == [f"step {n}" for n in range(25, 45)]
    assert "30 of 50 steps done; 30 are not shown here" in list(parsed_texts(message.blocks))


def test_a_plan_is_headed_by_its_goal_and_says_what_it_assumes_while_it_can_be_changed() -> None:
    assumed = [f"thing {n} <!here>" for n in range(7)]
    message = render(plan(assumptions=assumed), THREAD.key)
    assert message.blocks[0]["title"] == "Goal: To-do CLI"
    [line] = [text for text in parsed_texts(message.blocks) if text.startswith("Assumed: ")]
    assert line.startswith("Assumed: thing 0 &lt;!here&gt; · thing 1")
    assert line.endswith("thing 4 &lt;!here&gt; · and 2 more")
    over = render(plan(assumptions=assumed, state="done"), THREAD.key)
    assert not any(text.startswith("Assumed") for text in parsed_texts(over.blocks))


def test_the_plain_plan_says_states_in_words_and_signs() -> None:
    message = render(plan(), THREAD.key, plain=True)
    assert kinds(message)[0] == "section"
    assert message.blocks[0]["text"]["text"] == (
        "*Goal: To-do CLI*\n☑ Set up the project (kept)\n"
        "▸ Write the parser (new) – now\n☐ Write tests"
    )
