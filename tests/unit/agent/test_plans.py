"""What a plan is, and how a new one takes over from an interrupted one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import plans
from agent import protocol as p


def draft(**changes: object) -> str:
    step = {"id": "s1", "title": "Write it", "detail": "d", "done_when": "it runs"}
    plan = {"goal": "g", "assumptions": [], "answer": "", "steps": [step]}
    return json.dumps(plan | changes)


def plan(*steps: tuple[str, p.StepStatus]) -> p.Plan:
    return p.Plan(
        goal="g",
        steps=[p.PlanStep(id=i, title=i, detail="", done_when="", status=s) for i, s in steps],
    )


def test_a_plan_is_read_from_the_models_answer() -> None:
    parsed = plans.parse(draft())
    assert [step.id for step in parsed.steps] == ["s1"]
    assert parsed.steps[0].status == "pending"


def test_an_answer_needs_no_steps() -> None:
    assert plans.parse(draft(steps=[], answer="42")).answer == "42"


STEP = {"id": "a", "title": "t", "detail": "", "done_when": ""}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json", "Invalid JSON"),
        (draft(steps=[]), "at least one step"),
        (draft(steps=[STEP, STEP]), "id of its own"),
        (draft(steps=[STEP | {"id": str(n)} for n in range(9)]), "at most 8"),
        (draft(steps=[STEP | {"title": " "}]), "needs a title"),
        (draft(steps=[{"id": "a"}]), "steps.0.title"),
        (draft(surprise=1), "surprise"),
    ],
)
def test_what_is_no_plan_is_told_in_words_the_model_can_use(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        plans.parse(text)


def test_a_new_plan_keeps_what_is_done_and_says_what_is_dropped_and_new() -> None:
    old = plan(("a", "complete"), ("b", "pending"), ("c", "pending"))
    new = plans.take_over(old, plan(("a", "pending"), ("c", "pending"), ("d", "pending")))
    assert [(s.id, s.mark, s.status) for s in new.steps] == [
        ("a", "kept", "complete"),
        ("b", "dropped", "dropped"),
        ("c", "kept", "pending"),
        ("d", "new", "pending"),
    ]
    assert plans.change_note(new, "after Ana wrote again") == (
        "New plan after Ana wrote again: kept 2, dropped 1, new 1."
    )


def test_a_finished_step_the_new_plan_forgets_stays_finished() -> None:
    new = plans.take_over(plan(("a", "complete")), plan(("z", "pending")))
    assert [(s.id, s.status) for s in new.steps] == [("a", "complete"), ("z", "pending")]


def test_steps_dropped_once_are_not_shown_for_ever() -> None:
    once = plans.take_over(plan(("a", "pending")), plan(("b", "pending")))
    twice = plans.take_over(once, plan(("b", "pending")))
    assert [s.id for s in twice.steps] == ["b"]


ids = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
statuses = st.sampled_from(["complete", "pending"])


@given(st.dictionaries(st.sampled_from("abcdefgh"), statuses, max_size=8), ids)
def test_no_finished_work_is_ever_lost_or_done_twice(
    before: dict[str, p.StepStatus], after: list[str]
) -> None:
    old = plan(*before.items())
    new = plans.take_over(old, plan(*((i, "pending") for i in after)))
    done = {i for i, status in before.items() if status == "complete"}
    assert {s.id for s in new.steps if s.status == "complete"} == done
    assert [s.id for s in new.steps if s.status == "pending"] == [i for i in after if i not in done]
    assert len({s.id for s in new.steps}) == len(new.steps)


def test_a_failed_step_is_not_counted_as_new_again() -> None:
    failed = plans.with_step(plan(("a", "pending")), "a", "error", "It is locked.")
    failed = failed.model_copy(
        update={"steps": [s.model_copy(update={"mark": "new"}) for s in failed.steps]}
    )
    around = plans.take_over(failed, plan(("b", "pending")))
    assert plans.change_note(around, "x") == "New plan x: new 1."


def test_a_step_that_is_kept_knows_how_far_it_came() -> None:
    begun = plans.with_step(plan(("a", "pending")), "a", "pending", "Interrupted: wrote a.py")
    again = plans.take_over(begun, plan(("a", "pending"), ("b", "pending")))
    assert [step.digest for step in again.steps] == ["Interrupted: wrote a.py", ""]


# --- other work under the id of a finished step ---------------------------------------------------


def step(id_: str, title: str, done_when: str = "", status: p.StepStatus = "pending") -> p.PlanStep:
    return p.PlanStep(id=id_, title=title, detail="", done_when=done_when, status=status)


def of(*steps: p.PlanStep) -> p.Plan:
    return p.Plan(goal="g", steps=list(steps))


def test_other_work_under_the_id_of_a_finished_step_is_done_under_an_id_of_its_own() -> None:
    old = of(step("s1", "Write the CLI", status="complete"), step("s1-2", "Test it"))
    new = plans.take_over(old, of(step("s1", "Translate the README")))
    assert [(s.id, s.title, s.mark, s.status) for s in new.steps] == [
        ("s1", "Write the CLI", "kept", "complete"),
        ("s1-2", "Test it", "dropped", "dropped"),
        ("s1-3", "Translate the README", "new", "pending"),
    ]


def test_a_finished_step_that_must_now_prove_more_is_other_work() -> None:
    old = of(step("s1", "Write the CLI", "it runs", "complete"))
    new = plans.take_over(old, of(step("s1", "Write the CLI", "it runs with --json")))
    assert [(s.id, s.status) for s in new.steps] == [("s1", "complete"), ("s1-2", "pending")]


def test_a_finished_step_repeated_with_another_full_stop_is_the_same() -> None:
    old = of(step("s1", "Write the CLI", "It runs.", "complete"))
    assert plans.reusing(old, of(step("s1", " write  the CLI", "it runs"))) == []


def test_the_planner_is_told_how_to_name_other_work() -> None:
    old = of(step("s1", "Write the CLI", status="complete"))
    with pytest.raises(ValueError, match="s1 is finished, and you changed its words"):
        plans.refuse_reusing(old, of(step("s1", "Translate the README")))
    plans.refuse_reusing(None, of(step("s1", "Translate the README")))


def test_the_planner_reads_the_words_it_is_to_repeat() -> None:
    old = of(step("s1", "Write the CLI", "it runs", "complete"))
    text = plans.as_text(old, "planner")
    assert text == "- [complete] s1 — Write the CLI\n  done when: it runs"


words = st.sampled_from(["Write", "Test", "write."])
drafted = st.lists(
    st.builds(step, st.sampled_from(["a", "b", "a-2", "c"]), words, words),
    unique_by=lambda s: s.id,
    max_size=4,
)


def work(step: p.PlanStep) -> tuple[str, str, str]:
    return step.id, step.title.casefold().rstrip("."), step.done_when.casefold().rstrip(".")


@given(st.lists(st.tuples(drafted, st.integers(0, 4)), min_size=1, max_size=5))
def test_however_ids_are_reused_nothing_new_is_skipped_and_nothing_finished_is_done_twice(
    rounds: list[tuple[list[p.PlanStep], int]],
) -> None:
    """Each round: the planner's draft, and how many of its steps are finished before the next."""
    plan: p.Plan | None = None
    finished: list[tuple[str, str, str]] = []
    for drafted, steps_done in rounds:
        if not drafted:
            continue
        before = list(finished)
        plan = plans.take_over(plan, of(*drafted))
        ids = [s.id for s in plan.steps]
        assert len(set(ids)) == len(ids)
        ahead = [s for s in plan.steps if s.status == "pending"]
        wanted = [s for s in drafted if work(s) not in before]
        assert [work(s)[1:] for s in ahead] == [work(s)[1:] for s in wanted]
        assert not {work(s) for s in ahead} & set(before)
        assert [work(s) for s in plan.steps if s.status == "complete"] == before
        for _ in range(steps_done):
            if (now := plans.next_step(plan)) is not None:
                finished.append(work(now))
                plan = plans.with_step(plan, now.id, "complete")
