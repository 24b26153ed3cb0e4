"""Which of several choices holds, and which are allowed."""

from hypothesis import given
from hypothesis import strategies as st

from agent import protocol as p
from agent.config import RunConfig, with_preferences
from agent.policy import Policy
from agent.preferences import CAUTION, merged, problem

CHOICES = p.Choices(
    models=["gpt-a", "gpt-b"],
    most_budget_usd=5,
    defaults=p.Preferences(model="gpt-a", approvals="default", budget_usd=5),
)
NOBODY = p.Preferences()
ANA = p.Person(user_id="U0ANA")

chosen = st.builds(
    p.Preferences,
    model=st.sampled_from([None, "gpt-a", "gpt-b", "gpt-gone"]),
    approvals=st.sampled_from([None, *CAUTION]),
    budget_usd=st.none() | st.floats(0.01, 100),
)


@given(chosen, chosen)
def test_choices_never_loosen_what_the_operator_set(
    person: p.Preferences, channel: p.Preferences
) -> None:
    holds = merged(person, channel, CHOICES)
    assert holds.model in CHOICES.models
    assert holds.budget_usd is not None
    assert holds.budget_usd <= 5
    assert holds.approvals is not None
    for asked in (person.approvals, channel.approvals, CHOICES.defaults.approvals):
        assert asked is None or CAUTION.index(holds.approvals) >= CAUTION.index(asked)


def test_the_persons_model_goes_before_the_channels_before_the_operators() -> None:
    person, channel = p.Preferences(model="gpt-a"), p.Preferences(model="gpt-b")
    assert merged(person, channel, CHOICES).model == "gpt-a"
    assert merged(NOBODY, channel, CHOICES).model == "gpt-b"
    assert merged(NOBODY, p.Preferences(model="gpt-gone"), CHOICES).model == "gpt-a"


def test_the_lowest_budget_holds_and_none_where_nobody_set_one() -> None:
    person, channel = p.Preferences(budget_usd=3), p.Preferences(budget_usd=2)
    assert merged(person, channel, CHOICES).budget_usd == 2
    assert merged(NOBODY, NOBODY, CHOICES).budget_usd == 5
    assert merged(NOBODY, NOBODY, p.Choices()).budget_usd is None


def test_what_a_task_runs_by_is_the_operators_values_under_what_holds() -> None:
    config = RunConfig(model="gpt-a", plan_model="gpt-planner", policy=Policy())
    same = with_preferences(config, p.Preferences(model="gpt-a", approvals="strict"))
    assert (same.model, same.plan_model, same.approvals) == ("gpt-a", "gpt-planner", "strict")
    other = with_preferences(config, p.Preferences(model="gpt-b", budget_usd=1))
    assert (other.model, other.plan_model, other.budget_usd) == ("gpt-b", "gpt-b", 1)


def test_a_budget_below_a_cent_or_without_end_is_refused() -> None:
    for budget in (0.0, -1.0, 0.001, float("inf"), float("nan")):
        request = p.SavePreferences(chosen=p.Preferences(budget_usd=budget), by=ANA)
        refused = problem(request, CHOICES)
        assert refused is not None
        assert (refused.ok, refused.field) == (False, "budget_usd")


def test_plans_are_approved_first_where_anybody_chose_so() -> None:
    first, at_once = p.Preferences(plan_first=True), p.Preferences(plan_first=False)
    must = CHOICES.model_copy(update={"defaults": first})
    assert merged(first, at_once, CHOICES).plan_first
    assert merged(at_once, first, CHOICES).plan_first
    assert merged(NOBODY, at_once, must).plan_first
    assert not merged(NOBODY, NOBODY, CHOICES).plan_first
    refused = problem(p.SavePreferences(chosen=at_once, by=ANA), must)
    assert refused is not None
    assert (refused.ok, refused.field) == (False, "plan_first")
    assert problem(p.SavePreferences(chosen=at_once, by=ANA), CHOICES) is None
