"""Owns the snapshot of settings a task runs by, journaled when it starts.

What a replay decides must not depend on the environment of the process that replays it. First comes
what the operator set (`snapshot`), then what people chose within it (`with_preferences`).
"""

from agent import protocol as p
from agent import settings
from agent.policy import Policy, load_policy


class RunConfig(p.Wire):
    model: str
    plan_model: str
    effort: str | None = None
    step_turns: int = 40
    step_seconds: int = 1200
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
        step_turns=now.step_turns,
        step_seconds=now.step_seconds,
        approvers=now.approver_ids,
        approvals=now.approvals,
        approval_seconds=now.approval_seconds,
        reminder_seconds=now.reminder_seconds,
        settle_seconds=now.settle_seconds,
        budget_usd=now.budget_usd,
        policy=load_policy(now.policy_file),
    )


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
        }
    )
