"""Owns what a person or a channel has chosen, within what the operator allows, and what then holds.

One durable object per person and per channel; the operator's own values are settings. Caution only
grows: of all presets that were chosen the strictest counts, of all budgets the lowest, and plans
are approved first where anybody chose so.
"""

from math import inf
from typing import get_args

from pydantic import BaseModel
from restate import Context, ObjectContext, ObjectSharedContext, RunOptions, VirtualObject

from agent import calls, events, settings
from agent import protocol as p
from agent.retries import PROMPT

preferences = VirtualObject(p.PREFERENCES, invocation_retry_policy=PROMPT)

STATE = "preferences"
LEAST_USD = 0.01
CAUTION: tuple[p.ApprovalPreset, ...] = get_args(p.ApprovalPreset)
"""From the loosest to the strictest."""


class PreferencesState(BaseModel):
    """Only grows, with defaults."""

    chosen: p.Preferences = p.Preferences()
    by: p.Person | None = None
    at: float = 0.0


@preferences.handler(kind="shared")
async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.PreferencesView:
    state = await ctx.get(STATE, type_hint=PreferencesState) or PreferencesState()
    choices = await ctx.run_typed("choices", offered, RunOptions(type_hint=p.Choices))
    return p.PreferencesView(chosen=state.chosen, choices=choices, by=state.by, at=state.at)


@preferences.handler()
async def save(ctx: ObjectContext, request: p.SavePreferences) -> p.SaveReceipt:
    """Keep the choices if all of them are allowed; else keep nothing and say what is wrong."""
    choices = await ctx.run_typed("choices", offered, RunOptions(type_hint=p.Choices))
    refused = problem(request, choices)
    if refused is not None:
        return refused
    at = await events.now(ctx)
    ctx.set(STATE, PreferencesState(chosen=request.chosen, by=request.by, at=at))
    return p.SaveReceipt()


async def effective(ctx: Context, thread: p.ThreadRef, user_id: str) -> p.Preferences:
    """What holds for work that this person asks for in this thread."""
    person = await calls.call(ctx, p.READ_PREFERENCES, f"{thread.team}:{user_id}", p.Nothing())
    channel = await calls.call(
        ctx, p.READ_PREFERENCES, f"{thread.team}:{thread.channel}", p.Nothing()
    )
    return merged(person.chosen, channel.chosen, person.choices)


async def offered() -> p.Choices:
    """What the operator's settings let people choose."""
    now = settings.current()
    loosest = CAUTION.index(now.approvals)
    return p.Choices(
        models=now.models,
        approvals=list(CAUTION[loosest:]),
        most_budget_usd=now.budget_usd,
        defaults=p.Preferences(
            model=now.llm_model,
            approvals=now.approvals,
            budget_usd=now.budget_usd,
            plan_first=now.plan_first,
        ),
        approvers=now.approver_ids,
    )


def merged(person: p.Preferences, channel: p.Preferences, choices: p.Choices) -> p.Preferences:
    """The person's model before the channel's before the operator's; one that is not offered any
    more does not count. Of presets the strictest, of budgets the lowest."""
    models = [m for m in (person.model, channel.model) if m in choices.models]
    presets = [person.approvals, channel.approvals, choices.defaults.approvals]
    budgets = [person.budget_usd, channel.budget_usd, choices.most_budget_usd]
    return p.Preferences(
        model=models[0] if models else choices.defaults.model,
        approvals=max((x for x in presets if x), key=CAUTION.index, default="default"),
        budget_usd=min((b for b in budgets if b is not None), default=None),
        plan_first=bool(person.plan_first or channel.plan_first or choices.defaults.plan_first),
    )


def problem(request: p.SavePreferences, choices: p.Choices) -> p.SaveReceipt | None:
    """What is wrong with the first choice that is not allowed; None when all are."""
    chosen = request.chosen
    if request.by.outsider:
        return p.SaveReceipt(ok=False, problem="Only members of this workspace can change this.")
    if chosen.model is not None and chosen.model not in choices.models:
        listed = ", ".join(choices.models)
        return _refused("model", f"This model is not offered here; choose one of {listed}.")
    if chosen.approvals is not None and chosen.approvals not in choices.approvals:
        return _refused("approvals", f"Choose one of {', '.join(choices.approvals)}.")
    if chosen.budget_usd is not None and not LEAST_USD <= chosen.budget_usd < inf:
        return _refused("budget_usd", f"The budget must be at least ${LEAST_USD}.")
    most = choices.most_budget_usd
    if chosen.budget_usd is not None and most is not None and chosen.budget_usd > most:
        return _refused("budget_usd", f"The budget of a task can be at most ${most:.2f}.")
    if chosen.plan_first is False and choices.defaults.plan_first:
        return _refused("plan_first", "Here the operator wants every plan approved first.")
    return None


def _refused(field: str, sentence: str) -> p.SaveReceipt:
    return p.SaveReceipt.model_validate({"ok": False, "field": field, "problem": sentence})
