"""Owns the snapshot of settings a task runs by, journaled when it starts.

What a replay decides must not depend on the environment of the process that replays it. First comes
what the operator set (`snapshot`), then what people chose within it (`with_preferences`).
"""

from agent import protocol as p
from agent import settings
from agent.llm import load_prices, rate_usd
from agent.policy import Policy, load_policy
from sandbox import egress
from sandbox.backend import current_settings


class RunConfig(p.Wire):
    model: str
    plan_model: str
    effort: str | None = None
    background: bool = False
    """Answers are made in the background and asked for."""
    step_turns: int = 40
    step_seconds: int = 1200
    step_calls: int = 60
    preview_minutes: float = 60.0
    step_tokens: int = 4_000_000
    window_tokens: int = 200_000
    summary_model: str = ""
    """`model` when empty."""
    cheap_model: str = ""
    """Offered when a budget is used up; not offered when empty."""
    plan_first: bool = False
    budgets: list[p.BudgetLine] = []
    """Those of thread, channel and day that the operator set; `budget_usd` is the task's. The
    thread's says what its earlier tasks have spent."""
    more_usd: float = 2.0
    """What one click adds to a budget that was reached; at most half of that budget."""
    rates: dict[str, float] = {}
    """Dollars of a million tokens of each model whose price is known, to compare them by."""
    assumed_rate: float = 0.0
    """The same of a model whose price is not known."""
    approvers: list[str] = []
    approvals: p.ApprovalPreset = "default"
    approval_seconds: int = 259_200
    reminder_seconds: int = 0
    settle_seconds: float = 1.0
    budget_usd: float | None = None
    """Most that the task may cost."""
    policy: Policy


async def snapshot() -> RunConfig:
    """The operator's values, read inside a journaled step."""
    now = settings.current()
    return RunConfig(
        model=now.llm_model,
        plan_model=now.llm_model_plan or now.llm_model,
        effort=now.llm_effort,
        background=now.llm_background,
        step_turns=now.step_turns,
        step_seconds=now.step_seconds,
        approvers=now.approver_ids,
        approvals=now.approvals,
        approval_seconds=now.approval_seconds,
        reminder_seconds=now.reminder_seconds,
        settle_seconds=now.settle_seconds,
        budget_usd=now.budget_usd,
        step_calls=now.step_calls,
        preview_minutes=now.preview_minutes,
        step_tokens=now.step_tokens,
        window_tokens=now.llm_window_tokens,
        summary_model=now.llm_model_summary or now.llm_model,
        cheap_model=now.llm_model_cheap or "",
        plan_first=now.plan_first,
        budgets=_budgets(now),
        more_usd=now.more_usd,
        rates=_rates(now),
        assumed_rate=now.assumed_usd_per_mtok,
        policy=_policy(now),
    )


def _policy(now: settings.Settings) -> Policy:
    """That of the file; what the sandbox may reach is not asked about."""
    policy = load_policy(now.policy_file)
    opened = egress.policy_of(current_settings().egress)
    hosts = [*policy.egress_hosts, *(rule.host for rule in (opened.rules if opened else ()))]
    return policy.model_copy(update={"egress_hosts": list(dict.fromkeys(hosts))})


def _budgets(now: settings.Settings) -> list[p.BudgetLine]:
    limits: dict[p.BudgetName, float | None] = {
        "thread": now.budget_thread_usd,
        "channel": now.budget_channel_usd,
        "day": now.budget_day_usd,
    }
    return [p.BudgetLine(name=name, limit_usd=most) for name, most in limits.items() if most]


def _rates(now: settings.Settings) -> dict[str, float]:
    own = load_prices(now.prices_file)
    names = {*now.models, now.llm_model_plan, now.llm_model_cheap}
    rates = {name: rate_usd(name, own) for name in sorted(name for name in names if name)}
    return {name: rate for name, rate in rates.items() if rate is not None}


def with_thread(config: RunConfig, spent_usd: float) -> RunConfig:
    """`config` with what the earlier tasks of the thread have spent."""
    lines = [
        line.model_copy(update={"spent_usd": spent_usd}) if line.name == "thread" else line
        for line in config.budgets
    ]
    return config.model_copy(update={"budgets": lines})


def with_preferences(config: RunConfig, chosen: p.Preferences) -> RunConfig:
    """`config` under what `preferences.effective` says holds. A model that people chose plans as
    well as it works."""
    model = chosen.model or config.model
    return config.model_copy(
        update={
            "model": model,
            "plan_model": config.plan_model if model == config.model else model,
            "approvals": chosen.approvals or config.approvals,
            "budget_usd": chosen.budget_usd,
            "plan_first": bool(config.plan_first or chosen.plan_first),
        }
    )
