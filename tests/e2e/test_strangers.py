"""People of other companies and guests: told once that they are not served, and heard by nobody."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from bot.views.help import OUTSIDER
from local.cloud import Wishes
from local.slack import seed
from local.slack.errors import Refused
from local.slack.installs import InstallSpec
from tests.e2e.world import World, has_button, running_world, slots_of, text_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTTO, GUS = ("U0OTTO", seed.SHARED), ("U0GUS", "C0BUILD")
REFUSAL = OUTSIDER.split(",", maxsplit=1)[0]
_NUMBERS = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    """The other company at the end of the shared channel has installed the app too."""
    async with running_world(Wishes(install=InstallSpec(second=True))) as running:
        yield running


async def refusals(world: World, user: str, channel: str, root: str | None = None) -> int:
    """How many this person sees there, and nobody else does."""
    seen = await world.people.person(user).messages(channel, root)
    mine = [m for m in seen if REFUSAL in text_all(m)]
    assert all(m.get("ephemeral") for m in mine)
    return len(mine)


@pytest.mark.parametrize(("user", "channel"), [OTTO, GUS, ("U0GUS", "D0GUS")])
async def test_a_stranger_is_refused_once_and_politely(
    world: World, user: str, channel: str
) -> None:
    words = [f"open sesame {next(_NUMBERS)}" for _ in range(2)]
    before = await refusals(world, user, channel)
    threads = [await world.starts(user, channel, f"@threadwright {text}") for text in words]
    await world.until_quiet()
    assert await refusals(world, user, channel) == before + 1 == 1
    for thread in threads:
        (alone,) = await thread.messages()
        assert alone["reactions"] == []
    assert not any(world.reached_model(text) for text in words)


@pytest.mark.parametrize(("user", "channel"), [OTTO, GUS])
async def test_a_stranger_cannot_steer_or_decide_the_work_of_members(
    world: World, user: str, channel: str
) -> None:
    theirs = await world.starts("U0ANA", channel, "@threadwright clean up")
    card = await theirs.until(lambda m: has_button(m, "approval_approve"))
    plan = await theirs.until(lambda m: has_button(m, "task_stop"))
    stranger = theirs.seen_by(world.people.person(user))
    said = [await stranger.reply(text) for text in ("stop", "steer", "@threadwright steer")]
    await world.people.person(user).edit(channel, said[1], "@threadwright steer harder")
    for message, action_id in ((card, "approval_approve"), (plan, "task_stop")):
        await stranger.click(message, action_id)
    await world.until_quiet()
    told = [m for m in await world.people.person(user).messages(channel) if is_refusal(m)]
    told += [m for m in await stranger.messages() if is_refusal(m)]
    assert len(told) >= 2  # one for each click, at least

    assert has_button(await theirs.until(lambda m: m["ts"] == card["ts"]), "approval_approve")
    await theirs.click(card, "approval_approve")
    assert "All is clean." in (await theirs.result())["text"]
    assert not world.reached_model("steer")


async def test_slacks_own_stop_button_works_for_members_alone(world: World) -> None:
    thread = await world.starts("U0ANA", seed.SHARED, "@threadwright wait")
    plan = await thread.until(lambda m: "in_progress" in text_all(m))
    await world.people.person("U0OTTO").stop(seed.SHARED, thread.root)
    await world.until_quiet()
    await world.people.person("U0BEN").stop(seed.SHARED, thread.root)
    assert "Ben stopped it" in text_all(await thread.result())
    assert not has_button(await thread.until(lambda m: m["ts"] == plan["ts"]), "task_stop")


def is_refusal(message: dict[str, Any]) -> bool:
    return REFUSAL in text_all(message)


async def test_what_a_stranger_said_before_a_member_came_is_not_read(world: World) -> None:
    thread = await world.starts("U0OTTO", seed.SHARED, "The password is swordfish.")
    await thread.seen_by(world.people.person("U0ANA")).reply("@threadwright what is this?")
    assert "Heard: what is this?" in (await thread.result())["text"]
    assert not world.reached_model("swordfish")


async def test_a_stranger_gets_no_project_by_button_command_shortcut_or_menu(world: World) -> None:
    thread = await world.starts("U0ANA", "C0BUILD", "@threadwright write a poem")
    result = await thread.result()
    gus, stranger = world.people.person("U0GUS"), thread.seen_by(world.people.person("U0GUS"))
    link = f"{world.cloud.page_url}/archives/C0BUILD/p{thread.root.replace('.', '')}"
    before = len([m for m in await gus.messages("C0BUILD") if is_refusal(m)])
    for text in (f"download {link}", "download", "sessions", "config"):
        await gus.command("C0BUILD", "/threadwright", text)
    await gus.shortcut("C0BUILD", thread.root, "download_project")
    await stranger.click(result, "project_download")
    await world.until_quiet()
    await gus.open_home()
    await world.until_quiet()
    told = [m for m in await gus.messages("C0BUILD") if is_refusal(m)]
    assert len(told) >= before + 4
    assert await gus.views() == []
    assert REFUSAL in text_all((await gus.state())["home"])
    assert not any(m.get("files") for m in await stranger.messages())
    assert "files.getUploadURLExternal" not in await world.people.call_counts()
    with pytest.raises(Refused, match="not a valid command"):
        await world.people.person("U0OTTO").command(seed.SHARED, "/threadwright", "download")


async def test_a_shared_channel_that_two_installs_hear_of_has_one_conversation(
    world: World,
) -> None:
    """What is for the other company's bot user is not for ours."""
    other = await world.starts("U0ANA", seed.SHARED, "@threadwright2 not for you")
    thread = await world.starts("U0ANA", seed.SHARED, "@threadwright for you")
    assert "Heard: for you" in (await thread.result())["text"]
    await thread.reply("@threadwright2 nor this")
    await thread.reply("but this")
    await thread.until(lambda m: "but this" in text_all(m) and "bot_id" in m)
    await world.until_quiet()
    slots = slots_of(await thread.messages())
    assert len(slots) == len(set(slots))
    assert len(await other.messages()) == 1
    assert not world.reached_model("not for you")
    assert not world.reached_model("nor this")


async def test_guests_are_served_where_the_operator_admits_them(world: World) -> None:
    """Last here: the bot is started anew for it."""
    await world.cloud.bot.stop()
    world.cloud.bot.set(THREADWRIGHT_ADMIT="guests")
    await world.cloud.bot.start()
    await world.cloud.bot.until_ready()
    thread = await world.starts("U0GUS", "C0BUILD", "@threadwright clean up for Gus")
    card = await thread.until(lambda m: has_button(m, "approval_approve"))
    await thread.click(card, "approval_approve")
    assert "All is clean." in (await thread.result())["text"]
    still = await world.starts("U0OTTO", seed.SHARED, "@threadwright clean up for Otto")
    await world.until_quiet()
    assert len(await still.messages()) == 1
    assert not world.reached_model("for Otto")
