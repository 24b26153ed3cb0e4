"""The page against the local workspace: what people do reaches the app, and what the app shows
arrives without disturbing whoever is typing or reading."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

from local.slack import modals, seed
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.e2e.test_page_renderer import CHROMIUM_ARGS, chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]


@dataclass
class World:
    """A workspace whose app speaks only when the test says so, and a browser to look at it."""

    workspace: Workspace
    app: AsyncWebClient
    http: aiohttp.ClientSession
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)

    async def act(self, gesture: str, **body: Any) -> dict[str, Any]:
        url = f"{self.workspace.base_url}/local/{gesture}"
        async with self.http.post(url, json=body) as response:
            answer: dict[str, Any] = await response.json()
        assert answer["ok"], answer
        return answer

    async def say(self, text: str, user: str = "U0BEN", **where: str) -> str:
        posted = await self.act("message", **{"channel": "C0BUILD", **where}, user=user, text=text)
        return str(posted["ts"])

    async def open(self, where: str, width: int = 1280) -> Page:
        """The page at this address. Tests share one page per person and width: loading is slow."""
        key = f"{where.partition('&')[0]} {width}"
        if key not in self.pages:
            self.pages[key] = await self.browser.new_page(viewport={"width": width, "height": 800})
            self.pages[key].set_default_timeout(5_000)
            self.pages[key].on("console", lambda message: self.complaints.append(message.text))
            self.pages[key].on("pageerror", lambda error: self.complaints.append(str(error)))
        page = self.pages[key]
        await page.goto(f"{self.workspace.base_url}/{where}")
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world() -> AsyncIterator[World]:
    async with (
        running_workspace(manifest=ROOT / "manifest.yml") as workspace,
        aiohttp.ClientSession() as http,
        async_playwright() as playwright,
    ):
        base_url = workspace.api_url.rstrip("/") + "/"
        app = AsyncWebClient(seed.BOT_TOKEN, base_url=base_url, session=http)
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        yield World(workspace, app, http, browser)
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared_world: World) -> AsyncIterator[World]:
    """The test fails when the browser complained about anything meanwhile."""
    shared_world.complaints.clear()
    yield shared_world
    assert shared_world.complaints == []


def thread_of(ts: str, user: str = "U0ANA") -> str:
    return f"#user={user}&channel=C0BUILD&thread={ts}"


def message(page: Page, ts: str, pane: str = "#channel") -> Locator:
    return page.locator(f"{pane} [data-testid=message][data-ts='{ts}']")


def plan(done: int, total: int = 3) -> list[dict[str, Any]]:
    def status(index: int) -> str:
        return "complete" if index < done else "in_progress" if index == done else "pending"

    tasks = [
        {"type": "task_card", "task_id": f"t{i}", "title": f"Step {i}", "status": status(i)}
        for i in range(total)
    ]
    return [{"type": "plan", "title": "Build it", "tasks": tasks}]


async def recorded(page: Page, gesture: str, act: Callable[[], Awaitable[None]]) -> Any:
    """The body of the request this act leads to."""
    async with page.expect_request(f"**/local/{gesture}") as sent:
        await act()
    return (await sent.value).post_data_json


async def test_a_message_sent_with_enter_appears_for_everyone_at_once(world: World) -> None:
    ana, ben = (
        await world.open("#user=U0ANA&channel=C0BUILD"),
        await world.open("#user=U0BEN&channel=C0BUILD"),
    )
    await ana.get_by_test_id("channel-composer").fill("two\nlines & <b>more</b> @ben")
    await ana.get_by_test_id("channel-composer").press("Enter")
    for page in (ana, ben):
        last = page.locator("#channel").get_by_test_id("message").last
        await expect(last).to_contain_text("lines & <b>more</b> @ben")
    await expect(ana.get_by_test_id("channel-composer")).to_have_value("")


async def test_an_update_disturbs_neither_typing_nor_reading(world: World) -> None:
    root = await world.say("start")
    for number in range(30):
        await world.say(f"reply {number}", thread_ts=root)
    posted = await world.app.chat_postMessage(
        channel="C0BUILD", thread_ts=root, text="plan", blocks=plan(0)
    )
    page = await world.open(thread_of(root))
    composer, rows = page.get_by_test_id("thread-composer"), page.get_by_test_id("task")
    await expect(rows.first).to_have_attribute("data-status", "in_progress")
    await composer.fill("half a thought")
    await composer.evaluate("field => field.setSelectionRange(4, 6)")
    scroller = page.locator("#thread .scroller")
    await scroller.evaluate(
        "node => { node.scrollTop = 120; window.row = node.querySelector('.task'); }"
    )

    await world.app.chat_update(
        channel="C0BUILD", ts=str(posted["ts"]), text="plan", blocks=plan(2)
    )
    await world.say("one more", thread_ts=root)

    await expect(rows.nth(1)).to_have_attribute("data-status", "complete")
    await expect(page.locator("#thread .jump")).to_be_visible()
    assert await scroller.evaluate("node => node.scrollTop") == 120
    assert await page.evaluate("row === document.querySelector('#thread .task')")
    assert await composer.evaluate("f => [f.value, f.selectionStart, f.selectionEnd]") == [
        "half a thought",
        4,
        6,
    ]
    assert await composer.evaluate("field => field === document.activeElement")


async def test_a_reader_at_the_end_follows_new_messages(world: World) -> None:
    root = await world.say("start")
    for number in range(30):
        await world.say(f"reply {number}", thread_ts=root)
    page = await world.open(thread_of(root))
    await expect(page.locator("#thread").get_by_text("reply 29")).to_be_in_viewport()
    newest = await world.say("the newest", thread_ts=root)
    await expect(message(page, newest, "#thread")).to_be_in_viewport()


async def test_each_conversation_keeps_its_own_draft(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    composer = page.get_by_test_id("channel-composer")
    await composer.fill("for build")
    await page.get_by_test_id("channel-C0GENERAL").click()
    await expect(composer).to_have_value("")
    await page.get_by_test_id("channel-C0BUILD").click()
    await expect(composer).to_have_value("for build")


async def test_a_slash_command_is_refused_in_a_thread_and_the_text_stays(world: World) -> None:
    page = await world.open(thread_of(await world.say("start")))
    composer = page.get_by_test_id("thread-composer")
    await composer.fill("/threadwright status")
    await composer.press("Enter")
    await expect(page.get_by_test_id("toast")).to_contain_text("thread")
    await expect(composer).to_have_value("/threadwright status")


async def test_commands_and_people_are_completed(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    composer = page.get_by_test_id("channel-composer")
    await composer.fill("/thr")
    await composer.press("Enter")
    await expect(composer).to_have_value("/threadwright ")
    await composer.fill("ask @thr")
    await composer.press("Tab")
    await expect(composer).to_have_value("ask @threadwright ")


async def test_files_are_attached_and_downloaded(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    content = bytes(range(256)) * 300
    await page.get_by_test_id("channel-file-input").set_input_files(
        {"name": "data.bin", "mimeType": "application/octet-stream", "buffer": content}
    )
    await page.get_by_test_id("channel-send").click()
    async with page.expect_download() as started:
        await page.get_by_test_id("file-link").last.click()
    assert (await (await started.value).path()).read_bytes() == content


async def test_pressing_a_button_of_a_message_tells_the_app(world: World) -> None:
    button = {
        "type": "button",
        "action_id": "go",
        "value": "v1",
        "text": {"type": "plain_text", "text": "Go"},
        "confirm": {
            "title": {"type": "plain_text", "text": "Sure?"},
            "text": {"type": "plain_text", "text": "Really."},
            "confirm": {"type": "plain_text", "text": "Yes"},
            "deny": {"type": "plain_text", "text": "No"},
        },
    }
    blocks = [{"type": "actions", "block_id": "b1", "elements": [button]}]
    posted = await world.app.chat_postMessage(channel="C0BUILD", text="press", blocks=blocks)
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    await message(page, str(posted["ts"])).locator("[data-action-id=go]").click()
    body = await recorded(page, "click", page.get_by_test_id("confirm-yes").click)
    assert body == {
        "user": "U0ANA",
        "channel": "C0BUILD",
        "ts": posted["ts"],
        "action_id": "go",
        "block_id": "b1",
        "value": "v1",
    }


async def test_the_session_of_a_thread_shows_its_status_and_can_be_stopped(world: World) -> None:
    root = await world.say("start")
    page = await world.open(thread_of(root))
    await world.app.agents_sessions_setStatus(
        channel_id="C0BUILD", thread_ts=root, status="processing", title="To-do CLI"
    )
    await expect(page.get_by_test_id("session")).to_contain_text("To-do CLI")
    await expect(page.get_by_test_id("session-status")).to_have_text("working…")
    await expect(message(page, root).get_by_test_id("session-chip")).to_be_visible()
    body = await recorded(page, "stop", page.get_by_test_id("stop-button").click)
    assert body == {"user": "U0ANA", "channel": "C0BUILD", "thread_ts": root}
    await world.app.agents_sessions_setStatus(
        channel_id="C0BUILD", thread_ts=root, status="suspended"
    )
    await expect(page.get_by_test_id("session-status")).to_have_text("waiting for you")
    await expect(page.get_by_test_id("stop-button")).to_have_count(0)


async def test_ephemeral_messages_show_to_one_person_and_say_so(world: World) -> None:
    root = await world.say("start")
    ana, ben = await world.open(thread_of(root)), await world.open(thread_of(root, "U0BEN"))
    await world.app.chat_postEphemeral(
        channel="C0BUILD", thread_ts=root, user="U0BEN", text="Only Ana may approve."
    )
    await expect(ben.locator("#thread").get_by_text("Only visible to you")).to_be_visible()
    await world.say("for both", thread_ts=root)
    await expect(ana.locator("#thread").get_by_text("for both")).to_be_visible()
    await expect(ana.get_by_text("Only Ana may approve.")).to_have_count(0)


async def test_a_person_edits_and_deletes_what_they_wrote(world: World) -> None:
    ts = await world.say("frist @ben", user="U0ANA")
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    mine = message(page, ts)
    await mine.hover()
    await mine.get_by_test_id("more-actions").click()
    await page.get_by_test_id("menu-edit").click()
    editor = page.get_by_test_id("message-editor")
    await expect(editor).to_have_value("frist @ben")
    await editor.fill("first @ben")
    await editor.press("Enter")
    await expect(mine).to_contain_text("first @ben (edited)")
    await mine.get_by_test_id("more-actions").click()
    await page.get_by_test_id("menu-delete").click()
    await page.get_by_test_id("confirm-yes").click()
    await expect(mine).to_have_count(0)


async def test_a_modal_asks_for_what_is_required_and_keeps_what_is_typed(world: World) -> None:
    def field(block_id: str, label: str) -> dict[str, Any]:
        element = {"type": "plain_text_input", "action_id": "a"}
        words = {"type": "plain_text", "text": label}
        return {"type": "input", "block_id": block_id, "label": words, "element": element}

    def words(text: str) -> dict[str, str]:
        return {"type": "plain_text", "text": text}

    blocks = [field("name", "Name"), field("goal", "Goal")]
    view = {"type": "modal", "title": words("New"), "submit": words("Go"), "blocks": blocks}
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()

    opened = modals.show(world.workspace, "U0ANA", modals.checked_view(view, "modal"), on_top=False)
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.get_by_label("Name").fill("half")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("field-error")).to_have_count(1)
    await expect(page.get_by_label("Goal")).to_be_focused()

    again = {**view, "title": words("Changed")}
    modals.replace(world.workspace, opened, modals.checked_view(again, "modal"))
    await expect(page.get_by_test_id("modal").get_by_role("heading")).to_have_text("Changed")
    await expect(page.get_by_label("Name")).to_have_value("half")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal")).to_be_hidden()
    assert world.workspace.state.open_views["U0ANA"] == []


async def test_a_message_elsewhere_marks_its_channel_unread(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    await expect(page.get_by_test_id("channel-C0BUILD")).to_be_visible()
    general = page.get_by_test_id("channel-C0GENERAL")
    async with asyncio.timeout(5):
        while not await general.locator(".unread-dot").count():
            await world.say("news", channel="C0GENERAL")
    await general.click()
    await expect(general.locator(".unread-dot")).to_have_count(0)


async def test_who_and_where_survive_a_reload_and_escape_closes_the_thread(world: World) -> None:
    root = await world.say("start")
    page = await world.open(thread_of(root))
    await page.get_by_test_id("user-U0BEN").click()
    await expect(page.get_by_test_id("user-U0BEN")).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(page.get_by_test_id("user-U0BEN")).to_have_attribute("aria-pressed", "true")
    await expect(message(page, root, "#thread")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#thread")).to_be_hidden()
    await page.go_back()
    await expect(page.locator("#thread")).to_be_visible()


async def test_a_permalink_opens_its_thread(world: World) -> None:
    root = await world.say("start")
    reply = await world.say("deep", thread_ts=root)
    link = await world.app.chat_getPermalink(channel="C0BUILD", message_ts=reply)
    page = await world.open(str(link["permalink"]).removeprefix(world.workspace.base_url + "/"))
    await expect(message(page, reply, "#thread")).to_be_visible()


async def test_a_narrow_window_shows_one_view_at_a_time(world: World) -> None:
    root = await world.say("start")
    page = await world.open("#user=U0ANA&channel=C0BUILD", width=400)
    await message(page, root).hover()
    await message(page, root).get_by_test_id("reply-in-thread").click()
    await expect(page.get_by_test_id("thread-composer")).to_be_visible()
    await expect(page.get_by_test_id("channel-composer")).to_be_hidden()
    await page.get_by_test_id("back-to-channel").click()
    await page.get_by_test_id("back-to-channels").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_hidden()
    await page.get_by_test_id("channel-C0GENERAL").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_home_of_the_app_is_shown_when_it_is_published(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=D0ANA")
    await page.get_by_test_id("tab-home").click()
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Your sessions"}}]
    await world.app.views_publish(user_id="U0ANA", view={"type": "home", "blocks": blocks})
    await expect(page.get_by_test_id("home")).to_contain_text("Your sessions")
    await page.get_by_test_id("tab-messages").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()
