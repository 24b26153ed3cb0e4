"""Owns the modal in which people choose for themselves or for a channel, and how choices read."""

import json
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from agent.protocol import ApprovalPreset, Choices, Preferences, PreferencesView
from bot import names
from bot.views import blocks, modals, mrkdwn, words
from bot.views.blocks import Block

MODEL, APPROVALS, BUDGET, PLAN = "model", "approvals", "budget_usd", "plan_first"
"""Block ids: the fields that a refused change names."""
ACTION_ID = "choice"

NOBODY = "(default)"
"""Value of the option that leaves a choice to whoever is asked next."""
MOST_MODELS = 99
VALUE_CHARS = 150

_CAUTION: tuple[ApprovalPreset, ...] = ("relaxed", "default", "strict")
"""From the loosest to the strictest."""
CALLED: dict[ApprovalPreset, str] = {
    "relaxed": "relaxed",
    "default": "standard",
    "strict": "strict",
}
_MEANS: dict[ApprovalPreset, str] = {
    "relaxed": "I ask only before work is published or the project is deleted",
    "default": "I ask before work is published, sent over the network or thrown away",
    "strict": "I ask before every command that does more than read or test",
}
FIRST, AT_ONCE = "first", "at once"
_PLAN_CALLED = {FIRST: "approved first", AT_ONCE: "begun at once"}
_PLAN_MEANS = {
    FIRST: "I show each plan and wait for Approve before I begin",
    AT_ONCE: "I show each plan and begin",
}
NOT_DOLLARS = "Write an amount in dollars, for example 2.50, or leave it empty."


@dataclass(frozen=True)
class Owner:
    """Whose choices they are: a person's, or those of everyone in a channel."""

    kind: Literal["person", "channel"]
    id: str


class BadChoice(Exception):
    """What was typed into `field` cannot be read; the message is one sentence for the person."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def modal(owner: Owner, view: PreferencesView, now: float) -> Block:
    for_channel = owner.kind == "channel"
    who = f"everyone in <#{owner.id}>" if for_channel else "the work you ask for"
    parts = [
        blocks.section(f"These hold for {who}, from the next task on."),
        _input(MODEL, "Model", _model(view)),
        _input(APPROVALS, "Approvals", _approvals(view)),
        _input(PLAN, "Plans", _plan(view)),
        _input(BUDGET, "Budget of one task, in dollars", _budget(view), _budget_hint(view.choices)),
        blocks.context(
            "Where a person's settings and a channel's differ: the person's model, the stricter "
            "approvals, plans approved first, and the lower budget.",
            _last_changed(view, now),
        ),
    ]
    return {
        "type": "modal",
        "callback_id": names.PREFERENCES,
        "private_metadata": json.dumps({"kind": owner.kind, "id": owner.id}),
        "title": modals.plain("Settings of the channel" if for_channel else "Your settings"),
        "submit": modals.plain("Save"),
        "close": modals.plain("Cancel"),
        "blocks": parts,
    }


def read(view: dict[str, Any]) -> tuple[Owner, Preferences]:
    """What was submitted, for whom. Raises BadChoice."""
    metadata = json.loads(view["private_metadata"])
    values = view["state"]["values"]
    chosen = {
        MODEL: _selected(values[MODEL][ACTION_ID]),
        APPROVALS: _selected(values[APPROVALS][ACTION_ID]),
        BUDGET: _dollars(str(values[BUDGET][ACTION_ID].get("value") or "")),
        PLAN: _plan_first(values.get(PLAN)),
    }
    return Owner(metadata["kind"], metadata["id"]), Preferences.model_validate(chosen)


def summary(view: PreferencesView) -> list[tuple[str, str]]:
    """Name and escaped value of each setting of one person, where no channel asks for more
    caution."""
    chosen, defaults = view.chosen, view.choices.defaults
    model = chosen.model if chosen.model in view.choices.models else None
    preset = _strictest(chosen.approvals, defaults.approvals)
    budgets = [b for b in (chosen.budget_usd, view.choices.most_budget_usd) if b is not None]
    budget = f"${min(budgets):.2f}" if budgets else "no bound"
    said = model or defaults.model or "not known"
    return [
        ("Model", f"{mrkdwn.escape(said, 200)}{_default_mark(model)}"),
        ("Approvals", f"{CALLED[preset]}{_default_mark(chosen.approvals)}. {_MEANS[preset]}."),
        ("Plans", _plans_said(chosen, defaults)),
        ("Budget of a task", f"{budget}{_default_mark(chosen.budget_usd)}"),
    ]


def saved(owner: Owner) -> Block:
    where = f"for everyone in <#{owner.id}>" if owner.kind == "channel" else "for you"
    return modals.notice(f"Saved {where}. It holds from the next task on.")


def _default_mark(chosen: object) -> str:
    return "" if chosen is not None else " (the workspace's default)"


def _strictest(*presets: ApprovalPreset | None) -> ApprovalPreset:
    return max((x for x in presets if x), key=_CAUTION.index, default="default")


def _model(view: PreferencesView) -> Block:
    default = view.choices.defaults.model or "not known"
    options = [_option(f"The workspace's default: {default}", NOBODY)]
    offered = [m for m in view.choices.models if _is_name(m)]
    options += [_option(model, model) for model in offered[:MOST_MODELS]]
    return _choice("static_select", options, view.chosen.model)


def _is_name(model: str) -> bool:
    """Slack takes it as the text and the value of an option."""
    return bool(model.strip()) and model.isprintable() and len(model) <= VALUE_CHARS


def _approvals(view: PreferencesView) -> Block:
    default = view.choices.defaults.approvals or "default"
    options = [_option(f"The workspace's default: {CALLED[default]}", NOBODY)]
    options += [
        _option(CALLED[x].capitalize(), x) | {"description": modals.plain(_MEANS[x])}
        for x in _offered(view)
    ]
    return _choice("radio_buttons", options, view.chosen.approvals)


def _plan(view: PreferencesView) -> Block:
    must = view.choices.defaults.plan_first
    default = FIRST if must else AT_ONCE
    options = [_option(f"The workspace's default: {_PLAN_CALLED[default]}", NOBODY)]
    options += [
        _option(_PLAN_CALLED[x].capitalize(), x) | {"description": modals.plain(_PLAN_MEANS[x])}
        for x in ((FIRST,) if must else (AT_ONCE, FIRST))
    ]
    chosen = view.chosen.plan_first
    return _choice("radio_buttons", options, None if chosen is None else _plan_value(chosen))


def _plan_value(first: bool) -> str:
    return FIRST if first else AT_ONCE


def _plan_first(state: dict[str, Any] | None) -> bool | None:
    """None also for a modal of an older release, which did not ask."""
    value = _selected(state[ACTION_ID]) if state is not None else None
    return None if value is None else value == FIRST


def _plans_said(chosen: Preferences, defaults: Preferences) -> str:
    holds = _plan_value(bool(chosen.plan_first or defaults.plan_first))
    return f"{_PLAN_CALLED[holds]}{_default_mark(chosen.plan_first)}. {_PLAN_MEANS[holds]}."


def _offered(view: PreferencesView) -> list[ApprovalPreset]:
    """The operator's bound is applied where it is kept; here it is only not offered."""
    return [preset for preset in _CAUTION if preset in view.choices.approvals]


