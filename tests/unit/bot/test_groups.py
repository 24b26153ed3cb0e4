"""User groups as approvers: looked up when somebody clicks, and never guessed."""

import pytest
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from agent import protocol as p
from bot import names
from bot.groups import Groups
from bot.identity import Identity
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack

THREAD = p.ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)
APPROVAL = f"{THREAD.key}/1/abcdef"
LOOK_UP = "usergroups.users.list"


def asked(ingress: FakeIngress, *approvers: str, outcome: p.ApprovalOutcome | None = None) -> None:
    request = p.ApprovalRequest(
        approval=APPROVAL,
        thread=THREAD,
        question="This command publishes.",
        command="git push",
        requester=p.Person(user_id="U0ANA"),
        approvers=list(approvers),
        expires_at=1e12,
    )
    view = p.ApprovalView(request=request, outcome=outcome)
    ingress.answers[f"Approval/peek {APPROVAL}"] = view
    ingress.answers[f"Approval/decide {APPROVAL}"] = p.AnswerReceipt(accepted=True)


def decided_by(ingress: FakeIngress) -> list[p.Person]:
    calls = [call for call in ingress.calls if call.handler == "Approval/decide"]
    return [p.ApprovalAnswer.model_validate(call.value).by for call in calls]


async def click(deliver: Deliver, user: str) -> None:
    response = await deliver(payloads.click(names.APPROVE, APPROVAL, user=user))
    assert response.status == 200


async def test_a_member_answers_with_the_group_that_lets_them(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    asked(ingress, "U0CARL", "S0DEV", "S0OPS")
    slack.groups = {"S0DEV": ["U0ANA"], "S0OPS": ["U0BEN"]}
    await click(deliver, "U0BEN")
    [by] = decided_by(ingress)
    assert (by.user_id, by.name, by.groups) == ("U0BEN", "ben", ["S0OPS"])


async def test_somebody_in_no_group_answers_without_one_and_the_agent_refuses(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    asked(ingress, "S0OPS")
    slack.groups = {"S0OPS": ["U0CARL"], "S0OTHER": ["U0BEN"]}
    await click(deliver, "U0BEN")
    assert [by.groups for by in decided_by(ingress)] == [[]]


async def test_nobody_is_looked_up_where_it_does_not_matter(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    asked(ingress, "U0BEN", "S0OPS")
    await click(deliver, "U0ANA")  # asked for it
    await click(deliver, "U0BEN")  # is named
    asked(ingress, "S0OPS", outcome=p.ApprovalOutcome(verdict="expired"))
    await click(deliver, "U0BEN")  # is too late
    assert slack.of(LOOK_UP) == []
    assert len(decided_by(ingress)) == 3


async def test_an_outsider_in_a_group_reaches_nothing(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    asked(ingress, "S0OPS")
    slack.groups = {"S0OPS": ["U0OTTO", "U0GUEST"]}
    await click(deliver, "U0OTTO")
    await click(deliver, "U0GUEST")
    assert ingress.calls == []
    assert slack.of(LOOK_UP) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("missing_scope", "lacks the permission `usergroups:read`"),
        ("no_such_subteam", "no such group"),
        ("plan_upgrade_required", "has no user groups"),
        ("internal_error", "try again in a moment"),
    ],
)
async def test_a_group_that_cannot_be_looked_up_decides_nothing_and_says_why(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack, error: str, words: str
) -> None:
    asked(ingress, "S0OPS")
    slack.answers[LOOK_UP] = {"ok": False, "error": error}
    await click(deliver, "U0BEN")
    [told] = slack.of("chat.postEphemeral")
    assert told["text"].startswith("I cannot tell who is in <!subteam^S0OPS>: ")
    assert words in told["text"]
    assert told["user"] == "U0BEN"
    assert decided_by(ingress) == []


async def test_one_unknown_group_does_not_matter_to_a_member_of_another(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    asked(ingress, "S0GONE", "S0OPS")
    slack.groups = {"S0OPS": ["U0BEN"]}
    await click(deliver, "U0BEN")
    assert [by.groups for by in decided_by(ingress)] == [["S0OPS"]]


async def test_who_left_a_group_is_known_after_a_minute(slack: FakeSlack) -> None:
    seconds = 0.0
    groups = Groups(clock=lambda: seconds)
    us = Identity(user_id="U0BOT", bot_id="B0BOT", team_id=TEAM, enterprise_id="", org_wide=False)
    client = AsyncWebClient(token="xoxb-x", base_url=f"{slack.url}/api/", retry_handlers=[])
    context = AsyncBoltContext({"client": client, "team_id": TEAM, "identity": us})
    slack.groups = {"S0OPS": ["U0BEN"]}
    assert await groups.one_with(context, "U0BEN", ["S0OPS"]) == ["S0OPS"]
    slack.groups = {"S0OPS": []}
    seconds = 59.0
    assert await groups.one_with(context, "U0BEN", ["S0OPS"]) == ["S0OPS"]
    seconds = 61.0
    assert await groups.one_with(context, "U0BEN", ["S0OPS"]) == []


async def test_a_group_is_asked_for_once_and_again_after_an_error(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    asked(ingress, "S0OPS")
    slack.answers[LOOK_UP] = {"ok": False, "error": "ratelimited"}
    await click(deliver, "U0BEN")
    del slack.answers[LOOK_UP]
    slack.groups = {"S0OPS": ["U0BEN"]}
    for _ in range(3):
        await click(deliver, "U0BEN")
    assert len(slack.of(LOOK_UP)) == 2
    assert len(decided_by(ingress)) == 3
