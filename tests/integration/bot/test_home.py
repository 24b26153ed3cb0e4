"""App Home, preferences and shortcuts, by people in the local workspace, over the real engine."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent import settings
from agent.client import SessionClient
from agent.ledger import ledger
from agent.person import person
from agent.preferences import preferences
from bot import names
from bot.app import build_app
from bot.socket_mode import Socket
from bot.views import preferences as preferences_view
from local.slack.client import Person
from tests.integration.bot.conftest import CHANNEL, TEAM, House, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

THREAD = p.ThreadRef(team=TEAM, channel=CHANNEL, root_ts="1712000000.000100")
STOPPED: list[str] = []
session = VirtualObject(p.SESSION)


@session.handler("read", kind="shared")
async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionView:
    return p.SessionView(exists=ctx.key() == THREAD.key, thread=THREAD, title="To-do", tasks=1)


@session.handler("stop")
async def stop(ctx: ObjectContext, request: p.StopRequest) -> p.Nothing:
    STOPPED.append(request.by.user_id)
    return p.Nothing()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ana(house: House) -> AsyncIterator[Person]:
    """In a workspace with the bot on its socket; the operator offers two models and at most $5."""
    client = SessionClient(house.engine.server.ingress_url)
    bot = settings_for(house.workspace.api_url)
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("OPENAI_API_KEY", "none")
        environ.setenv("LLM_MODEL", "gpt-a")
        environ.setenv("LLM_MODELS", "gpt-b")
        environ.setenv("THREADWRIGHT_BUDGET_USD", "5")
        settings.current.cache_clear()
        settings.current()  # remembered from here on
        async with (
            house.engine.serve([session, person, preferences, ledger]),
            aiohttp.ClientSession() as http,
        ):
            socket = Socket(build_app(bot, client, http), "xapp-local-threadwright")
            await socket.connect()
            card = p.SessionCard(thread=THREAD, title="To-do", updated_at=1.0, status="working")
            await client.send(p.REMEMBER_SESSION, f"{TEAM}:U0ANA", card, key_of_effect="card")
            yield house.people.person("U0ANA")
            await socket.close()
            await client.aclose()
    settings.current.cache_clear()


async def home_of(someone: Person) -> str:
    return str((await someone.state())["home"])


async def shown(someone: Person, text: str) -> dict[str, Any]:
    """The one modal that is open, once it holds this text."""

    def holds(views: list[dict[str, Any]]) -> bool:
        return bool(views) and text in str(views[-1])

    return (await until(someone.views, holds))[-1]


def answers(model: str, approvals: str, budget: str | None) -> dict[str, Any]:
    choice = preferences_view.ACTION_ID
    return {
        preferences_view.MODEL: {choice: {"selected_option": {"value": model}}},
        preferences_view.APPROVALS: {choice: {"selected_option": {"value": approvals}}},
        preferences_view.BUDGET: {choice: {"value": budget}},
    }


async def close_all(someone: Person) -> None:
    for view in reversed(await someone.views()):
        await someone.close_view(view["id"])


async def test_home_offers_settings_that_are_kept_and_shown_at_once(ana: Person) -> None:
    await ana.open_home()
    await until(lambda: home_of(ana), lambda home: "gpt-a (the workspace's default)" in home)
    home = (await ana.state())["home"]
    await ana.click_in_view(home["id"], names.OPEN_PREFERENCES)
    modal = await shown(ana, "The workspace's default: gpt-a")
    refused = await ana.submit(modal["id"], answers("gpt-b", "strict", "7"))
    assert "5.00 or less" in refused["budget_usd"]  # Slack itself says so
    await ana.submit(modal["id"], answers("gpt-b", "strict", "2.50"))
    await shown(ana, "Saved for you")
    home_text = await until(lambda: home_of(ana), lambda home: "gpt-b" in home)
    assert "*Approvals:* strict" in home_text
    assert "$2.50" in home_text
    await close_all(ana)


async def test_a_channels_settings_tell_who_changed_them_last(ana: Person, house: House) -> None:
    ben = house.people.person("U0BEN")
    await ana.command(CHANNEL, names.COMMAND, "config")
    modal = await shown(ana, f"everyone in <#{CHANNEL}>")
    await ana.submit(modal["id"], answers(preferences_view.NOBODY, "strict", None))
    await shown(ana, "Saved for everyone")
    await close_all(ana)
    await ben.command(CHANNEL, names.COMMAND, "config")
    modal = await shown(ben, "Last changed by Ana")
    assert str(modal["blocks"][2]["element"]["initial_option"]["value"]) == "strict"
    await close_all(ben)


async def test_a_person_outside_a_channel_cannot_open_its_settings(
    ana: Person, house: House
) -> None:
    gus = house.people.person("U0GUS")
    link = f"{house.workspace.base_url}/archives/C0VAULT/p1712000000000100"
    await gus.command(CHANNEL, names.COMMAND, f"config {link}")
    told = await until(lambda: private(gus), lambda texts: len(texts) == 1)
    assert "members of this workspace" in told[0]
    assert await gus.views() == []


async def private(someone: Person) -> list[str]:
    return [m["text"] for m in await someone.messages(CHANNEL) if m["ephemeral"]]


async def test_my_sessions_open_from_anywhere_and_their_menu_stops_the_work(ana: Person) -> None:
    await ana.use_global_shortcut(names.SESSIONS_SHORTCUT)
    listed = await shown(ana, "To-do")
    assert f"/archives/{CHANNEL}/p1712000000000100|To-do>" in str(listed)
    await ana.click_in_view(
        listed["id"], names.SESSION_MENU, selected_option={"value": f"stop:{THREAD.key}"}
    )
    await shown(ana, "Stopping the work")
    assert len(await ana.views()) == 2
    assert await until(stopped, lambda users: bool(users)) == ["U0ANA"]
    await close_all(ana)


async def stopped() -> list[str]:
    return list(STOPPED)
