"""The poster: each slot is one message, posted once, whatever Slack answers."""

import asyncio
import json
import time
from datetime import datetime
from typing import Any

import pytest

from agent import protocol as p
from bot.views import Rendered
from bot.workspace import ARRIVE, DEPART
from local.slack.faults import Fault
from tests.integration.bot.conftest import ANA, House, Stage, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TASK = "T0LOCAL:C0BUILD:1/1"
PLAN = f"plan:{TASK}"


def plan(done: int = 0, state: p.PlanState = "working", steps: int = 6) -> p.PlanBody:
    def status(n: int) -> p.StepStatus:
        return "complete" if n < done else "in_progress" if n == done else "pending"

    lines = [p.StepLine(id=str(n), title=f"Step {n}", status=status(n)) for n in range(steps)]
    return p.PlanBody(title="To-do CLI", steps=lines, state=state, started_at=1712000000.0)


def shown_steps(message: dict[str, Any]) -> list[str]:
    return [task["status"] for task in message["blocks"][0]["tasks"]]


async def test_a_plan_is_one_message_that_ticks_in_place(stage: Stage) -> None:
    await stage.show(PLAN, plan(0))
    [first] = await stage.until_replies(lambda shown: len(shown) == 1)
    await stage.show(PLAN, plan(3))
    [now] = await stage.until_replies(lambda shown: shown_steps(shown[0])[:3] == ["complete"] * 3)
    assert now["ts"] == first["ts"]
    assert "edited" not in now
    assert now["blocks"][-1]["elements"][0]["value"] == stage.thread.key


async def test_no_post_of_ours_unfolds_a_link(stage: Stage) -> None:
    await stage.show("note:link", p.NoteBody(text="See https://example.com/?secret=1"))
    await stage.until_replies(lambda shown: len(shown) == 1)
    posts = [call["args"] for call in await stage.people.calls("chat.postMessage")]
    ours = [args for args in posts if args.get("thread_ts") == stage.thread.root_ts]
    assert [str(ours[0][name]).lower() for name in ("unfurl_links", "unfurl_media")] == [
        "false",
        "false",
    ]


async def test_a_quick_task_of_six_steps_costs_at_most_fifteen_calls(stage: Stage) -> None:
    """And one more for each second that it is not so quick: the machine may be busy."""
    root, began = stage.thread.root_ts, time.monotonic()
    await stage.show(f"reaction:{root}:eyes", p.ReactionBody(ts=root))
    await stage.show("presence", p.PresenceBody(state="processing", title="To-do"))
    for step in range(7):
        await stage.show(PLAN, plan(step))
        for n in range(5):
            await stage.show(f"activity:{TASK}", p.ActivityBody(text=f"step {step} does {n}"))
            await asyncio.sleep(0.1)
    await stage.show(PLAN, plan(6, state="done"), urgent=True)
    result = p.ResultBody(task=TASK, outcome="done", summary="It works.", asked_by=[ANA])
    await stage.show(f"result:{TASK}", result, urgent=True)
    await stage.show("presence", p.PresenceBody(state="active"), urgent=True)
    await stage.until_replies(
        lambda shown: len(shown) == 2 and shown_steps(shown[0]) == ["complete"] * 6
    )
    await until(lambda: _presence(stage), lambda status: status == "active")
    calls, took = await stage.calls(), time.monotonic() - began
    assert sum(calls.values()) <= 15 + max(0.0, took - 6)
    assert calls["chat.postMessage"] == 2
    assert calls["agents.sessions.setStatus"] == 2
    assert (await stage.root())["reactions"][0]["name"] == "eyes"


async def _presence(stage: Stage) -> str:
    sessions = await stage.people.person("U0ANA").sessions()
    mine = [one["status"] for one in sessions if one["thread_ts"] == stage.thread.root_ts]
    return str(mine[0]) if mine else ""


