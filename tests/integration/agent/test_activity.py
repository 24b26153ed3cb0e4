"""What a thread sees of the work right now."""

from typing import Any

import pytest

from agent import protocol as p
from local.model import Reply
from tests.integration.agent.driver import finish, is_planning, outputs, plan, shell

SAY_SECONDS = 3.0
"""More than three quick commands take, on any machine; and less than the slow one takes."""
SLOW = "sleep 4.5; echo slow"


async def test_quick_commands_in_a_row_are_shown_as_one_and_a_long_one_while_it_runs(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("contract", "shell"):
        monkeypatch.setattr(f"agent.tools.{module}.SAY_SECONDS", SAY_SECONDS)

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("run")
        if outputs(request):
            return finish()
        commands = ("true", "echo quick", "echo too", SLOW)
        return Reply(calls=tuple(shell(command).calls[0] for command in commands))

    async with make_agent(script, replay_always=True) as agent:
        await agent.say("Run them.")
        await agent.result()
        shown = [body.text for body in agent.threads.bodies(p.ActivityBody)]
        told = outputs(agent.model.requests[-1].body)

    assert shown == ["`true`", f"`{SLOW}`"]
    assert [output["exit_code"] for output in told] == [0, 0, 0, 0]
    assert told[-1]["output"] == "slow\n"
