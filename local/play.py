"""`python -m local.play`: two people, one thread, the whole product; no browser, under a minute.

Ana asks, Ben changes his mind while a command runs, a risky command waits for the right person, the
project is handed over, unpacked and its tests are run. The thread is printed while it happens.
Ends with
one JSON line; exit status 1 when anything is missing, with what it is.
"""

import argparse
import asyncio
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from local.cloud import Cloud, Door, Wishes, running_cloud
from local.errors import LocalCloudError
from local.slack.client import PeopleClient, Person
from local.terminal import ThreadPrinter, blocks_of

CHANNEL = "C0BUILD"
REQUEST = "@threadwright build a to-do CLI with tests, and soak test it"
CHANGE = "Change of mind: keep the list in SQLite instead of JSON."
WAIT_SECONDS = 60.0
Message = dict[str, Any]


class Missing(Exception):
    """Something that should have happened did not; the message says what."""


class Play:
    """One conversation. Each scene asserts what a person would see, in the words of the thread."""

    def __init__(self, cloud: Cloud, people: PeopleClient) -> None:
        self.cloud = cloud
        self.people = people
        self.ana = people.person("U0ANA")
        self.ben = people.person("U0BEN")
        self.root = ""
        self.seconds: dict[str, float] = {}
        self.printer = ThreadPrinter({"U0ANA": "Ana", "U0BEN": "Ben", "U0BOT": "Threadwright"})

    async def run(self) -> dict[str, Any]:
        """The figures of the JSON line. Raises Missing."""
        began = time.monotonic()
        await self.ask()
        await self.interrupt()
        await self.approve()
        tests = await self.download()
        thread = await self.thread()
        counts = await self.people.call_counts()
        doubled = _doubled(thread)
        if doubled:
            raise Missing(f"posted twice: {doubled[0]}")
        return {
            "seconds": round(time.monotonic() - began, 1),
            **{f"{name}_seconds": round(value, 2) for name, value in self.seconds.items()},
            "messages": len(thread),
            "slack_calls": sum(counts.values()),
            "project_tests": tests,
        }

    async def ask(self) -> None:
        sent = time.monotonic()
        self.root = await self.ana.post(CHANNEL, REQUEST)
        await self.until("👀 on the request", lambda t: _has_reaction(t[0], "eyes"))
        self.seconds["eyes"] = time.monotonic() - sent
        await self.until("a plan", lambda t: _find(t, _is_plan) is not None)
        self.seconds["plan"] = time.monotonic() - sent
        await self.until("a soak test that runs", lambda t: "soak.py --seconds 30" in _status_of(t))

    async def interrupt(self) -> None:
        sent = time.monotonic()
        await self.ben.post(CHANNEL, CHANGE, self.root)
        plan = await self.until("a new plan", lambda t: _find(t, lambda m: "(new)" in text_all(m)))
        self.seconds["replan"] = time.monotonic() - sent
        shown = text_all(plan)
        for word in ("(kept)", "Dropped:", "SQLite"):
            if word not in shown:
                raise Missing(f"the new plan does not show {word!r}")

    async def approve(self) -> None:
        card = await self.until("an approval", lambda t: _find(t, _is_open_approval))
        await self.ben.click(CHANNEL, card["ts"], "approval_approve")
        await self.until(
            "Ben's refusal",
            lambda t: _find(t, lambda m: m.get("ephemeral") and "can answer" in text_all(m)),
            self.ben,
        )
        await self.ana.click(CHANNEL, card["ts"], "approval_approve")
        await self.until(
            "the approved card", lambda t: _find(t, lambda m: "Approved" in text_all(m))
        )
        sent = time.monotonic()
        await self.until("the outcome", lambda t: _find(t, _is_result))
        self.seconds["after_approval"] = time.monotonic() - sent

    async def download(self) -> int:
        """Ask by slash command, unpack, run the project's tests; returns how many there were."""
        sent = time.monotonic()
        await self.ana.command(CHANNEL, "/threadwright", "download")
        message = await self.until("the archive", lambda t: _find(t, lambda m: m.get("files")))
        self.seconds["download"] = time.monotonic() - sent
        content = await self.ana.download(message["files"][0])
        with tempfile.TemporaryDirectory() as folder:
            zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
            project = _project_in(Path(folder))
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "unittest", "discover"],
                cwd=project,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        last = done.stderr.strip().splitlines()
        print(f"\n  unpacked {message['files'][0]['name']}, python3 -m unittest: {last[-1:]}")
        if done.returncode != 0:
            raise Missing(f"the downloaded project's tests fail: {done.stderr[-300:]}")
        ran = next(line for line in last if line.startswith("Ran "))
        return int(ran.split()[1])

    async def thread(self, person: Person | None = None) -> list[Message]:
        return await (person or self.ana).messages(CHANNEL, self.root)

    async def until(
        self,
        what: str,
        found: Callable[[list[Message]], Any],
        person: Person | None = None,
    ) -> Any:
        """Print what is new in the thread until `found`. Raises Missing."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            thread = await self.thread(person)
            self.printer.show(thread)
            if result := found(thread):
                return result
            await asyncio.sleep(0.05)
        raise Missing(f"{what} did not appear within {WAIT_SECONDS:.0f} s")


def text_all(message: Message) -> str:
    return f"{message.get('text', '')}\n{blocks_of(message)}"


def _find(thread: list[Message], wanted: Callable[[Message], Any]) -> Message | None:
    return next((m for m in reversed(thread) if wanted(m)), None)


def _is_plan(message: Message) -> bool:
    return any(block["type"] == "plan" for block in message.get("blocks", []))


def _is_open_approval(message: Message) -> bool:
    return any(
        element.get("action_id") == "approval_approve"
        for block in message.get("blocks", [])
        if block["type"] == "actions"
        for element in block["elements"]
    )


def _is_result(message: Message) -> bool:
    slot: str = message.get("metadata", {}).get("event_payload", {}).get("slot", "")
    return slot.startswith("result:")


def _status_of(thread: list[Message]) -> str:
    plan = _find(thread, _is_plan)
    return text_all(plan) if plan else ""


def _has_reaction(message: Message, name: str) -> bool:
    return any(reaction["name"] == name for reaction in message.get("reactions", []))


def _doubled(thread: list[Message]) -> list[str]:
    slots = [
        message["metadata"]["event_payload"]["slot"]
        for message in thread
        if message.get("metadata", {}).get("event_payload", {}).get("slot")
    ]
    return sorted({slot for slot in slots if slots.count(slot) > 1})


def _project_in(folder: Path) -> Path:
    """The archive may hold one folder named after the project."""
    inner = [path for path in folder.iterdir() if path.is_dir()]
    return inner[0] if len(inner) == 1 and not any(folder.glob("*.md")) else folder


async def play(door: Door = "socket") -> dict[str, Any]:
    async with (
        running_cloud(Wishes(quiet=True, model_delay_ms=150, door=door)) as cloud,
        PeopleClient(cloud.page_url) as people,
    ):
        return await Play(cloud, people).run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.play", description=__doc__)
    parser.add_argument("--door", choices=get_args(Door), default="socket", help="Slack's way in")
    wanted = parser.parse_args()
    try:
        figures = asyncio.run(play(wanted.door))
    except (Missing, LocalCloudError) as error:
        print(json.dumps({"ok": False, "missing": str(error)}))
        sys.exit(1)
    print(json.dumps({"ok": True, **figures}))


if __name__ == "__main__":
    main()
