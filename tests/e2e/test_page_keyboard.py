"""Everything on the page can be reached and left without a mouse."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.page_world import BUILD, World, message, thread_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def focused(page: Page) -> str | None:
    """The test id, or else the name, of what has the focus."""
    name: str | None = await page.evaluate(
        "document.activeElement.dataset.testid ?? document.activeElement.getAttribute('aria-label')"
    )
    return name


async def test_tab_reaches_every_control_in_view(world: World) -> None:
    root = await world.say("start", user="U0ANA")
    page = await world.open(thread_of(root))
    await expect(page.get_by_test_id("thread-composer")).to_be_focused()
    await page.get_by_test_id("channel-C0GENERAL").focus()
    reached = set()
    for _ in range(150):
        await page.keyboard.press("Tab")
        reached.add(await focused(page))
        if await page.evaluate("document.activeElement === document.body"):
            break
    wanted = {
        "channel-C0BUILD",
        "user-U0BEN",
        "members",
        "Messages, arrows step",
        "add-reaction",
        "reply-in-thread",
        "more-actions",
        "channel-composer",
        "Attach files",
        "channel-shortcuts",
        "close-thread",
        "thread-composer",
        "thread-broadcast",
    }
    assert wanted <= reached


async def test_arrows_step_through_messages_and_enter_opens_a_thread(world: World) -> None:
    first, last = await world.say("one"), await world.say("two")
    page = await world.open(BUILD)
    await expect(message(page, last)).to_be_visible()
    await page.locator("#channel .scroller").focus()
    await page.keyboard.press("ArrowUp")
    await expect(message(page, last)).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(message(page, first)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(message(page, first, "#thread")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#thread")).to_be_hidden()


async def test_arrow_up_in_an_empty_field_changes_the_last_own_message(world: World) -> None:
    ts = await world.say("tpyo", user="U0ANA")
    page = await world.open(BUILD)
    await expect(message(page, ts)).to_be_visible()
    await page.get_by_test_id("channel-composer").press("ArrowUp")
    editor = page.get_by_test_id("message-editor")
    await expect(editor).to_be_focused()
    await editor.press("Escape")
    await expect(editor).to_have_count(0)
    await expect(message(page, ts)).to_be_focused()


async def test_a_menu_is_worked_with_arrows_and_gives_the_focus_back(world: World) -> None:
    page = await world.open(BUILD)
    button = page.get_by_test_id("channel-shortcuts")
    await button.press("Enter")
    items = page.get_by_role("menuitem")
    await expect(items.first).to_be_focused()
    await page.keyboard.press("End")
    await expect(items.last).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(items.first).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(items).to_have_count(0)
    await expect(button).to_be_focused()


async def test_arrows_step_through_conversations_and_tabs(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=D0ANA")
    await page.get_by_test_id("tab-messages").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_test_id("tab-home")).to_be_focused()
    await expect(page.get_by_test_id("home")).to_be_visible()
    await page.get_by_test_id("channel-C0GENERAL").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_test_id("channel-C0BUILD")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_stands_out_from_what_is_behind_it(world: World, scheme: str) -> None:
    root = await world.say("start @ana `code` https://x.example :eyes:")
    await world.app.agents_sessions_setStatus(
        channel_id="C0BUILD", thread_ts=root, status="suspended", title="Contrast"
    )
    page = await world.open(thread_of(root))
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await expect(page.get_by_test_id("session")).to_be_visible()
    assert await page.evaluate(CONTRAST) == []
    await page.emulate_media(color_scheme="light")


CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const over = (top, below) =>
        [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * (255 - top[3])) / 255);
    const behind = (node) => {
        const own = rgba(getComputedStyle(node).backgroundColor);
        if (own[3] === 255 || !node.parentElement) return own;
        return over(own, behind(node.parentElement));
    };
    const light = (colour) => {
        const [r, g, b] = colour.slice(0, 3).map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const weak = [];
    for (const node of document.body.querySelectorAll("*")) {
        const said = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
        if (!said || !node.checkVisibility({ opacityProperty: true })) continue;
        if (node.matches(":disabled")) continue;
        if (node.closest(".visually-hidden, script, style, noscript")) continue;
        const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const words = node.textContent.slice(0, 20);
        if (ratio < 4.5) weak.push([node.className, words, ratio.toFixed(2)]);
    }
    return weak;
}"""
"""Text whose contrast is below what WCAG asks of small text (AA)."""
