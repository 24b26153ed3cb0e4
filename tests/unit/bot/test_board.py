"""When what is shown: newest wins, ordinary edits keep a distance, urgent ones do not wait."""

from typing import Any

from agent import protocol as p
from bot.board import Board, slot_name
from bot.slot import MOST_FAILURES, Slot
from tests.unit.bot.shown import ask

THREAD = p.ThreadRef(team="T0LOCAL", channel="C0BUILD", root_ts="1712000000.000100")
NOW = 1000.0


def event(body: p.Body, rev: int, slot: str = "plan:t/1", urgent: bool = False) -> p.ThreadEvent:
    return p.ThreadEvent(thread=THREAD, slot=slot, rev=rev, urgent=urgent, body=body)


def plan(current: str = "1", state: p.PlanState = "working") -> p.PlanBody:
    lines = [
        p.StepLine(id=n, title=n, status="in_progress" if n == current else "pending")
        for n in ("1", "2")
    ]
    return p.PlanBody(title="x", steps=lines, state=state)


def shown_plan() -> Slot:
    slot = Slot()
    assert slot.accept(event(plan(), 1))
    slot.settle_shown(NOW, "1.1")
    return slot


def activity(text: str, rev: int) -> p.ThreadEvent:
    return event(p.ActivityBody(text=text), rev, slot="activity:t/1")


def test_old_and_repeated_revisions_change_nothing() -> None:
    slot = shown_plan()
    assert not slot.accept(event(plan("2"), 1))
    assert slot.accept(event(plan("2"), 3))
    assert not slot.accept(event(plan("1"), 2))
    assert isinstance(slot.body, p.PlanBody)
    assert slot.body.steps[1].status == "in_progress"


def test_a_body_equal_to_the_one_on_screen_costs_no_call() -> None:
    assert not shown_plan().accept(event(plan(), 2))


def test_the_first_post_and_urgent_edits_are_due_at_once() -> None:
    assert Slot(body=plan()).due_at(NOW, urgent=False) == NOW
    assert shown_plan().due_at(NOW + 0.1, urgent=True) == NOW + 0.1


def test_changes_that_come_together_settle_into_one_edit() -> None:
    slot = shown_plan()
    slot.accept(event(plan("2"), 2))
    assert slot.due_at(NOW + 0.1, urgent=False) == NOW + 1.0
    assert slot.due_at(NOW + 60, urgent=False) == NOW + 60.3


def test_edits_for_activity_alone_thin_out() -> None:
    slot, at, gaps = shown_plan(), NOW, []
    for n in range(7):
        assert slot.accept(activity(f"doing {n}", n))
        due = slot.due_at(at, urgent=False)
        gaps.append(due - at)
        slot.settle_shown(due, "")
        at = due
    assert gaps == [5, 5, 10, 20, 40, 60, 60]


def test_a_state_change_does_not_wait_for_the_activitys_distance() -> None:
    slot = shown_plan()
    slot.accept(activity("compiling", 1))
    assert slot.due_at(NOW, urgent=False) == NOW + 5
    slot.accept(event(plan("2"), 2))
    assert slot.due_at(NOW, urgent=False) == NOW + 1


def test_an_activity_ends_with_its_step() -> None:
    slot = shown_plan()
    slot.accept(activity("compiling", 1))
    slot.accept(event(plan("2"), 2))
    assert slot.activity == ""


def test_an_activity_before_its_plan_or_after_its_end_shows_nothing_by_itself() -> None:
    slot = Slot()
    assert not slot.accept(activity("early", 1))
    slot = shown_plan()
    slot.accept(event(plan(state="done"), 2))
    slot.settle_shown(NOW, "")
    assert not slot.accept(activity("late", 2))
    assert slot.body is None


def test_an_activity_belongs_to_the_message_of_its_plan() -> None:
    assert slot_name(activity("x", 1)) == "plan:t/1"


