"""Plays a scenario as the agent would, without an engine: real prompts, real plans, real commands.

The planner's and the worker's requests are the agent's own (`transcript`, `prompts`, `registry`);
the tools are carried out with plain subprocesses in a folder of the test.
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import plans, transcript
from agent import protocol as p
from agent.llm import LLM, Request, ToolCall, Turn
from agent.policy import judge, load_policy
from agent.prompts import render
from agent.tools import patch, registry
from agent.tools.contract import Arguments

MODEL = "gpt-6.1-sol"
TURNS = 25
Json = dict[str, Any]


@dataclass
class StepRun:
    step_id: str
    outcome: str
    summary: str
    commands: list[str]
    checks: list[str]


@dataclass
class Thread:
    """One thread: its folder, what was said, and what became of it.

    Attributes:
        approve: answer to every approval card.
        choice: answer to every question of the model.
        programs: where commands are found.
    """

    llm: LLM
    folder: Path
    approve: bool = True
    choice: str = ""
    programs: str = "/usr/bin:/bin"
    messages: list[p.HistoryEntry] = field(default_factory=list)
    digests: list[p.TaskDigest] = field(default_factory=list)
    plan: p.Plan | None = None
    runs: list[StepRun] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Commands that needed an approval."""
    _commands: list[str] = field(default_factory=list)

    async def task(self, text: str, interrupts: dict[str, str] | None = None) -> p.Plan:
        """Work on a message to the end.

        Args:
            interrupts: by step id, what somebody writes once that step has done its first turn.
        """
        interrupts = dict(interrupts or {})
        self.messages = [self._message(text)]
        self.plan = None
        self.plan = await self._make_plan(seen_before=0)
        while (step := plans.next_step(self.plan)) is not None:
            news = interrupts.pop(step.id, None)
            done = await self._step(step, stop_after=1 if news else TURNS)
            if done is not None:
                status: p.StepStatus = "complete" if done.outcome == "done" else "error"
                self.plan = plans.with_step(self.plan, step.id, status, done.summary)
                self.runs.append(done)
                if done.outcome != "done":
                    break
                continue
            assert news, f"step {step.id} did not end in {TURNS} turns"
            seen_before = self.messages[-1].seq
            self.messages.append(self._message(news))
            fresh = await self._make_plan(seen_before)
            if fresh.steps:
                self.plan = plans.take_over(self.plan, fresh)
        summary = self.plan.answer or (self.runs[-1].summary if self.runs else "")
        digest = p.TaskDigest(task="t", outcome="done", summary=summary, request=text)
        self.digests.append(digest)
        return self.plan

    async def ask_planner(self) -> Turn:
        items = transcript.for_planner(self.messages, self.digests, None, [], 0)
        return await self.llm.turn(self._plan_request(items))

    async def _make_plan(self, seen_before: int) -> p.Plan:
        files = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.py"))
        items = transcript.for_planner(self.messages, self.digests, self.plan, files, seen_before)
        turn = await self.llm.turn(self._plan_request(items))
        return plans.parse(turn.text)

    async def _step(self, step: p.PlanStep, stop_after: int) -> StepRun | None:
        assert self.plan is not None
        self._commands = []
        items = transcript.for_worker(self.messages, self.digests, self.plan, step)
        for _ in range(stop_after):
            turn = await self.llm.turn(self._work_request(items))
            items += turn.items
            for call in turn.calls:
                result, finished = await self._call(call)
                items.append(transcript.tool_output(call.call_id, json.dumps(result)))
                if finished is not None:
                    return StepRun(
                        step.id,
                        finished["outcome"],
                        finished["summary"],
                        self._commands,
                        finished["checks"],
                    )
        return None

    async def _call(self, call: ToolCall) -> tuple[Json, Json | None]:
        arguments = registry.parse(call)
        if not isinstance(arguments, Arguments):
            return json.loads(arguments.as_text()), None
        given = arguments.model_dump()
        if call.name == "finish_step":
            missing = set(given["checks"]) - set(self._commands)
            assert not missing, f"a check that was never run: {missing}"
            return {"ok": True}, given
        tools: dict[str, Callable[[Json], Any]] = {
            "write_file": self._write,
            "read_file": self._read,
            "edit_file": self._edit,
            "apply_patch": self._patch,
            "list_files": self._list,
            "ask_user": self._ask,
        }
        if call.name == "shell":
            return await self._shell(given), None
        if call.name == "search":
            return await self._run(f"grep -rn -e {given['pattern']} ."), None
        result: Json = tools[call.name](given)
        return result, None

    async def _shell(self, given: Json) -> Json:
        command = given["command"]
        if judge(load_policy(), command).decision != "allow":
            self.asked.append(command)
            if not self.approve:
                return {"ok": False, "error": "denied", "detail": "Ana denied this command."}
        self._commands.append(command)
        return await self._run(command)

    async def _run(self, command: str) -> Json:
        command = re.sub(r"(soak\.py --seconds) \d+", r"\1 0.2", command)  # patience is not tested
        process = await asyncio.create_subprocess_exec(
            "/bin/bash",
            "-c",
            command,
            cwd=self.folder,
            env={"PATH": self.programs, "HOME": str(self.folder.parent)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 180)
        code = process.returncode
        return {"ok": code == 0, "exit_code": code, "output": output.decode()}

    def _write(self, given: Json) -> Json:
        path = self.folder / given["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(given["content"], "utf-8")
        return {"ok": True, "path": given["path"]}

    def _read(self, given: Json) -> Json:
        return {"ok": True, "text": (self.folder / given["path"]).read_text("utf-8")}

    def _edit(self, given: Json) -> Json:
        path = self.folder / given["path"]
        text = path.read_text("utf-8")
        if text.count(given["old"]) != 1:
            return {"ok": False, "error": "no_match"}
        path.write_text(text.replace(given["old"], given["new"]), "utf-8")
        return {"ok": True}

    def _patch(self, given: Json) -> Json:
        for section in patch.parse(given["patch"]):
            path = self.folder / section.path
            text = path.read_text("utf-8")
            try:
                path.write_text(patch.apply(text, section.hunks, section.path), "utf-8")
            except patch.PatchError as error:
                return {"ok": False, "error": "bad_patch", "detail": str(error)}
        return {"ok": True}

    def _list(self, _: Json) -> Json:
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        names = [str(path.relative_to(self.folder)) for path in files if ".git" not in path.parts]
        return {"ok": True, "files": names}

    def _ask(self, given: Json) -> Json:
        assert self.choice == "" or self.choice in given["options"]
        if not self.choice:
            return {"ok": False, "error": "no_answer", "detail": "Nobody answered in time."}
        return {"ok": True, "answer": self.choice, "by": "Ana"}

    def _message(self, text: str) -> p.HistoryEntry:
        seq = self.messages[-1].seq + 1 if self.messages else 1
        ana = p.Person(user_id="U0ANA", name="Ana")
        return p.HistoryEntry(seq=seq, ts=f"1.{seq:06}", author=ana, text=text)

    def _plan_request(self, items: list[Json]) -> Request:
        return Request(
            model=MODEL,
            instructions=render("planner"),
            items=items,
            json_schema=plans.DRAFT_SCHEMA,
            schema_name="plan",
            cache_key="plan",
        )

    def _work_request(self, items: list[Json]) -> Request:
        return Request(
            model=MODEL,
            instructions=render("worker"),
            items=items,
            tools=list(registry.schemas("gpt-6.1-sol")),
            cache_key="work",
        )
