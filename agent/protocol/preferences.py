"""Owns what people may choose for themselves or for a channel: model, caution, budget."""

from typing import Literal

from agent.protocol.people import Person, Wire

ApprovalPreset = Literal["relaxed", "default", "strict"]


class Preferences(Wire):
    """Choices of one person or one channel; None leaves it to whoever is asked next."""

    model: str | None = None
    approvals: ApprovalPreset | None = None
    budget_usd: float | None = None
    """Of one task."""
    plan_first: bool | None = None
    """People approve each plan before work begins."""


class Choices(Wire):
    """What the operator lets people choose from, and what holds where nobody chose."""

    models: list[str] = []
    approvals: list[ApprovalPreset] = ["default", "strict"]
    most_budget_usd: float | None = None
    defaults: Preferences = Preferences()
    approvers: list[str] = []
    """Who may answer approvals besides the requester: ids of users and user groups."""


class PreferencesView(Wire):
    chosen: Preferences = Preferences()
    choices: Choices = Choices()
    by: Person | None = None
    """Who chose last."""
    at: float = 0.0


class SavePreferences(Wire):
    chosen: Preferences
    by: Person


class SaveReceipt(Wire):
    ok: bool = True
    field: Literal["", "model", "approvals", "budget_usd", "plan_first"] = ""
    problem: str = ""
    """One sentence about `field` when nothing was saved."""