def test_a_decided_approval_is_forgotten_and_an_open_one_is_kept() -> None:
    slot = Slot()
    slot.accept(event(p.ApprovalBody(request=ask()), 1, slot="approval:x"))
    slot.settle_shown(NOW, "1.1")
    assert slot.body is not None
    outcome = p.ApprovalOutcome(verdict="denied")
    slot.accept(event(p.ApprovalBody(request=ask(), outcome=outcome), 2, slot="approval:x"))
    slot.settle_shown(NOW, "")
    assert slot.ts == "1.1"
    assert _is_forgotten(slot)


def _is_forgotten(slot: Slot) -> bool:
    return slot.body is None


def test_a_deleted_message_is_not_edited_again() -> None:
    slot = shown_plan()
    slot.gone = True
    assert not slot.accept(event(plan("2"), 2))


def test_failures_back_off_and_end() -> None:
    slot, waits = shown_plan(), []
    while slot.back_off(NOW):
        waits.append(slot.not_before - NOW)
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert max(waits) == 300
    assert len(waits) == MOST_FAILURES


def test_urgent_comes_before_ordinary_and_then_in_order() -> None:
    board = Board()
    board.add("note:1", NOW, urgent=False)
    board.add("note:2", NOW, urgent=False)
    board.add("approval:1", NOW, urgent=True)
    board.add("plan:1", NOW + 5, urgent=False)
    order: list[Any] = []
    while (name := board.next_due(NOW)) is not None:
        order.append(name)
        board.remove(name)
    assert order == ["approval:1", "note:1", "note:2"]
    assert board.wake_at() == NOW + 5


def test_an_urgent_change_pulls_its_waiting_slot_forward() -> None:
    board = Board()
    board.add("plan:1", NOW + 5, urgent=False)
    board.add("plan:1", NOW, urgent=True)
    assert board.next_due(NOW) == "plan:1"
    assert board.pending["plan:1"].urgent


def test_a_refused_rich_form_is_remembered_for_its_kind() -> None:
    board, slot = Board(), Slot(body=plan())
    assert board.form_of(slot) == "rich"
    assert board.plainer(slot)
    assert board.form_of(slot) == "plain"
    assert board.form_of(Slot(body=plan())) == "plain"
    assert board.form_of(Slot(body=p.NoteBody(text="x"))) == "rich"
    assert board.plainer(slot)
    assert board.form_of(slot) == "text"
    assert not board.plainer(slot)


def test_presence_differing_in_free_text_alone_is_the_same_while_nobody_sees_that_text() -> None:
    board, slot = Board(), Slot()
    first = event(p.PresenceBody(state="processing", text="planning…"), 1, slot="presence")
    second = event(p.PresenceBody(state="processing", text="working…"), 2, slot="presence")
    assert slot.accept(board.as_shown(first))
    slot.settle_shown(NOW, "")
    assert not slot.accept(board.as_shown(second))
    board.next_presence()
    assert slot.accept(board.as_shown(second.model_copy(update={"rev": 3})))


def test_a_presence_that_was_never_shown_leaves_its_title_to_the_next() -> None:
    slot = Slot()
    first = p.PresenceBody(state="processing", title="To-do", initiator="U0ANA")
    assert slot.accept(event(first, 1, slot="presence"))
    assert slot.accept(event(p.PresenceBody(state="suspended"), 2, slot="presence"))
    assert slot.body == first.model_copy(update={"state": "suspended"})
    slot.settle_shown(NOW, "")
    assert slot.accept(event(p.PresenceBody(state="processing"), 3, slot="presence"))
    assert slot.body == p.PresenceBody(state="processing")


def test_a_step_that_waits_for_people_turns_its_plan_to_waiting_and_back() -> None:
    slot = shown_plan()
    asks = p.ActivityBody(text="waiting for approval", waiting=True)
    assert slot.accept(event(asks, 1, slot="activity:t/1"))
    assert isinstance(slot.face, p.PlanBody)
    assert slot.face.state == "waiting"
    assert slot.due_at(NOW + 0.1, urgent=False) == NOW + 1.0  # a change of state, not mere activity
    slot.settle_shown(NOW + 1, "")
    assert slot.accept(activity("`git clean`", 2))
    assert slot.face == slot.body


