"""Owns the snapshot of settings a task runs by, journaled when it starts.

What a replay decides must not depend on the environment of the process that replays it.
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
    approval_seconds: int = 259_200
    policy: Policy


async def snapshot() -> RunConfig:
    now = settings.current()
    return RunConfig(
        model=now.llm_model,
        plan_model=now.llm_model_plan or now.llm_model,
        effort=now.llm_effort,
        step_turns=now.step_turns,
        step_seconds=now.step_seconds,
        approvers=now.approver_ids,
        approval_seconds=now.approval_seconds,
        policy=load_policy(now.policy_file),
    )
