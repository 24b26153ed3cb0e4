"""How tests drive the agent: people's messages in, the model's script, recorded events out."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent import protocol as p
from local.model import Reply, ScriptedModel, call, say
from tests.fakes.reader import RecordedReader
from tests.fakes.restate import Engine
from tests.fakes.thread import RecordedThreads
from tests.fakes.upload import RecordedUploads

ANA = p.Person(user_id="U0ANA", name="Ana")
BEN = p.Person(user_id="U0BEN", name="Ben")
THREAD = p.ThreadRef(team="T", channel="C", root_ts="1.000000")
UNTIL_LET_GO = "until test -e go; do sleep 0.05; done"
"""A command that ends with `let_go`, and not before."""
Script = Callable[[dict[str, Any]], Reply]


def is_planning(request: dict[str, Any]) -> bool:
    return "role: planner" in request["instructions"]


def plan(*steps: str, answer: str = "", question: str = "", options: tuple[str, ...] = ()) -> Reply:
    rows = [{"id": s, "title": s.title(), "detail": s, "done_when": "it is"} for s in steps]
    draft = {
        "goal": "A goal",
        "assumptions": [],
        "answer": answer,
        "question": question,
        "options": options,
        "steps": rows,
    }
    return say(json.dumps(draft))


def shell(command: str) -> Reply:
    arguments = {"command": command, "workdir": None, "timeout_s": None, "background": None}
    return Reply(calls=(call("shell", arguments),))


def finish(summary: str = "It is done.", *checks: str) -> Reply:
    arguments = {"outcome": "done", "summary": summary, "files": [], "checks": list(checks)}
    return Reply(calls=(call("finish_step", arguments),))


def outputs(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        json.loads(item["output"])
        for item in request["input"]
        if item["type"] == "function_call_output"
    ]


def text_of(request: dict[str, Any]) -> str:
    text: str = request["input"][0]["content"][0]["text"]
    return text


async def let_go(state: Path) -> None:
    """End `UNTIL_LET_GO` in the one sandbox of this state folder."""
    async with asyncio.timeout(90):
        while not (projects := list(state.glob("boxes/tw-*/files/project"))):
            await asyncio.sleep(0.02)
    (projects[0] / "go").touch()


class Agent:
    """What a test drives: people's messages in, recorded events out."""

    def __init__(
        self,
        engine: Engine,
        threads: RecordedThreads,
        scripted: ScriptedModel,
        uploads: RecordedUploads,
        reader: RecordedReader,
    ) -> None:
        self.engine = engine
        self.threads = threads
        self.model = scripted
        self.uploads = uploads
        self.reader = reader
        self._ts = 1

    async def say(self, text: str, author: p.Person = ANA) -> None:
        self._ts += 1
        ts = "1.000000" if self._ts == 2 else f"1.{self._ts:06}"
        await self.engine.client.send_message(
            p.UserMessage(thread=THREAD, ts=ts, author=author, text=text)
        )

    async def deliver(self, ts: str, text: str, author: p.Person = ANA, **more: Any) -> None:
        """A message under a timestamp of the test's choice: deliveries come in any order."""
        message = p.UserMessage(thread=THREAD, ts=ts, author=author, text=text, **more)
        await self.engine.client.send_message(message)

    async def edit(self, ts: str, text: str, edit_ts: str, author: p.Person = ANA) -> None:
        await self.engine.client.send_edit(
            p.MessageEdit(thread=THREAD, ts=ts, edit_ts=edit_ts, author=author, text=text)
        )

    async def history(self) -> list[p.HistoryEntry]:
        unread = await self.engine.client.call(p.READ_UNREAD, THREAD.key, p.ReadRequest())
        return unread.messages

    async def taken_in(self, text: str) -> None:
        """Until the session has this message: a delivery is answered before."""
        async with asyncio.timeout(90):
            while text not in [entry.text for entry in await self.history()]:
                await asyncio.sleep(0.02)

    async def result(self, holds: Callable[[p.ResultBody], bool] = lambda _: True) -> p.ResultBody:
        return await self.threads.until(p.ResultBody, holds)

    async def approval(self) -> p.ApprovalRequest:
        body = await self.threads.until(p.ApprovalBody, lambda b: b.outcome is None)
        return body.request

    async def answer(
        self, request: p.ApprovalRequest, by: p.Person, decision: str, answer: str = ""
    ) -> p.AnswerReceipt:
        made = {"approval": request.approval, "by": by, "decision": decision, "answer": answer}
        return await self.engine.client.answer(p.ApprovalAnswer.model_validate(made))

    async def running_command(self) -> None:
        """Until the step's command has been announced."""
        await self.threads.until(p.ActivityBody, lambda body: "sleep" in body.text)

    async def download(self, request_id: str = "click 1") -> tuple[p.UploadFinish, bytes]:
        """What is shared after somebody asked for the project."""
        await self.engine.client.download(
            p.DownloadRequest(thread=THREAD, by=ANA, request_id=request_id)
        )
        async with asyncio.timeout(90):
            while not self.uploads.shared:
                await asyncio.sleep(0.02)
        return self.uploads.shared[-1]

    async def idle(self) -> p.SessionView:
        """Until the session has taken the end of its task."""
        async with asyncio.timeout(90):
            while (view := await self.engine.client.read(THREAD)).task is not None:
                await asyncio.sleep(0.02)
        return view
