"""Slack and our processes fail while people write, and every instruction is read once.

A few of the deliveries of `make slack-faults`, which sends many more.
"""

from tests.chaos.slack_faults import storm


async def test_every_instruction_is_read_once_though_slack_and_our_processes_fail() -> None:
    result = await storm(deliveries=150, seed="a few")

    assert result.ok, "\n".join(map(str, [result.figures(), *result.offences]))