def test_a_plan_whose_next_step_begins_waits_no_more() -> None:
    slot = shown_plan()
    slot.accept(event(p.ActivityBody(text="asks", waiting=True), 1, slot="activity:t/1"))
    slot.accept(event(plan("2"), 2))
    assert isinstance(slot.face, p.PlanBody)
    assert slot.face.state == "working"


def held_back(slot: str, body: p.Body) -> tuple[Board, Slot]:
    """Something that waits for its turn."""
    board, held = Board(), Slot()
    assert held.accept(event(body, 1, slot=slot))
    board.add(slot, NOW, urgent=False)
    board.wait_for_turn(slot, "m", NOW, 60)
    return board, held


def test_eyes_that_the_budget_held_back_until_we_had_spoken_are_left_out() -> None:
    board, slot = held_back("reaction:1:eyes", p.ReactionBody(ts="1.1"))
    assert not board.is_pointless("reaction:1:eyes", slot)
    board.spoke_at = NOW + 1
    assert board.is_pointless("reaction:1:eyes", slot)


def test_eyes_are_shown_however_much_was_said_when_there_is_budget() -> None:
    board, slot = Board(spoke_at=NOW + 1), Slot()
    slot.accept(event(p.ReactionBody(ts="1.1"), 1, slot="reaction:1:eyes"))
    board.add("reaction:1:eyes", NOW, urgent=False)
    assert not board.is_pointless("reaction:1:eyes", slot)


def test_a_reaction_that_was_never_shown_is_not_taken_away() -> None:
    board, slot = held_back("reaction:1:eyes", p.ReactionBody(ts="1.1", on=False))
    assert board.is_pointless("reaction:1:eyes", slot)
    slot.note_try(NOW)
    assert not board.is_pointless("reaction:1:eyes", slot)


def test_the_end_of_a_session_that_never_began_to_show_is_left_out() -> None:
    board, slot = held_back("presence", p.PresenceBody(state="active"))
    assert board.is_pointless("presence", slot)
    slot.note_try(NOW)  # without an answer: it may have begun
    assert not board.is_pointless("presence", slot)
    board, slot = held_back("presence", p.PresenceBody(state="suspended"))
    assert not board.is_pointless("presence", slot)


def test_a_change_of_what_waits_its_turn_waits_with_it_and_an_urgent_one_asks_anew() -> None:
    board, _ = held_back("plan:t/1", plan())
    board.add("plan:t/1", NOW + 1, urgent=False)
    assert board.next_due(NOW + 1) is None
    assert board.has_place("plan:t/1", "m", NOW + 1)
    board.add("plan:t/1", NOW + 1, urgent=True)
    assert board.next_due(NOW + 1) == "plan:t/1"
    assert not board.has_place("plan:t/1", "m", NOW + 1)


def test_a_turn_makes_due_what_waited_for_it_and_nothing_else() -> None:
    board, _ = held_back("plan:t/1", plan())
    board.add("note:1", NOW, urgent=False)
    board.wait_for_turn("note:1", "other", NOW, 60)
    board.turn("m", NOW + 5)
    assert board.next_due(NOW + 5) == "plan:t/1"
    assert set(board.places) == {"other"}


def test_a_thread_that_is_not_called_asks_again() -> None:
    board, _ = held_back("plan:t/1", plan())
    assert board.wake_at() == NOW + 60
    assert not board.has_place("plan:t/1", "m", NOW + 60)


def test_what_a_task_has_spent_is_kept_also_when_there_is_nothing_new_to_show() -> None:
    slot = shown_plan()
    for rev, usd in ((2, 0.2), (1, 0.1)):
        body = p.ActivityBody(text="`make`", spent=p.Spent(known_usd=usd))
        slot.accept(event(body, rev, slot="activity:t/1"))
    body = p.ActivityBody(text="`make`", spent=p.Spent(known_usd=0.3))
    assert not slot.accept(event(body, 3, slot="activity:t/1"))
    assert slot.spent == p.Spent(known_usd=0.3)
