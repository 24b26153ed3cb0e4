"""Every await suspends and replays the handler: what is not deterministic would fail here."""

from pathlib import Path

from agent import protocol as p
from local.slack.faults import Fault
from tests.integration.bot.conftest import running_house


async def test_the_poster_replays_to_the_same_thread(tmp_path: Path) -> None:
    async with running_house(tmp_path, replay_always=True) as house:
        stage = await house.stage()
        root = stage.thread.root_ts
        fault = Fault(method="chat.postMessage", kind="error_after_commit")
        await stage.people.inject(fault)
        await stage.show(f"reaction:{root}:eyes", p.ReactionBody(ts=root))
        await stage.show("presence", p.PresenceBody(state="processing"))
        for n in range(3):
            steps = [p.StepLine(id="1", title=f"Step, seen {n} times", status="in_progress")]
            await stage.show("plan:t/1", p.PlanBody(title="Plan", steps=steps))
            await stage.show("activity:t/1", p.ActivityBody(text=f"doing {n}"))
        await stage.show("note:1", p.NoteBody(text="Done."), urgent=True)
        shown = await stage.until_replies(
            lambda s: len(s) == 2 and "seen 2 times" in str([m["blocks"] for m in s])
        )
        assert {message["metadata"]["event_payload"]["slot"] for message in shown} == {
            "plan:t/1",
            "note:1",
        }
        assert await stage.engine.failures() == []
