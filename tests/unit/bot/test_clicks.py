"""What a click means, and what the one who clicked is told."""

import pytest

from agent import protocol as p
from bot import names
from bot.views.approval import Choice
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import TEAM, FakeIngress, FakeSlack

THREAD = f"{TEAM}:{payloads.CHANNEL}:{payloads.TS}"
APPROVAL = f"{THREAD}/1/abcdef"
BEN = p.Person(user_id="U0BEN", name="ben")


class Decisions:
    """The approval as a server would keep it: first answer wins, only ana may."""

    def __init__(self, ingress: FakeIngress) -> None:
        self._ingress = ingress

    def answers(self, receipt: p.AnswerReceipt) -> None:
        self._ingress.answers[f"Approval/decide {APPROVAL}"] = receipt


@pytest.fixture
def decisions(ingress: FakeIngress) -> Decisions:
    return Decisions(ingress)


async def test_a_click_that_decides_is_answered_by_the_card_alone(
    deliver: Deliver, decisions: Decisions, slack: FakeSlack
) -> None:
    decisions.answers(p.AnswerReceipt(accepted=True))
    response = await deliver(payloads.click(names.APPROVE, APPROVAL))
    assert response.status == 200
    assert slack.of("chat.postEphemeral") == []
    assert slack.of("chat.update") == []


async def test_the_wrong_person_is_told_why_privately(
    deliver: Deliver, decisions: Decisions, slack: FakeSlack
) -> None:
    decisions.answers(p.AnswerReceipt(accepted=False, refusal="Only <@U0ANA> can answer this."))
    await deliver(payloads.click(names.APPROVE, APPROVAL, user="U0BEN"))
    [told] = slack.of("chat.postEphemeral")
    assert (told["user"], told["thread_ts"]) == ("U0BEN", payloads.TS)
    assert told["text"] == "Only <@U0ANA> can answer this."


async def test_a_late_click_is_told_the_true_outcome(
    deliver: Deliver, decisions: Decisions, slack: FakeSlack
) -> None:
    outcome = p.ApprovalOutcome(verdict="denied", by=BEN, at=1712000100.0)
    decisions.answers(p.AnswerReceipt(accepted=False, outcome=outcome))
    await deliver(payloads.click(names.APPROVE, APPROVAL))
    [told] = slack.of("chat.postEphemeral")
    assert "closed before your click" in told["text"]
    assert "*Denied* by <@U0BEN>" in told["text"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (p.ApprovalOutcome(verdict="denied", by=BEN, message="use <b>"), "“use &lt;b&gt;”"),
        (p.ApprovalOutcome(verdict="withdrawn", by=BEN, message="no"), "wrote something new"),
        (p.ApprovalOutcome(verdict="withdrawn", by=BEN), "<@U0BEN> stopped the work"),
        (p.ApprovalOutcome(verdict="expired"), "*Expired* without an answer"),
    ],
)
async def test_a_click_after_a_reply_a_stop_or_the_deadline_is_told_what_happened(
    deliver: Deliver,
    decisions: Decisions,
    slack: FakeSlack,
    outcome: p.ApprovalOutcome,
    words: str,
) -> None:
    decisions.answers(p.AnswerReceipt(accepted=False, outcome=outcome))
    await deliver(payloads.click(names.APPROVE, APPROVAL))
    [told] = slack.of("chat.postEphemeral")
    assert words in told["text"]