def _choice(kind: str, options: list[Block], chosen: str | None) -> Block:
    """With what was chosen before, or the default where that is not offered any more."""
    initial = next((o for o in options if chosen is not None and o["value"] == chosen), options[0])
    return {"type": kind, "action_id": ACTION_ID, "options": options, "initial_option": initial}


def _budget(view: PreferencesView) -> Block:
    element: Block = {
        "type": "number_input",
        "action_id": ACTION_ID,
        "is_decimal_allowed": True,
        "min_value": "0.01",
    }
    chosen, most = view.chosen.budget_usd, view.choices.most_budget_usd
    if most is not None:
        element["max_value"] = f"{most:.2f}"
    if chosen is not None:  # before the operator's bound, maybe, and Slack refuses what exceeds it
        element["initial_value"] = f"{chosen if most is None else min(chosen, most):.2f}"
    return element


def _budget_hint(choices: Choices) -> str:
    most = choices.most_budget_usd
    bound = f"At most ${most:.2f}; that much" if most is not None else "No bound"
    return f"{bound} when left empty. At its budget a task waits and asks."


def _input(block_id: str, label: str, element: Block, hint: str = "") -> Block:
    block = {
        "type": "input",
        "block_id": block_id,
        "label": modals.plain(label),
        "element": element,
        "optional": bool(hint),
    }
    return block | {"hint": modals.plain(hint)} if hint else block


def _option(text: str, value: str) -> Block:
    return {"text": modals.plain(mrkdwn.clip(mrkdwn.one_line(text) or "?", 75)), "value": value}


def _last_changed(view: PreferencesView, now: float) -> str:
    if view.by is None:
        return ""
    who = mrkdwn.name(view.by.user_id, view.by.name)
    return f"Last changed by {who}, {words.age(now - view.at)}."


def _selected(state: dict[str, Any]) -> str | None:
    value = (state.get("selected_option") or {}).get("value")
    return None if value in (None, NOBODY) else str(value)


def _dollars(text: str) -> float | None:
    text = text.strip().removeprefix("$").replace(",", ".")
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        raise BadChoice(BUDGET, NOT_DOLLARS) from None
    if not isfinite(amount):
        raise BadChoice(BUDGET, NOT_DOLLARS)
    return amount
