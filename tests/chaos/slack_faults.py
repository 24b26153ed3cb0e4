"""`make slack-faults N=10000`: so many deliveries of Slack's, while Slack and our processes fail.

People write in hundreds of threads; the workspace doubles, delays and drops, answers 429 and fails
after it has done what it was asked; replicas of the bot are killed, the agent is restarted. In the
end every instruction must have been read once, and every thread must show what is true. The seed is
printed first, one JSON line last; exit status 1 and the first offences when anything is off.
"""

import argparse
import asyncio
import contextlib
import json
import random
import secrets
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent import history
from agent import protocol as p
from local.errors import LocalCloudError
from tests.chaos.slack_oracle import Found, Offence, Verdict
from tests.chaos.slack_people import Player, new_talk
from tests.chaos.slack_talk import Talk
from tests.chaos.slack_trouble import Trouble
from tests.chaos.slack_world import World, running_world

AT_ONCE = 10
"""Threads people write in at the same time."""
MOST_UNDER_WAY = 120
"""Calls the engine works on: with more, people write in one thread at a time."""
QUIET_WITHIN_SECONDS = 180.0
SHOWN_OFFENCES = 30
LOGS = Path("artefacts", "slack-faults")


@dataclass
class Storm:
    seed: str
    deliveries: int = 0
    calls: int = 0
    restarts: int = 0
    seconds: float = 0.0
    talks: list[Talk] = field(default_factory=list)
    offences: list[Offence] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Not before there is something to judge."""
        return bool(self.talks) and not self.offences

    def figures(self) -> dict[str, Any]:
        found = {
            kind: sum(one.kind == kind for one in self.offences)
            for kind in ("lost", "doubled", "wrong_final_state")
        }
        return {
            "deliveries": self.deliveries,
            "threads": len(self.talks),
            "messages": sum(len(talk.said) for talk in self.talks),
            **found,
            "calls": self.calls,
            "restarts": self.restarts,
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
        }


async def storm(deliveries: int, seed: str) -> Storm:
    """Raises LocalCloudError when the product does not come up at all."""
    result = Storm(seed)
    began = time.monotonic()
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    with (LOGS / "console.log").open("w") as console, contextlib.redirect_stdout(console):
        async with running_world() as world:
            try:
                await _blow(world, result, deliveries)
                await _until_quiet(world, result)
                for talk in result.talks:
                    result.offences += await _judge(world, talk)
                if given_up := await world.people.given_up():
                    why = f"Slack gave up {given_up} deliveries: something was away for too long"
                    result.offences.append(Offence("lost", "", "", why))
                result.offences += [
                    Offence("wrong_final_state", task, "", f"messages out of order: {marks}")
                    for task, marks in world.scribe.disordered
                ]
                result.deliveries = await world.people.sent()
                result.calls = sum((await world.people.call_counts()).values())
            finally:
                for log in world.cloud.data_dir.glob("*.log"):
                    shutil.copy(log, LOGS / log.name)
    result.seconds = time.monotonic() - began
    return result


async def _blow(world: World, result: Storm, deliveries: int) -> None:
    """People write until the workspace has sent as much as is wanted."""
    chance = random.Random(result.seed)
    async with Trouble(world, random.Random(f"{result.seed} trouble")) as trouble:
        playing: set[asyncio.Task[None]] = set()
        while await world.people.sent() < deliveries:
            busy = len(await world.under_way()) > MOST_UNDER_WAY
            while len(playing) < (1 if busy else AT_ONCE):
                talk = new_talk(len(result.talks), chance)
                result.talks.append(talk)
                own = random.Random(f"{result.seed} talk {talk.number}")
                playing.add(asyncio.create_task(Player(world.people, talk, own).play()))
            done, playing = await asyncio.wait(playing, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        await asyncio.gather(*playing)
    result.restarts = trouble.restarts


async def _until_quiet(world: World, result: Storm) -> None:
    """Until nothing is unacknowledged and the engine has nothing left to do."""
    deadline = time.monotonic() + QUIET_WITHIN_SECONDS
    while True:
        for talk in result.talks:
            await Player(world.people, talk, random.Random(0)).decide_what_is_open()
        unacked, under_way = await world.people.unacked(), await world.under_way()
        if not unacked and not under_way:
            return
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
    if unacked:
        why = f"{unacked} deliveries are unacknowledged"
        result.offences.append(Offence("wrong_final_state", "", "", why))
    for what in under_way:
        result.offences.append(Offence("wrong_final_state", "", "", f"under way: {what}"))


async def _judge(world: World, talk: Talk) -> list[Offence]:
    reader = world.people.person(talk.reader)
    sessions = [
        one["status"]
        for one in await reader.sessions()
        if (one["channel"], one["thread_ts"]) == (talk.channel, talk.root)
    ]
    said = await world.sessions.transcript(talk.ref)
    found = Found(
        view=await world.sessions.read(talk.ref),
        history=p.Unread(messages=sorted(said.entries, key=history.order), digests=said.tasks),
        messages=await reader.messages(talk.channel, talk.root),
        presence="".join(sessions),
    )
    offences = Verdict(talk, found, world.scribe).reach()
    if offences:
        evidence = {
            "offences": [str(offence) for offence in offences],
            "said": [asdict(said) for said in talk.said],
            "history": found.history.model_dump(),
            "thread": found.messages,
        }
        path = LOGS / f"talk-{talk.number}.json"
        path.write_text(json.dumps(evidence, indent=1, ensure_ascii=False))
    return offences


def main() -> None:
    parser = argparse.ArgumentParser(prog="slack-faults", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--seed", default="", help="of an earlier run, to repeat its decisions")
    wanted = parser.parse_args()
    seed = wanted.seed or secrets.token_hex(4)
    print(f"seed {seed}", flush=True)
    try:
        result = asyncio.run(storm(wanted.deliveries, seed))
    except LocalCloudError as error:
        sys.exit(f"slack-faults: {error}")
    for offence in result.offences[:SHOWN_OFFENCES]:
        print(offence, file=sys.stderr)
    print(json.dumps(result.figures()), flush=True)
    sys.exit(0 if result.ok else 1)


if __name__ == "__main__":
    main()