async def test_an_outsiders_click_reaches_nothing(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    for action in (names.APPROVE, names.STOP, names.DOWNLOAD):
        await deliver(payloads.click(action, APPROVAL, user="U0OTTO"))
    assert ingress.sends == []
    assert all("members of this workspace" in t["text"] for t in slack.of("chat.postEphemeral"))


async def test_an_option_answers_with_its_own_text(
    deliver: Deliver, ingress: FakeIngress, decisions: Decisions
) -> None:
    decisions.answers(p.AnswerReceipt(accepted=True))
    value = Choice(APPROVAL, "SQLite, “small”").pack()
    await deliver(payloads.click(f"{names.ANSWER}:2", value))
    [asked] = [call for call in ingress.calls if call.handler == "Approval/decide"]
    assert asked.key == APPROVAL
    assert (asked.value["decision"], asked.value["answer"]) == ("answer", "SQLite, “small”")


async def test_stop_and_download_act_on_the_thread_in_the_buttons_value(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    """Under an org-wide install the click has no team; the value still says which thread."""
    for action in (names.STOP, names.DOWNLOAD):
        body = payloads.click(action, THREAD)
        body["team"] = None
        assert (await deliver(body)).status == 200
    stop, download = ingress.sends
    assert (stop.handler, stop.key) == ("Session/stop", THREAD)
    assert download.value["thread"] == p.ThreadRef.parse(THREAD).model_dump()


async def test_one_click_delivered_twice_acts_once_and_two_clicks_act_twice(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    for action_ts in ("1.1", "1.1", "2.2"):
        await deliver(payloads.click(names.DOWNLOAD, THREAD, action_ts=action_ts))
    assert len(ingress.of("Download/run")) == 2


async def test_an_answer_that_could_not_be_recorded_is_said_so(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    ingress.down = True
    response = await deliver(payloads.click(names.APPROVE, APPROVAL))
    assert response.status == 200
    [told] = slack.of("chat.postEphemeral")
    assert "try again" in told["text"]


async def test_feedback_reaches_the_session_of_its_task_and_is_thanked_for_privately(
    deliver: Deliver, slack: FakeSlack, ingress: FakeIngress
) -> None:
    value = f"good:{THREAD}/12"
    for _ in range(2):  # Slack delivers again
        await deliver(payloads.click(names.FEEDBACK, value, action_ts="1712000300.5"))
    [sent] = ingress.of("Session/on_feedback")
    assert sent.key == THREAD
    feedback = p.Feedback.model_validate(sent.value)
    assert (feedback.task, feedback.verdict, feedback.at) == (f"{THREAD}/12", "good", 1712000300.5)
    assert feedback.by.user_id == "U0ANA"
    assert "Thank you" in slack.of("chat.postEphemeral")[0]["text"]


async def test_what_was_recorded_is_not_said_to_have_failed_because_the_thanks_were_lost(
    deliver: Deliver, slack: FakeSlack, ingress: FakeIngress
) -> None:
    slack.silent.add("chat.postEphemeral")
    response = await deliver(payloads.click(names.FEEDBACK, f"good:{THREAD}/12"))
    assert response.status == 200
    assert len(ingress.of("Session/on_feedback")) == 1
    assert len(slack.of("chat.postEphemeral")) == 1


async def test_a_changed_mind_is_sent_with_its_later_time(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.click(names.FEEDBACK, f"good:{THREAD}/1", action_ts="1.0"))
    await deliver(payloads.click(names.FEEDBACK, f"bad:{THREAD}/1", action_ts="2.0"))
    await deliver(payloads.click(names.FEEDBACK, f"good:{THREAD}/1", action_ts="3.0"))
    judged = [p.Feedback.model_validate(s.value) for s in ingress.of("Session/on_feedback")]
    assert [(f.verdict, f.at) for f in judged] == [("good", 1.0), ("bad", 2.0), ("good", 3.0)]


async def test_an_outsiders_feedback_is_refused(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(payloads.click(names.FEEDBACK, f"good:{THREAD}/1", user="U0GUEST"))
    assert ingress.sends == []
    assert "members of this workspace" in slack.of("chat.postEphemeral")[0]["text"]


@pytest.mark.parametrize(
    ("action", "value"),
    [
        (names.FEEDBACK, "good"),
        (names.FEEDBACK, f"great:{THREAD}/1"),
        (names.FEEDBACK, f"good:{THREAD}"),
        (names.FEEDBACK, "good:a:b/1"),
        (names.FEEDBACK, f"good:{THREAD}/²"),
        (names.STOP, "nowhere"),
        (names.DOWNLOAD, ""),
        (names.APPROVE, ""),
        (names.APPROVE, f"{TEAM}:C0VAULT:{payloads.TS}/1/abcdef"),
        (f"{names.ANSWER}:1", Choice(f"{TEAM}:C0VAULT:{payloads.TS}/1/abcdef", "yes").pack()),
        (names.STOP, f"{TEAM}:C0VAULT:{payloads.TS}"),
        (names.DOWNLOAD, f"{TEAM}:C0VAULT:{payloads.TS}"),
        (names.FEEDBACK, f"good:{TEAM}:C0VAULT:{payloads.TS}/1"),
        (f"{names.ANSWER}:1", "[]"),
    ],
)
async def test_a_value_of_no_use_or_of_another_channel_is_met_with_a_sentence(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack, action: str, value: str
) -> None:
    response = await deliver(payloads.click(action, value))
    assert response.status == 200
    [told] = slack.of("chat.postEphemeral")
    assert "cannot read this button" in told["text"]
    assert ingress.sends == ingress.calls == []


async def test_a_button_of_an_older_release_is_acknowledged(deliver: Deliver) -> None:
    assert (await deliver(payloads.click("something_old", "x"))).status == 200