async def test_a_burst_of_changes_becomes_few_edits_and_the_newest_wins(stage: Stage) -> None:
    began = time.monotonic()
    await stage.show(PLAN, plan(0, steps=40))
    await asyncio.gather(*(stage.show(PLAN, plan(n, steps=40), rev=n + 1) for n in range(1, 30)))
    await stage.until_replies(lambda s: len(s) == 1 and "29 of 40" in s[0]["text"])
    assert (await stage.calls())["chat.update"] <= max(5.0, time.monotonic() - began)


async def test_an_event_sent_twice_or_late_is_shown_once(stage: Stage) -> None:
    event = await stage.show("note:1", p.NoteBody(text="Hello."), rev=5)
    await stage.until_replies(lambda shown: len(shown) == 1)
    for rev in (5, 4):
        again = event.model_copy(update={"rev": rev, "body": p.NoteBody(text="Older.")})
        key = f"again-{stage.thread.key}-{rev}"
        await stage.engine.client.send(p.SHOW, stage.thread.key, again, key_of_effect=key)
    await stage.show("note:2", p.NoteBody(text="Last."))
    shown = await stage.until_replies(lambda s: len(s) >= 2 and s[-1]["text"] == "Last.")
    assert [message["text"] for message in shown] == ["Hello.", "Last."]


async def test_a_post_that_slack_took_but_did_not_confirm_is_not_repeated(stage: Stage) -> None:
    """The dangerous case: 503 after the message is there. A naive retry would post twice."""
    await stage.people.inject(Fault(method="chat.postMessage", kind="error_after_commit"))
    await stage.show(PLAN, plan(0))
    [first] = await stage.until_replies(lambda shown: len(shown) == 1)
    await stage.show(PLAN, plan(2))
    [now] = await stage.until_replies(lambda s: shown_steps(s[0])[:2] == ["complete"] * 2)
    assert now["ts"] == first["ts"]
    calls = await stage.calls()
    assert (calls["chat.postMessage"], calls["conversations.replies"]) == (1, 1)


async def test_a_post_that_failed_before_slack_took_it_is_made_in_the_end(stage: Stage) -> None:
    await stage.people.inject(Fault(method="chat.postMessage", kind="error", times=2))
    await stage.show("note:1", p.NoteBody(text="Hello."))
    [shown] = await stage.until_replies(lambda s: len(s) == 1)
    assert shown["text"] == "Hello."
    assert (await stage.calls())["chat.postMessage"] == 3


async def test_an_ordinary_first_post_looks_nothing_up(stage: Stage) -> None:
    await stage.show("note:1", p.NoteBody(text="Hello."))
    await stage.until_replies(lambda s: len(s) == 1)
    assert await stage.calls() == {"chat.postMessage": 1}


async def test_a_look_up_that_is_limited_is_repeated_before_any_post(stage: Stage) -> None:
    await stage.people.inject(Fault(method="chat.postMessage", kind="error_after_commit"))
    await stage.people.inject(Fault(method="conversations.replies", kind="ratelimited"))
    await stage.show("note:1", p.NoteBody(text="Once."))
    await until(stage.calls, lambda calls: calls.get("conversations.replies") == 2)
    await stage.show("note:2", p.NoteBody(text="Two."))
    shown = await stage.until_replies(lambda s: s[-1]["text"] == "Two.")
    assert [message["text"] for message in shown] == ["Once.", "Two."]


async def test_a_rate_limit_delays_and_loses_nothing(stage: Stage) -> None:
    await stage.show(PLAN, plan(0))
    await stage.until_replies(lambda shown: len(shown) == 1)
    await stage.people.inject(Fault(method="chat.update", kind="ratelimited", retry_after=2))
    before = asyncio.get_running_loop().time()
    await stage.show(PLAN, plan(4))
    await stage.until_replies(lambda s: "4 of 6" in s[0]["text"])
    assert asyncio.get_running_loop().time() - before > 1.5
    assert (await stage.calls())["chat.update"] == 2


