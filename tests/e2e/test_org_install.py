"""Installed for a whole organisation: two teams, one bot, and threads that know only their own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.cloud import Wishes
from local.slack import seed
from local.slack.installs import InstallSpec
from tests.e2e.thread import WatchedThread
from tests.e2e.world import World, has_button, running_world, text_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORG = InstallSpec(kind="org", team_in_authorizations=False)
FIRST, SECOND = ("U0ANA", "C0BUILD"), ("U0DAN", "C0SECOND")
PLACES = (FIRST[1], SECOND[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    approvers = {"THREADWRIGHT_APPROVERS": seed.REVIEWERS.id}
    async with running_world(Wishes(install=ORG, agent_environ=approvers)) as running:
        yield running


async def test_people_of_both_teams_are_served_and_their_threads_do_not_mix(world: World) -> None:
    ours = await world.starts(*FIRST, "@threadwright what is ours?")
    theirs = await world.starts(*SECOND, "@threadwright what is theirs?")
    assert "Heard: what is ours?" in (await ours.result())["text"]
    assert "Heard: what is theirs?" in (await theirs.result())["text"]
    await theirs.reply("And now?")
    answer = await theirs.until(lambda m: "And now?" in text_all(m) and "bot_id" in m)
    assert "ours" not in text_all(answer)


async def test_sessions_are_kept_by_the_organisation(world: World) -> None:
    for user, channel in (FIRST, SECOND):
        thread = await world.starts(user, channel, "@threadwright whose is it?")
        shown = await thread.result()
        key = f"{seed.ORG.id}:{channel}:{thread.root}"
        assert shown["metadata"]["event_payload"]["thread"] == key


@pytest.mark.parametrize(
    ("asker", "clicker"), [(FIRST, "U0ANA"), (SECOND, "U0DAN"), (FIRST, "U0BEN")]
)
async def test_a_click_that_names_no_team_is_taken(
    world: World, asker: tuple[str, str], clicker: str
) -> None:
    """Ben is not the requester but in the group of approvers, which Slack knows by team."""
    thread = await world.starts(*asker, "@threadwright clean up")
    card = await thread.until(lambda m: has_button(m, "approval_approve"))
    await thread.seen_by(world.people.person(clicker)).click(card, "approval_approve")
    assert "All is clean." in (await thread.result())["text"]
    approved = await thread.until(lambda m: m["ts"] == card["ts"])
    assert f"<@{clicker}>" in text_all(approved)


@pytest.mark.parametrize(("user", "channel"), [FIRST, SECOND])
async def test_the_command_the_picker_and_app_home_show_ones_own_sessions(
    world: World, user: str, channel: str
) -> None:
    person = world.people.person(user)
    for number in (1, 2):
        await (await world.starts(user, channel, f"@threadwright {number} of {user}")).result()
    await person.command(channel, "/threadwright", "download")
    picker = await world.modal(user, "session_picker")
    chosen = picker["blocks"][0]["element"]["initial_option"]["value"].split(":")
    assert chosen[:2] == [seed.ORG.id, channel]
    assert all(one not in text_all(picker) for one in PLACES if one != channel)
    await person.submit(picker["id"])
    thread = WatchedThread(person, channel, chosen[2])
    await thread.until(lambda m: "It has no files yet" in m["text"])
    await person.open_home()
    home = await world.home(user)
    assert f"2 of {user}" in text_all(home)
    assert all(one not in text_all(home) for one in PLACES if one != channel)
