"""What people and the model see of a sandbox that is lost, restarted or taken back."""

import asyncio
import io
import json
import os
import shutil
import signal
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent import leases
from agent import protocol as p
from local.model import Reply
from sandbox.backends.local.backend import LocalBackend
from sandbox.settings import Settings as SandboxSettings
from tests.integration.agent.driver import (
    ANA,
    THREAD,
    Agent,
    finish,
    is_planning,
    outputs,
    plan,
    shell,
    text_of,
)
from tests.integration.sandbox.driver import spec

RISKY = "git clean -fdX"


async def stop_sandboxes(state: Path) -> None:
    """End every sandbox's processes, as its lease or a restart of the machine would."""
    backend = LocalBackend(SandboxSettings.load({"SANDBOX_STATE_DIR": str(state)}))
    for box in (state / "boxes").glob("tw-*"):
        await backend.stop(await backend.ensure(spec(box.name), None, []))


async def test_an_approval_outlives_the_sandbox_and_the_work_goes_on_with_its_files(
    make_agent: Any, sandboxes: Path
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("tidy")
        done = outputs(request)
        commands = ["git init -q . && echo kept > kept.txt", RISKY, "cat kept.txt"]
        return shell(commands[len(done)]) if len(done) < 3 else finish(done[-1]["output"])

    async with make_agent(script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        await stop_sandboxes(sandboxes)
        assert (await agent.answer(request, ANA, "approve")).accepted
        result = await agent.result()
    assert (result.outcome, result.summary) == ("done", "kept\n")


async def test_a_sandbox_lost_in_the_middle_is_a_result_the_model_can_react_to(
    make_agent: Any, sandboxes: Path
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work")
        done = outputs(request)
        commands = ["echo kept > kept.txt; touch written; sleep 60", "cat kept.txt"]
        if len(done) < 2:
            return shell(commands[len(done)])
        return finish(f"{done[0]['error']}: {done[1]['output']}")

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.running_command()
        await until_written(sandboxes, "written")
        await stop_sandboxes(sandboxes)
        result = await agent.result()
    assert result.outcome == "done"
    assert result.summary in ("sandbox_restarted: kept\n", "lost: kept\n")


async def until_written(state: Path, name: str) -> None:
    async with asyncio.timeout(90):
        while not list(state.glob(f"boxes/tw-*/files/project/{name}")):
            await asyncio.sleep(0.02)


async def lose_everything(state: Path) -> None:
    """As when a provider's sandbox dies: processes and files are gone, snapshots are not."""
    await stop_sandboxes(state)
    take_away_boxes(state)


def take_away_boxes(state: Path) -> None:
    """At once: whoever starts a sandbox anew meanwhile finds no half of a folder, nor makes one."""
    for box in (state / "boxes").glob("tw-*"):
        taken = state / f"taken-{time.monotonic_ns()}"
        box.rename(taken)
        shutil.rmtree(taken, ignore_errors=True)  # what is left goes with the state folder


class TwoSteps:
    """Each step appends its line; the second one hangs the first time it is tried."""

    def __init__(self) -> None:
        self.second_tries = 0

    def __call__(self, request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("one", "two")
        done = outputs(request)
        if "Current step: one" in text_of(request):
            return finish("One is there.") if done else shell("echo one >> log")
        if not done:
            self.second_tries += 1
            wait = "; sleep 60" if self.second_tries == 1 else ""
            return shell(f"echo two >> log; cp log copy{wait}")
        return shell("cat log") if len(done) == 1 else finish(done[1]["output"])


async def test_work_lost_with_its_sandbox_is_done_again_and_the_thread_says_from_where(
    make_agent: Any, sandboxes: Path
) -> None:
    async with make_agent(TwoSteps()) as agent:
        await agent.say("work")
        await agent.running_command()
        await until_written(sandboxes, "copy")
        await lose_everything(sandboxes)
        result = await agent.result()
        notes = [body.text for body in agent.threads.bodies(p.NoteBody)]
    assert (result.outcome, result.summary) == ("done", "one\ntwo\n")
    assert notes == [
        "The sandbox was lost. The project was brought back as of step 1 (“One”)."
        " To be done again: step 2 (“Two”)."
    ]


async def test_finished_steps_that_no_snapshot_holds_are_done_again_too(
    make_agent: Any, sandboxes: Path
) -> None:
    async with make_agent(TwoSteps()) as agent:
        await agent.say("work")
        await agent.running_command()
        await until_written(sandboxes, "copy")
        shutil.rmtree(sandboxes / "snapshots")
        (sandboxes / "snapshots").mkdir()
        shutil.chown(sandboxes / "snapshots", *owner_of(sandboxes / "boxes"))
        await lose_everything(sandboxes)
        result = await agent.result()
        notes = [body.text for body in agent.threads.bodies(p.NoteBody)]
    assert (result.outcome, result.summary) == ("done", "one\ntwo\n")
    assert len(notes) == 1
    assert "starts empty. To be done again: step 1 (“One”), step 2 (“Two”)." in notes[0]


def owner_of(folder: Path) -> tuple[int, int]:
    info = folder.stat()
    return info.st_uid, info.st_gid


async def test_a_task_whose_sandbox_dies_again_and_again_ends_with_a_sentence(
    make_agent: Any, sandboxes: Path
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work")
        return shell("touch begun; sleep 60")

    async with make_agent(script) as agent:
        await agent.say("work")
        async with asyncio.timeout(90):
            while not agent.threads.bodies(p.ResultBody):  # six losses, a second or two each
                if list(sandboxes.glob("boxes/tw-*/files/project/begun")):
                    await lose_everything(sandboxes)
                await asyncio.sleep(0.02)
        result = await agent.result()
    assert result.outcome == "failed"
    assert "was lost 6 times" in result.summary


def packed(archive: bytes) -> dict[str, bytes]:
    """Files of a downloaded project by name, without its folder."""
    project = zipfile.ZipFile(io.BytesIO(archive))
    return {name.partition("/")[2]: project.read(name) for name in project.namelist()}


async def test_a_download_works_when_the_sandbox_is_dead_and_says_as_of_when(
    make_agent: Any, sandboxes: Path
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("one", "two")
        step = "one" if "Current step: one" in text_of(request) else "two"
        return finish() if outputs(request) else shell(f"echo {step} >> log")

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.result()
        await until_snapshots(sandboxes, 2)
        await lose_everything(sandboxes)
        shared, archive = await agent.download()
    assert packed(archive) == {"log": b"one\ntwo\n"}
    assert "here is the project as of step 2 (“Two”): 1 file." in shared.comment


async def until_snapshots(state: Path, count: int) -> None:
    async with asyncio.timeout(90):
        while len(list(state.glob("snapshots/*/*[!l]"))) < count:
            await asyncio.sleep(0.02)


async def test_a_download_while_work_goes_on_changes_nothing_for_it(
    make_agent: Any, sandboxes: Path
) -> None:
    """The box dies during step two; the download meets it first, the task is told all the same."""
    async with make_agent(TwoSteps()) as agent:
        await agent.say("work")
        await agent.running_command()
        await until_written(sandboxes, "copy")
        await lose_everything(sandboxes)
        shared, archive = await agent.download()
        result = await agent.result()
    assert packed(archive)["log"].startswith(b"one\n")
    assert shared.comment.startswith("here is the project")
    assert shared.mentions == ["U0ANA"]
    assert (result.outcome, result.summary) == ("done", "one\ntwo\n")


async def test_an_upload_whose_answer_was_lost_is_sent_to_a_new_address(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("one")
        return finish() if outputs(request) else shell("echo one >> log")

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.result()
        agent.uploads.failing = 1
        shared, archive = await agent.download()
    assert packed(archive) == {"log": b"one\n"}
    assert shared.file_id == "F1"
    assert len(agent.uploads.shared) == 1


async def test_a_task_that_an_operator_kills_is_reported_and_the_thread_goes_on(
    make_agent: Any,
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("again" if "once more" in text_of(request) else "work")
        if "Current step: again" in text_of(request):
            return finish("Went on.")
        return shell("sleep 60")

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.running_command()
        await kill_task(agent)
        stopped = await agent.result()
        view = await agent.idle()
        await agent.say("once more")
        result = await agent.result(lambda body: body.outcome == "done")
    assert (stopped.outcome, view.status) == ("stopped", "idle")
    assert "ended from outside" in stopped.summary
    killed = agent.threads.bodies(p.PlanBody)
    assert "stopped" in [plan.state for plan in killed]
    assert result.summary == "Went on."


async def kill_task(agent: Agent) -> None:
    rows = await agent.engine.query(
        "select id from sys_invocation where target_service_name = 'Task'"
        " and target_handler_name = 'run' and status != 'completed'"
    )
    url = f"{agent.engine.server.admin_url}/invocations/{rows[0]['id']}/kill"
    async with aiohttp.ClientSession() as http, http.patch(url) as response:
        response.raise_for_status()


@pytest.fixture
def room(sandboxes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No sandbox starts before this file is there."""
    monkeypatch.setattr("sandbox.object.START_ATTEMPTS", 2)
    monkeypatch.setattr("agent.leases.PAUSE", timedelta(seconds=1))
    room = sandboxes.parent / "room"
    refuse = "echo 'Creating new namespace failed: Resource temporarily unavailable' >&2; exit 1"
    wrap_bwrap(monkeypatch, sandboxes.parent, f"[ -e {room} ] || {{ {refuse}; }}")
    return room


def wrap_bwrap(monkeypatch: pytest.MonkeyPatch, folder: Path, first: str) -> None:
    wrapper = folder / "busy-bwrap"
    wrapper.write_text(f'#!/bin/sh\n{first}\nexec {shutil.which("bwrap")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("SANDBOX_BWRAP", str(wrapper))


def work_once(request: dict[str, Any]) -> Reply:
    return plan("work") if is_planning(request) else finish("Done at last.")


def notes(agent: Agent) -> list[tuple[str, int, str]]:
    shown = [e for e in agent.threads.events if isinstance(e.body, p.NoteBody)]
    return [(e.slot, e.rev, e.body.text) for e in shown if isinstance(e.body, p.NoteBody)]


async def test_a_provider_in_trouble_is_waited_for_and_the_thread_is_told(
    make_agent: Any, room: Path
) -> None:
    async with make_agent(work_once) as agent:
        await agent.say("work")
        await agent.threads.until(p.NoteBody, lambda body: "keep trying" in body.text)
        await agent.say("and do it well")
        room.touch()
        result = await agent.result()
        planned = [text_of(seen.body) for seen in agent.model.requests if is_planning(seen.body)]
    (slot, _, told), (same_slot, rev, again) = notes(agent)
    assert told.startswith(leases.REFUSED)
    assert "reached: A sandbox did not start for lack of processes or memory" in told
    assert (same_slot, rev, again) == (slot, 2, leases.AGAIN)
    assert result.summary == "Done at last."
    assert "and do it well" in planned[-1]


async def test_a_start_that_takes_long_is_told_before_it_ends(
    make_agent: Any, sandboxes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.leases.SLOW", timedelta(seconds=0.5))
    room = sandboxes.parent / "room"
    wrap_bwrap(monkeypatch, sandboxes.parent, f"until [ -e {room} ]; do sleep 0.1; done")
    async with make_agent(work_once) as agent:
        await agent.say("work")
        await agent.threads.until(p.NoteBody, lambda body: body.text == leases.STARTING)
        room.touch()
        result = await agent.result()
    assert [text for _, _, text in notes(agent)][-1] == leases.AGAIN
    assert result.summary == "Done at last."


async def test_a_stop_ends_the_wait_for_a_sandbox_and_no_note_says_otherwise(
    make_agent: Any, room: Path
) -> None:
    async with make_agent(work_once) as agent:
        await agent.say("work")
        await agent.threads.until(p.NoteBody, lambda body: "keep trying" in body.text)
        await agent.engine.client.stop(p.StopRequest(thread=THREAD, by=ANA), "stop-1")
        result = await agent.result()
    assert result.outcome == "stopped"
    assert notes(agent)[-1][2] == leases.STOPPED


@pytest.mark.parametrize("slow", [False, True])
async def test_a_wait_in_vain_ends_the_task_with_one_sentence(
    make_agent: Any, sandboxes: Path, room: Path, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    monkeypatch.setattr("agent.leases.LONGEST", timedelta(seconds=1))
    if slow:
        monkeypatch.setattr("agent.leases.SLOW", timedelta(seconds=0.2))
        wrap_bwrap(monkeypatch, sandboxes.parent, "sleep 4")
    async with make_agent(work_once) as agent:
        await agent.say("work")
        result = await agent.result()
    assert result.outcome == "failed"
    assert result.summary.startswith(leases.GIVEN_UP)
    assert result.summary.endswith("Write again to go on.")
    told = [text for _, _, text in notes(agent)]
    assert told[-1] == leases.GIVEN_UP
    if slow:  # told for how long, and it was not longer
        assert told == [leases.STARTING, leases.GIVEN_UP]


async def test_a_task_is_not_done_before_what_its_last_step_did_is_kept(
    make_agent: Any, sandboxes: Path
) -> None:
    losses = 0

    def script(request: dict[str, Any]) -> Reply:
        nonlocal losses
        if is_planning(request):
            return plan("one", "two")
        step = "one" if "Current step: one" in text_of(request) else "two"
        if not outputs(request):
            return shell(f"echo {step} >> log")
        if step == "two" and losses == 0:
            losses += 1
            lose_now(sandboxes)
        return finish(f"{step} is there.")

    async with make_agent(script) as agent:
        await agent.say("work")
        result = await agent.result()
        (log,) = sandboxes.glob("boxes/tw-*/files/project/log")
        assert log.read_text() == "one\ntwo\n"
    assert result.outcome == "done"


def lose_now(state: Path) -> None:
    """As `lose_everything`, without waiting for anybody."""
    for box in (state / "boxes").glob("tw-*"):
        os.kill(json.loads((box / "box.json").read_text())["supervisor"]["pid"], signal.SIGKILL)
    take_away_boxes(state)