async def test_where_the_plan_block_is_refused_a_checklist_is_shown_from_then_on(
    stage: Stage,
) -> None:
    await stage.people.inject(
        Fault(method="chat.postMessage", kind="error", error="invalid_blocks")
    )
    await stage.show(PLAN, plan(1))
    [shown] = await stage.until_replies(lambda s: len(s) == 1)
    assert shown["blocks"][0]["type"] == "section"
    assert "☑ Step 0\n▸ Step 1 – now" in shown["blocks"][0]["text"]["text"]
    await stage.show(PLAN, plan(2))
    await stage.until_replies(lambda s: "☑ Step 1" in s[0]["blocks"][0]["text"]["text"])
    calls = await stage.calls()
    assert (calls["chat.postMessage"], calls["chat.update"]) == (2, 1)


async def test_blocks_refused_twice_leave_the_text(stage: Stage) -> None:
    fault = Fault(method="chat.postMessage", kind="error", error="invalid_blocks", times=2)
    await stage.people.inject(fault)
    await stage.show("note:1", p.NoteBody(text="Hello."))
    [shown] = await stage.until_replies(lambda s: len(s) == 1)
    assert shown["text"] == "Hello."
    assert not shown.get("blocks")


async def test_presence_falls_back_to_the_status_line_and_then_to_nothing(stage: Stage) -> None:
    for method in ("agents.sessions.setStatus", "assistant.threads.setStatus"):
        await stage.people.inject(Fault(method=method, kind="error", error="not_authorized"))
    await stage.show("presence", p.PresenceBody(state="processing", text="planning…"))
    await until(stage.calls, lambda calls: len(calls) == 2)
    await stage.show("presence", p.PresenceBody(state="active"))
    await stage.show("note:1", p.NoteBody(text="The thread goes on."))
    await stage.until_replies(lambda s: len(s) == 1)
    assert await stage.calls() == {
        "agents.sessions.setStatus": 1,
        "assistant.threads.setStatus": 1,
        "chat.postMessage": 1,
    }


async def _timers(stage: Stage) -> list[float]:
    """Seconds until each delayed flush of this thread."""
    rows = await stage.engine.query(
        "select *"  # with columns named, 1.7 leaves the start time out
        " from sys_invocation where target_service_name = 'Thread' and status = 'scheduled'"
        f" and target_service_key = '{stage.thread.key}'"
    )
    read = datetime.fromisoformat
    return [
        (read(row["scheduled_start_at"]) - read(row["created_at"])).total_seconds() for row in rows
    ]


async def test_processing_is_said_again_before_slack_forgets_it_and_an_end_leaves_no_timer(
    stage: Stage,
) -> None:
    await stage.show("presence", p.PresenceBody(state="processing"))
    [seconds] = await until(lambda: _timers(stage), lambda timers: len(timers) == 1)
    assert 2900 < seconds < 3100
    await stage.show("presence", p.PresenceBody(state="suspended"), urgent=True)
    await until(lambda: _timers(stage), lambda timers: timers == [])
    assert await stage.calls() == {"agents.sessions.setStatus": 2}


async def test_a_session_is_closed_when_its_thread_is_over(stage: Stage) -> None:
    await stage.show("presence", p.PresenceBody(state="processing", title="To-do"))
    await until(lambda: _presence(stage), lambda status: status == "processing")
    await stage.show("presence", p.PresenceBody(state="closed"), urgent=True)
    await until(lambda: _presence(stage), lambda status: status == "closed")
    await until(lambda: _timers(stage), lambda timers: timers == [])


async def test_a_session_begins_even_when_who_asked_has_left_the_channel(stage: Stage) -> None:
    body = p.PresenceBody(state="processing", initiator="U0GONE")
    await stage.people.inject(
        Fault(method="agents.sessions.setStatus", kind="error", error="user_not_in_channel")
    )
    await stage.show("presence", body)
    await until(lambda: _presence(stage), lambda status: status == "processing")


