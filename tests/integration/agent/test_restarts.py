"""A task goes on as it began, though its process comes back with other settings, other prices,
another policy, or as another release."""

from pathlib import Path
from typing import Any

import pytest

from local.model import Reply
from tests.integration.agent.driver import ANA, finish, is_planning, outputs, plan, shell
from tests.integration.agent.release import another_release, running_machine

RISKY = "git clean -fdX"
OTHER_SETTINGS = {
    "LLM_MODEL": "gpt-5.5",
    "LLM_MODEL_PLAN": "gpt-6-luna",
    "LLM_MODEL_SUMMARY": "gpt-6-luna",
    "LLM_EFFORT": "high",
    "LLM_WINDOW_TOKENS": "8000",
    "LLM_CONCURRENCY": "1",
    "LLM_CALLS_PER_MINUTE": "600",
    "LLM_TOKENS_PER_MINUTE": "1000000",
    "GITHUB_URL": "https://git.example.com",
    "SANDBOX_IDLE_SECONDS": "77",
    "SANDBOX_OWNER": "another",
    "SANDBOX_EGRESS": "registries",
    "THREADWRIGHT_APPROVALS": "strict",
    "THREADWRIGHT_APPROVERS": "U0BEN",
    "THREADWRIGHT_APPROVAL_SECONDS": "60",
    "THREADWRIGHT_BUDGET_USD": "0.0001",
    "THREADWRIGHT_BUDGET_DAY_USD": "0.0001",
    "THREADWRIGHT_COMMIT_EMAIL": "other@example.com",
    "THREADWRIGHT_PLAN_FIRST": "1",
    "THREADWRIGHT_REMINDER_SECONDS": "1",
    "THREADWRIGHT_SECRETS": "work on it,kept.txt",
    "THREADWRIGHT_SETTLE_SECONDS": "3",
    "THREADWRIGHT_STEP_CALLS": "1",
    "THREADWRIGHT_STEP_TURNS": "1",
}
POLICY = 'default = "deny"\n'
PRICES = '[models."scripted-1"]\ninput = 900\noutput = 900\n'


def script(request: dict[str, Any]) -> Reply:
    if is_planning(request):
        return plan("tidy", "look")
    done = outputs(request)
    if "Current step: look" in str(request["input"][0]):
        return finish("All is there.") if done else shell("cat kept.txt")
    commands = ["git init -q . && echo kept > kept.txt", RISKY, "cat kept.txt"]
    return shell(commands[len(done)]) if len(done) < 3 else finish(done[-1]["output"])


@pytest.fixture
def other_files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "prices.toml").write_text(PRICES)
    return {
        "THREADWRIGHT_POLICY_FILE": str(tmp_path / "policy.toml"),
        "THREADWRIGHT_PRICES_FILE": str(tmp_path / "prices.toml"),
    }


GROWN = {
    "agent/protocol/people.py": (
        "class Wire(BaseModel):\n    model_config = ConfigDict(frozen=True)\n",
        "class Wire(BaseModel):\n    model_config = ConfigDict(frozen=True)\n    grown: str = ''\n",
    ),
    "sandbox/protocol.py": (
        "class Wire(BaseModel):\n    model_config = ConfigDict(frozen=True)\n",
        "class Wire(BaseModel):\n    model_config = ConfigDict(frozen=True)\n    grown: str = ''\n",
    ),
    "agent/session_state.py": (
        '    """Only grows, with defaults."""\n\n    thread',
        "    grown: str = ''\n    thread",
    ),
    "agent/prompts/planner.md": ("role: planner", "role: planner, another one"),
    "agent/prompts/worker.md": ("role: worker", "role: worker, another one"),
}


async def test_a_waiting_task_goes_on_as_it_began_by_other_settings_and_in_another_release(
    tmp_path: Path, sandboxes: Path, other_files: dict[str, str]
) -> None:
    async with running_machine(tmp_path, sandboxes, script) as machine:
        await machine.say("work on it")
        request = await machine.approval()
        await machine.process.kill()
        machine.process.environ |= {**OTHER_SETTINGS, **other_files}
        machine.process.release = another_release(tmp_path / "release", GROWN)
        await machine.process.start()
        assert (await machine.answer(request, ANA, "approve")).accepted
        result = await machine.result()
        assert await machine.failures() == []
    assert (result.outcome, result.summary) == ("done", "All is there.")
