"""Limits are kept, nobody starves, and what was taken comes back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from restate import TerminalError

from agent import protocol as p
from agent.model import CALL_LIMIT, Patience, Trouble
from agent.seats import (
    CALL_SECONDS,
    CROWDED_SECONDS,
    FIRST_SEATS,
    LONGEST_PAUSE_SECONDS,
    PASS_CALLS,
    PASS_SECONDS,
    STEP_SECONDS,
    Book,
)

SESSIONS = st.sampled_from(["a", "b", "c", "d"])


def asks(ticket: str, session: str = "a", tokens: int = 0, **limits: int) -> p.SeatRequest:
    bounds = p.ProviderLimits(**limits)
    return p.SeatRequest(ticket=ticket, session=session, tokens=tokens, limits=bounds)


def worked(ticket: str, tokens: int = 0) -> p.SeatReturn:
    return p.SeatReturn(ticket=ticket, calls=1, answered=1, tokens=tokens)


def refused(
    ticket: str = "", *, at: float, after: float | None = None, began: float | None = None
) -> p.SeatReturn:
    began = at if began is None else began
    return p.SeatReturn(ticket=ticket, calls=1, refused=p.Refused(began=began, at=at, after=after))


class Callers(RuleBasedStateMachine):
    """Any number of callers, of whom some die, against one book that is stored after each step."""

    @initialize(concurrency=st.none() | st.integers(1, 5), rate=st.none() | st.integers(1, 120))
    def begin(self, concurrency: int | None, rate: int | None) -> None:
        self.limits = p.ProviderLimits(concurrency=concurrency, calls_per_minute=rate)
        self.book, self.now = Book(), 1000.0
        self.entered: dict[str, int] = {}
        """By ticket: its rank, and below by whom it was overtaken."""
        self.admitted: list[str] = []
        self.withdrawn: set[str] = set()

    def stored(self) -> None:
        self.book = Book.model_validate_json(self.book.model_dump_json())

    def admit(self) -> None:
        held = self.book.held_until
        for ticket, granted in self.book.admit(self.now):
            assert ticket not in self.admitted, "a seat was granted twice"
            assert ticket in self.entered
            assert ticket not in self.withdrawn
            assert self.now >= held
            assert granted.until > self.now
            self.admitted.append(ticket)
            assert len(self.book.seats) <= self.book.most
        if self.limits.concurrency:
            assert len(self.book.seats) <= self.limits.concurrency
        self.stored()

    @rule(session=SESSIONS)
    def enter(self, session: str) -> None:
        ticket = f"t{len(self.entered)}"
        request = p.SeatRequest(ticket=ticket, session=session, limits=self.limits)
        self.book.enter(request)
        self.book.enter(request)
        self.entered[ticket] = next(w.rank for w in self.book.waiting if w.ticket == ticket)
        self.admit()

    @precondition(lambda self: self.book.seats)
    @rule(data=st.data(), how=st.sampled_from(["worked", "refused", "told", "failed"]))
    def give_back(self, data: st.DataObject, how: str) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.book.seats)))
        returned = {
            "worked": worked(ticket),
            "refused": refused(ticket, at=self.now),
            "told": refused(ticket, at=self.now, after=2.0),
            "failed": p.SeatReturn(ticket=ticket, calls=1),
        }[how]
        self.book.leave(returned, self.now)
        self.admit()

    @precondition(lambda self: self.book.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from([w.ticket for w in self.book.waiting]))
        self.book.leave(p.SeatReturn(ticket=ticket), self.now)
        self.withdrawn.add(ticket)
        self.admit()

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 60.0, CALL_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.admit()

    @invariant()
    def those_who_wait_are_looked_at_in_time(self) -> None:
        at = self.book.next_moment(self.now)
        assert (at is None) == (not self.book.waiting)
        if at is not None:
            assert at > self.now, "somebody waits who could be seated"

    @invariant()
    def only_earlier_ranks_were_served_first(self) -> None:
        for one in self.book.waiting:
            later = [t for t in self.admitted if self.entered[t] > one.rank]
            overtaken = [t for t in later if int(t[1:]) > int(one.ticket[1:])]
            assert not overtaken

    def teardown(self) -> None:
        if not hasattr(self, "book"):
            return
        for _ in range(3 * len(self.entered) + 3):  # all callers may die, and all are served
            at = self.book.next_moment(self.now)
            if at is None:
                break
            self.now = at
            self.admit()
        assert not self.book.waiting
        assert set(self.admitted) | self.withdrawn == set(self.entered)


TestCallers = Callers.TestCase
TestCallers.settings = settings(max_examples=120, stateful_step_count=40)


@given(st.integers(1, 90), st.lists(st.floats(0.0, 30.0), min_size=5, max_size=120))
@settings(max_examples=80)
def test_no_minute_sees_more_calls_than_allowed(rate: int, pauses: list[float]) -> None:
    book, now, begun = Book(), 1000.0, list[float]()
    for number, pause in enumerate(pauses):
        book.enter(asks(f"t{number}", f"s{number}", calls_per_minute=rate, concurrency=1))
        while not book.seats:
            now = max(now, book.next_moment(now) or now)
            book.admit(now)
        begun.append(now)
        book.leave(worked(f"t{number}"), now)
        now += pause
    for first in begun:
        assert sum(first <= at < first + 60.0 for at in begun) <= rate


def test_a_session_that_asks_for_much_lets_others_in_between() -> None:
    book = Book()
    for number in range(6):
        book.enter(asks(f"greedy {number}", "greedy", concurrency=1))
    book.enter(asks("b", "b", concurrency=1))
    book.enter(asks("c", "c", concurrency=1))
    served = []
    for second in range(8):
        [(ticket, _)] = book.admit(1000.0 + second)
        served.append(ticket)
        book.leave(worked(ticket), 1000.0 + second)
    assert served.index("b") <= 4
    assert served.index("c") <= 5


def test_quiet_times_have_passes_and_busy_ones_single_calls() -> None:
    book = Book()
    passes = []
    for number in range(6):
        book.enter(asks(f"t{number}", f"s{number}", concurrency=4))
        passes += [granted.calls for _, granted in book.admit(1000.0)]
    assert passes == [PASS_CALLS, PASS_CALLS, 1, 1]


def test_a_pass_takes_no_more_than_half_of_what_the_minute_allows() -> None:
    book = Book()
    book.enter(asks("t", calls_per_minute=60))
    [(_, granted)] = book.admit(1000.0)
    assert granted.calls == 5  # a burst is 10


def test_tokens_are_taken_as_expected_and_settled_as_used() -> None:
    book = Book()
    book.enter(asks("t1", tokens=9_000, tokens_per_minute=60_000))
    assert [ticket for ticket, _ in book.admit(1000.0)] == ["t1"]
    book.enter(asks("t2", tokens=9_000, tokens_per_minute=60_000))
    assert book.admit(1000.0) == []
    book.leave(worked("t1", tokens=500), 1000.0)
    assert [ticket for ticket, _ in book.admit(1000.0)] == ["t2"]


def test_a_call_larger_than_the_bucket_goes_when_the_bucket_is_full() -> None:
    book = Book()
    book.enter(asks("t1", tokens=90_000, tokens_per_minute=6_000))
    assert [ticket for ticket, _ in book.admit(1000.0)] == ["t1"]


def test_a_refusal_halves_the_seats_once_and_holds_everyone_as_long_as_it_says() -> None:
    book, now = Book(), 1000.0
    for number in range(8):
        book.enter(asks(f"t{number}", f"s{number}", concurrency=8))
    assert len(book.admit(now)) == 8
    book.leave(refused("t0", at=now + 1, after=3), now + 1)
    assert book.most == 3  # seven worked, as far as we know
    book.leave(refused("t1", at=now + 1, after=3), now + 1)
    assert book.most == 3  # the same wave
    book.enter(asks("late", "late", concurrency=8))
    for number in range(2, 8):
        book.leave(worked(f"t{number}"), now + 2)
    assert book.admit(now + 3.9) == []
    assert book.next_moment(now + 3.9) == now + 4
    assert [ticket for ticket, _ in book.admit(now + 4)] == ["late"]


def test_seats_grow_back_fast_to_what_worked_and_then_by_steps() -> None:
    book, now = Book(), 1000.0

    def round_of_calls(now: float) -> int:
        tickets = [ticket for ticket, _ in book.admit(now)]
        for ticket in tickets:
            book.leave(worked(ticket), now)
        return len(tickets)

    for number in range(2000):
        book.enter(asks(f"t{number}", f"s{number}", concurrency=100))
    taken = [ticket for ticket, _ in book.admit(now)]
    assert len(taken) == 100
    book.leave(refused(taken[0], at=now, after=1), now)
    for ticket in taken[1:]:
        book.leave(worked(ticket), now)
    now += 1
    assert [round_of_calls(now) for _ in range(4)] == [49, 98, 99, 99]
    now += STEP_SECONDS
    assert [round_of_calls(now) for _ in range(2)] == [99, 100]


def test_a_provider_that_refuses_for_days_is_asked_every_quarter_of_a_minute() -> None:
    book, now = Book(), 1000.0
    for number in range(1100):
        book.enter(asks(f"t{number}", concurrency=1))
        now = max(now, book.next_moment(now) or now)
        assert book.admit(now)
        book.leave(refused(f"t{number}", at=now), now)
    assert book.held_until == now + LONGEST_PAUSE_SECONDS


@pytest.mark.parametrize("bound", [{"calls_per_minute": 6}, {"concurrency": 2}])
def test_seats_that_nobody_lacks_do_not_grow(bound: dict[str, int]) -> None:
    book, now = Book(), 1000.0
    book.leave(refused(at=now, after=1), now)
    for number in range(1500):
        book.enter(asks(f"a{number}", "a", **bound))
        book.enter(asks(f"b{number}", "b", **bound))
        now = max(now + STEP_SECONDS, book.next_moment(now) or now)
        for ticket, _ in book.admit(now):
            book.leave(worked(ticket), now)
        book = Book.model_validate_json(book.model_dump_json())
    assert book.learned is not None
    assert book.learned <= FIRST_SEATS


def test_without_any_limit_a_stampede_s_refusals_teach_one() -> None:
    book, now = Book(), 1000.0
    for _ in range(500):
        book.leave(refused(at=now, after=1), now + 5)  # heard late
    assert book.most == FIRST_SEATS
    assert book.held_until == now + 5


def test_what_was_learned_is_forgotten_after_a_quiet_time() -> None:
    book, now = Book(), 1000.0
    book.leave(refused(at=now, after=1), now)
    book.admit(now)
    assert book.crowded(now + CROWDED_SECONDS - 1)
    book.admit(now + CROWDED_SECONDS)
    assert not book.crowded(now + CROWDED_SECONDS)
    assert book.learned is None


def test_a_seat_of_somebody_who_died_comes_back() -> None:
    book = Book()
    book.enter(asks("dead", concurrency=1))
    book.admit(1000.0)
    book.enter(asks("next", "b", concurrency=1))
    at = book.next_moment(1000.0)
    assert at == 1000.0 + CALL_SECONDS
    assert [ticket for ticket, _ in book.admit(at)] == ["next"]


def test_an_idle_pass_does_not_keep_others_waiting_for_long() -> None:
    book = Book()
    book.enter(asks("idle", concurrency=2))
    assert book.admit(1000.0)[0][1].until == 1000.0 + PASS_SECONDS
    for number in range(2):
        book.enter(asks(f"t{number}", f"s{number}", concurrency=2))
    book.admit(1000.0)
    at = book.next_moment(1000.0)
    assert at is not None
    assert at <= 1000.0 + 4 * PASS_SECONDS


# --- how long the troubles of one call are borne --------------------------------------------------


FAILED, LIMITED = Trouble(began=0.0), Trouble(began=0.0, limited=True, after=5.0)


def test_waits_double_up_to_ten_seconds_and_what_the_server_says_is_kept_exactly() -> None:
    patience = Patience()
    waits = [patience.wait(FAILED, 0.0, 1.0) for _ in range(8)]
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert patience.wait(Trouble(began=0.0, after=3.0), 0.0, 0.5) == 3.0


def test_a_server_that_fails_for_twenty_minutes_is_given_up() -> None:
    limit = CALL_LIMIT.total_seconds()
    patience = Patience()
    patience.wait(FAILED, 0.0, 1.0)
    patience.wait(FAILED, limit / 2, 1.0)
    with pytest.raises(TerminalError, match="could not be reached for 20 minutes"):
        patience.wait(FAILED, limit, 1.0)


def test_a_server_that_refuses_for_its_limits_is_well_and_is_waited_for() -> None:
    limit = CALL_LIMIT.total_seconds()
    patience = Patience()
    patience.wait(FAILED, 0.0, 1.0)
    assert patience.wait(LIMITED, limit / 2, 1.0) == 0.0
    assert patience.wait(FAILED, limit + 1, 1.0) > 0