async def test_where_we_were_removed_nothing_is_called_and_the_end_is_shown_when_we_are_back(
    stage: Stage,
) -> None:
    client, team = stage.engine.client, stage.thread.team
    await stage.show(PLAN, plan(0))
    await stage.until_replies(lambda s: len(s) == 1)
    for n in range(2):  # Slack tells us twice
        await client.send(DEPART, team, p.Nothing(), key_of_effect=f"depart {team} {n}")
    await until(lambda: _standing(stage), lambda away: away)
    before = await stage.calls()
    for done in (1, 2):
        await stage.show(PLAN, plan(done))
    await stage.show("presence", p.PresenceBody(state="processing"))
    await stage.show(PLAN, plan(6, state="done"), urgent=True)
    result = p.ResultBody(task=TASK, outcome="done", summary="It works.")
    await stage.show(f"result:{TASK}", result, urgent=True)
    [seconds] = await until(lambda: _timers(stage), lambda t: len(t) == 1 and t[0] > 3600)
    assert seconds > 80_000
    assert await stage.calls() == before
    await client.send(ARRIVE, team, p.Nothing(), key_of_effect=f"arrive {team}")
    shown = await stage.until_replies(lambda s: len(s) == 2 and "done, 6 of 6" in s[0]["text"])
    assert shown[1]["text"] == "Done. It works."
    calls = await stage.calls()
    assert "agents.sessions.setStatus" not in calls
    assert calls["chat.update"] - before.get("chat.update", 0) == 1


async def _standing(stage: Stage) -> bool:
    rows = await stage.engine.query(
        "select value_utf8 from state where service_name = 'Workspace' and key = 'standing'"
        f" and service_key = '{stage.thread.team}'"
    )
    return bool(rows) and '"away":true' in rows[0]["value_utf8"].replace(" ", "")


async def test_a_token_slack_does_not_take_is_not_tried_again_and_again(stage: Stage) -> None:
    fault = Fault(method="*", kind="error", error="token_revoked")
    await stage.people.inject(fault)
    await stage.show("note:1", p.NoteBody(text="Held."))
    await until(stage.calls, lambda calls: calls == {"chat.postMessage": 1})
    [seconds] = await until(lambda: _timers(stage), lambda timers: len(timers) == 1)
    assert seconds > 600
    await stage.show("note:2", p.NoteBody(text="Held too."))
    await stage.show(f"reaction:{stage.thread.root_ts}:eyes", p.ReactionBody(ts="1.1"))
    client, team = stage.engine.client, stage.thread.team
    both = {"chat.postMessage", "reactions.add"}
    await until(lambda: _waiting(stage), lambda methods: methods == both)
    assert await stage.calls() == {"chat.postMessage": 1}
    await client.send(ARRIVE, team, p.Nothing(), key_of_effect=f"arrive {team}")
    shown = await stage.until_replies(lambda s: len(s) == 2)
    assert [message["text"] for message in shown] == ["Held.", "Held too."]


async def _waiting(stage: Stage) -> set[str]:
    """Methods that this thread has a place for."""
    rows = await stage.engine.query(
        "select value_utf8 from state where service_name = 'Thread' and key = 'board'"
        f" and service_key = '{stage.thread.key}'"
    )
    return set(json.loads(rows[0]["value_utf8"])["places"]) if rows else set()


async def test_a_post_that_cannot_be_looked_for_is_made_rather_than_lost(stage: Stage) -> None:
    await stage.people.inject(Fault(method="chat.postMessage", kind="error"))
    missing = Fault(method="conversations.replies", kind="error", error="missing_scope")
    await stage.people.inject(missing)
    await stage.show("note:1", p.NoteBody(text="Hello."))
    await stage.until_replies(lambda s: len(s) == 1)
    assert (await stage.calls())["chat.postMessage"] == 2


async def test_a_post_of_a_process_that_died_is_found_on_a_later_page(
    stage: Stage, house: House
) -> None:
    """The new process knows no token of the old one's, so it looks before it posts."""
    note, since = Rendered(text="Once."), float(stage.thread.root_ts)
    ben = stage.people.person("U0BEN")
    for n in range(210):
        await ben.post(stage.thread.channel, f"chatter {n}", stage.thread.root_ts)
    first = await house.api.begin()
    posted, again = [
        await house.api.post(token, stage.thread, "note:1", note, maybe_posted=False, since=since)
        for token in (first.token, "token of a process that died")
    ]
    assert (again.found, again.ts) == (True, posted.ts)
    calls = await stage.calls()
    assert (calls["chat.postMessage"], calls["conversations.replies"]) == (1, 2)


