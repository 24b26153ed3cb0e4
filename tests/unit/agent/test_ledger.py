"""The budgets that tasks share: nothing is spent twice, nothing is lost, none is passed by much."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import protocol as p
from agent.ledger import HELD_SECONDS, Books

DAY = 86_400.0
NOON = 1_795_348_800.0  # 2026-11-22 12:00 UTC
CHANNELS = ("C1", "C2")
LIMITS = {"channel": 2.0, "day": 3.0}


def lines(**limits: float) -> list[p.BudgetLine]:
    return [p.BudgetLine.model_validate({"name": n, "limit_usd": v}) for n, v in limits.items()]


def draw(books: Books, task: str, spent: float, now: float = NOON, **more: Any) -> p.Drawn:
    given_ = {"channel": "C1", "limits": lines(**LIMITS), "spent_usd": spent} | more
    return books.draw(p.Draw.model_validate({"task": task} | given_), now)


def settle(books: Books, task: str, spent: float, now: float = NOON, **more: Any) -> None:
    given_ = {"channel": "C1", "spent_usd": spent} | more
    books.settle(p.Settlement.model_validate({"task": task} | given_), now)


def test_a_task_gets_a_tenth_of_what_is_left_so_that_others_get_some_too() -> None:
    books = Books()
    assert draw(books, "a", 0.0).granted_usd == 0.2
    assert draw(books, "b", 0.0).granted_usd == 0.18


def test_a_dear_model_gets_enough_for_some_calls_while_there_is_plenty() -> None:
    assert draw(Books(), "a", 0.0, call_usd=0.05).granted_usd == 0.5
    assert draw(Books(), "a", 0.0, call_usd=0.5).granted_usd == 1.0  # half of it at most
    assert draw(Books(), "a", 0.0, call_usd=9.0).granted_usd == 2.0  # one call takes what is there


def test_the_budget_that_is_used_up_is_named_and_people_raise_it_for_today() -> None:
    books = Books()
    settle(books, "a", 2.01)
    refused = draw(books, "b", 0.0)
    assert (refused.reached, refused.granted_usd) == ("channel", 0.0)
    assert refused.lines[0] == p.BudgetLine(name="channel", limit_usd=2.0, spent_usd=2.01)
    assert draw(books, "c", 0.0, channel="C2").reached is None
    raised = draw(books, "b", 0.0, raised="channel", more_usd=1.0)
    assert (raised.reached, raised.lines[0].limit_usd) == (None, 3.0)
    assert 0 < raised.granted_usd <= 0.98
    tomorrow = draw(books, "d", 0.0, NOON + DAY)
    assert tomorrow.lines[0] == p.BudgetLine(name="channel", limit_usd=2.0, spent_usd=0.0)


def test_what_a_waiting_task_gives_back_others_may_draw() -> None:
    books = Books()
    draw(books, "a", 0.0, call_usd=9.0)
    assert draw(books, "b", 0.0).reached == "channel"
    settle(books, "a", 0.5, ended=False)
    assert draw(books, "b", 0.0).reached is None
    assert books.spending(NOON).day_usd == 0.5


def test_a_task_that_was_killed_has_spent_all_that_it_drew() -> None:
    books = Books()
    granted = draw(books, "a", 0.0).granted_usd
    settle(books, "a", 0.0, cut_off=True)
    assert books.spending(NOON).channels == {"C1": granted}


def test_a_task_not_heard_of_for_a_day_holds_nothing_any_more() -> None:
    books = Books()
    draw(books, "dead", 0.0, call_usd=9.0)
    assert draw(books, "b", 0.0, NOON + HELD_SECONDS - 1).reached == "channel"
    assert draw(books, "b", 0.0, NOON + HELD_SECONDS + 1).reached is None


def test_over_midnight_only_what_is_spent_after_it_counts() -> None:
    books = Books()
    draw(books, "a", 1.0)
    settle(books, "a", 1.25, NOON + DAY)
    assert books.spending(NOON + DAY) == p.Spending(
        date="2026-11-23", day_usd=0.25, channels={"C1": 0.25}
    )
    settle(books, "b", 0.5, NOON)  # a clock that went back
    assert books.spending(NOON).date == "2026-11-23"


def test_without_budgets_the_totals_are_kept_all_the_same() -> None:
    books = Books()
    settle(books, "a", 1.0)
    settle(books, "b", 0.5, channel="C2")
    assert books.spending(NOON).channels == {"C1": 1.0, "C2": 0.5}
    assert books.accounts == {}


def held(books: Books, channel: str = "") -> int:
    """Promised and not yet entered as spent."""
    accounts = [a for a in books.accounts.values() if channel in ("", a.channel)]
    return sum(account.granted - account.spent for account in accounts)


@dataclass
class Worker:
    """A task as `Purse` is one: it calls while it has spent less than it was granted."""

    name: str
    channel: str
    calls: list[float]
    """Micro-dollars of each call it makes."""
    spent: int = 0
    granted: int = 0
    made: list[int] = field(default_factory=list)


moves = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["work"] * 6 + ["wait", "end"])),
    min_size=30,
    max_size=80,
)
prices = st.lists(st.integers(1, 400_000), min_size=6, max_size=20)


@settings(max_examples=60)
@given(st.lists(prices, min_size=6, max_size=6), moves, st.integers(0, 3))
def test_all_tasks_together_pass_a_budget_by_one_call_each_at_most(
    costs: list[list[int]], steps: list[tuple[int, str]], raises: int
) -> None:
    books, extra = Books(), 0
    workers = [Worker(f"t{n}", CHANNELS[n % 2], [*c]) for n, c in enumerate(costs)]
    for turn, (index, move) in enumerate(steps):
        worker = workers[index]
        if move == "work" and worker.calls:
            if worker.spent >= worker.granted:
                more: dict[str, Any] = {}
                if raises and turn % 7 == 6:
                    raises, extra = raises - 1, extra + 500_000
                    more = {"raised": "day", "more_usd": 0.5}
                drawn = draw(
                    books,
                    worker.name,
                    worker.spent / 1e6,
                    channel=worker.channel,
                    call_usd=max(worker.made, default=0) / 1e6,
                    **more,
                )
                worker.granted = round(drawn.granted_usd * 1e6)
                assert (drawn.reached is None) == (worker.granted > worker.spent)
                if drawn.reached is None:  # a promise never goes beyond what is left, to the dot
                    assert books.day + held(books) <= 3_000_000 + extra
                    own = held(books, worker.channel)
                    assert books.channels[worker.channel] + own <= 2_000_000
            if worker.spent < worker.granted:
                worker.made.append(int(worker.calls.pop()))
                worker.spent += worker.made[-1]
        else:
            ended = move == "end"
            settle(books, worker.name, worker.spent / 1e6, channel=worker.channel, ended=ended)
            worker.granted = worker.spent
            if ended:
                worker.calls.clear()
                worker.name += "'"
                worker.spent = worker.granted = 0
    for worker in workers:
        settle(books, worker.name, worker.spent / 1e6, channel=worker.channel)
    assert books.day == sum(sum(w.made) for w in workers) == sum(books.channels.values())
    assert books.accounts == {}
    assert books.day <= 3_000_000 + extra + sum(max(w.made, default=0) for w in workers)
