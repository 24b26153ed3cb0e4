"""HTTP mode over all processes: Slack's signed requests reach the bot, and nothing else does."""

from collections.abc import AsyncIterator
from typing import get_args

import pytest
import pytest_asyncio

from local.cloud import Wishes
from local.slack import seed
from local.slack.signing import Forgery
from tests.e2e.thread import WatchedThread
from tests.e2e.world import POEM, World, has_button, poem_in, running_world, slots_of, text_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANNEL = "C0BUILD"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with running_world(Wishes(door="http")) as running:
        yield running


async def test_a_whole_conversation_comes_through_signed_requests(world: World) -> None:
    thread = await world.starts("U0ANA", CHANNEL, "@threadwright write a poem, then wait")
    await thread.until(lambda m: "complete" in text_all(m) and "in_progress" in text_all(m))
    await thread.reply("Enough of that.")
    card = await thread.until(lambda m: has_button(m, "approval_approve"))
    await thread.click(card, "approval_approve")
    assert "All is clean." in (await thread.result())["text"]
    await world.people.person("U0ANA").command(CHANNEL, "/threadwright", "download")
    shared = await thread.until(lambda m: bool(m.get("files")))
    content = await world.people.person("U0ANA").download(shared["files"][0])
    assert poem_in(content) == POEM
    assert await world.people.connections() == 0  # no socket was ever opened
    slots = slots_of(await thread.messages())
    assert len(slots) == len(set(slots))


async def test_modals_and_app_home_come_through_signed_requests(world: World) -> None:
    ben = world.people.person("U0BEN")
    for number in (1, 2):
        await (await world.starts("U0BEN", CHANNEL, f"@threadwright {number}?")).result()
    await ben.command(CHANNEL, "/threadwright", "status")
    picker = await world.modal("U0BEN", "session_picker")
    await ben.submit(picker["id"])
    await ben.open_home()
    assert "Your sessions" in text_all(await world.home("U0BEN"))


async def test_a_bot_that_is_killed_in_the_middle_loses_nothing(world: World) -> None:
    waiting = await world.starts("U0ANA", CHANNEL, "@threadwright clean up")
    card = await waiting.until(lambda m: has_button(m, "approval_approve"))
    await world.cloud.bot.kill()
    asked = await world.starts("U0BEN", CHANNEL, "@threadwright are you there?")
    await world.cloud.bot.start()
    await world.cloud.bot.until_ready()
    await waiting.click(card, "approval_approve")
    assert "All is clean." in (await waiting.result())["text"]
    assert "Heard: are you there?" in (await asked.result())["text"]  # by Slack's retries
    for thread in (waiting, asked):
        slots = slots_of(await thread.messages())
        assert len(slots) == len(set(slots))


@pytest.mark.parametrize("forgery", get_args(Forgery))
async def test_what_slack_did_not_sign_is_refused_and_does_nothing(
    world: World, forgery: Forgery
) -> None:
    thread = await world.starts("U0ANA", CHANNEL, "Nobody is meant by this.")
    forged = mention_in(thread, f"pay by {forgery}")
    answer = await world.people.deliver("events_api", forged, forgery=forgery)
    assert [one["status"] for one in answer["answers"]] == [401]
    # the same place, signed well: had the forged one been taken, it would be the first here
    answer = await world.people.deliver("events_api", mention_in(thread, "this is us"))
    assert [one["status"] for one in answer["answers"]] == [200]
    assert "Heard: this is us" in (await thread.result())["text"]
    assert not world.reached_model(f"pay by {forgery}")


async def test_a_signed_request_that_is_replayed_is_acted_on_once(world: World) -> None:
    thread = await world.starts("U0ANA", CHANNEL, "Nobody is meant by this either.")
    said = mention_in(thread, "say it once")
    answer = await world.people.deliver("events_api", said, times=3)
    assert [one["status"] for one in answer["answers"]] == [200, 200, 200]
    assert "Heard: say it once" in (await thread.result())["text"]
    assert len([r for r in world.model.requests if "say it once" in str(r.body)]) == 1


def mention_in(thread: WatchedThread, text: str) -> dict[str, object]:
    """The event of a mention that stands where the thread's first message does."""
    event = {
        "type": "app_mention",
        "user": "U0ANA",
        "text": f"<@{seed.BOT.id}> {text}",
        "channel": thread.channel,
        "ts": thread.root,
        "event_ts": thread.root,
    }
    bot = {"user_id": seed.BOT.id, "team_id": seed.TEAM.id, "is_bot": True}
    return {
        "type": "event_callback",
        "token": seed.VERIFICATION_TOKEN,
        "team_id": seed.TEAM.id,
        "api_app_id": seed.APP_ID,
        "event_id": f"Ev{thread.root.replace('.', '')}",
        "event_time": int(float(thread.root)),
        "authorizations": [{"enterprise_id": None, **bot, "is_enterprise_install": False}],
        "event": event,
    }