async def test_what_slack_refuses_for_good_is_dropped_and_does_not_block_the_thread(
    stage: Stage,
) -> None:
    fault = Fault(method="chat.postMessage", kind="error", error="restricted_action")
    await stage.people.inject(fault)
    await stage.show("note:1", p.NoteBody(text="Refused."))
    await stage.show("note:2", p.NoteBody(text="Shown."))
    shown = await stage.until_replies(lambda s: len(s) == 1)
    assert shown[0]["text"] == "Shown."

    async def pending() -> int:
        rows = await stage.engine.query(
            "select count(*) as n from sys_invocation where target_service_name = 'Thread'"
            f" and target_service_key = '{stage.thread.key}' and status != 'completed'"
        )
        return int(rows[0]["n"])

    assert await until(pending, lambda count: count == 0) == 0


async def test_a_message_somebody_deleted_is_not_edited_for_ever(stage: Stage) -> None:
    await stage.show(PLAN, plan(0))
    [shown] = await stage.until_replies(lambda s: len(s) == 1)
    fault = Fault(method="chat.update", kind="error", error="message_not_found")
    await stage.people.inject(fault)
    await stage.show(PLAN, plan(1))
    await until(stage.calls, lambda calls: calls.get("chat.update") == 1)
    await stage.show(PLAN, plan(2))
    await stage.show("note:1", p.NoteBody(text="Later."))
    await stage.until_replies(lambda s: s[-1]["text"] == "Later.")
    assert (await stage.calls())["chat.update"] == 1
    assert shown["ts"]


async def test_an_approval_overtakes_progress_that_waits(stage: Stage) -> None:
    await stage.show(PLAN, plan(0))
    await stage.until_replies(lambda s: len(s) == 1)
    await stage.people.inject(Fault(method="chat.update", kind="ratelimited", retry_after=6))
    await stage.show(PLAN, plan(1))
    request = p.ApprovalRequest(
        approval=f"{TASK}/ab",
        thread=stage.thread,
        question="Risky.",
        command="rm -rf build",
        requester=ANA,
        expires_at=1999999999.0,
    )
    body = p.ApprovalBody(request=request)
    await stage.show(f"approval:{TASK}/ab", body, urgent=True)
    shown = await stage.until_replies(lambda s: len(s) == 2, seconds=5.5)
    assert "Approve" in str(shown[1]["blocks"])
    outcome = p.ApprovalOutcome(verdict="approved", by=ANA, at=1712000000.0)
    decided = body.model_copy(update={"outcome": outcome})
    await stage.show(f"approval:{TASK}/ab", decided, urgent=True)
    shown = await stage.until_replies(lambda s: "approved by ana" in s[1]["text"])
    assert "actions" not in [block["type"] for block in shown[1]["blocks"]]
    assert "rm -rf build" in str(shown[1]["blocks"])


async def test_reactions_come_and_go_and_twice_is_fine(stage: Stage) -> None:
    root = stage.thread.root_ts
    slot = f"reaction:{root}:eyes"

    async def names() -> list[str]:
        return [one["name"] for one in (await stage.root()).get("reactions", [])]

    await stage.show(slot, p.ReactionBody(ts=root))
    await until(names, lambda found: found == ["eyes"])
    await stage.show(f"{slot}2", p.ReactionBody(ts=root))  # already there: no trouble
    await stage.show(slot, p.ReactionBody(ts=root, on=False))
    await until(names, lambda found: found == [])


async def test_the_thread_knows_what_a_task_has_spent_as_it_last_told(stage: Stage) -> None:
    client, spent = stage.engine.client, p.Spent(known_usd=0.25, assumed_usd=0.5)
    key, request = stage.thread.key, p.SpentRequest(task=TASK)
    assert await client.call(p.READ_SPENT, key, request) == p.Spent()
    await stage.show(PLAN, plan(0))
    await stage.show(f"activity:{TASK}", p.ActivityBody(text="`make`", spent=spent))
    told = await until(lambda: client.call(p.READ_SPENT, key, request), lambda s: s != p.Spent())
    assert told == spent
