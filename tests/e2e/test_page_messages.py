"""Messages on the page: they appear for everyone, disturb nobody, and can be acted on."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.page_blocks import button, feedback, markdown, plan, section
from tests.e2e.page_world import BUILD, World, message, recorded, thread_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


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


async def test_feedback_shows_which_button_was_pressed(world: World) -> None:
    posted = await world.app.chat_postMessage(channel="C0BUILD", text="rate", blocks=[feedback()])
    page = await world.open(BUILD)
    rated = message(page, str(posted["ts"]))
    await rated.get_by_role("button", name="Bad").click()
    await expect(rated.get_by_role("button", name="Bad")).to_have_attribute("aria-pressed", "true")
    await expect(rated.get_by_role("button", name="Good")).to_have_attribute(
        "aria-pressed", "false"
    )
    assert world.ears.last("block_actions")["actions"][0]["value"] == "bad"


async def test_a_streamed_message_grows_until_it_is_stopped(world: World) -> None:
    root = await world.say("explain", user="U0ANA")
    page = await world.open(thread_of(root))
    started = await world.app.chat_startStream(
        channel="C0BUILD",
        thread_ts=root,
        recipient_user_id="U0ANA",
        recipient_team_id="T0LOCAL",
        chunks=[{"type": "markdown_text", "text": "A request "}],
    )
    ts = str(started["ts"])
    shown = message(page, ts, "#thread")
    await expect(shown).to_contain_text("A request")
    await expect(shown).to_have_attribute("aria-busy", "true")
    more = [{"type": "markdown_text", "text": "goes **on**"}]
    await world.app.chat_appendStream(channel="C0BUILD", ts=ts, chunks=more)
    await expect(shown.locator("strong")).to_have_text("on")
    await world.app.chat_stopStream(channel="C0BUILD", ts=ts)
    await expect(shown).not_to_have_attribute("aria-busy", "true")


async def test_long_text_is_folded_until_somebody_wants_more(world: World) -> None:
    ts = await world.say("\n".join(f"line {number}" for number in range(4_000)) + " END")
    await world.app.chat_postMessage(channel="C0BUILD", text="and on")
    page = await world.open(BUILD)
    long = message(page, ts)
    height = "node => node.getBoundingClientRect().height"
    assert await long.evaluate(height) < 700
    await long.get_by_text("Show more").click()
    await expect(long.get_by_text("Show less")).to_be_visible()
    assert await long.evaluate(height) > 20_000
    await long.get_by_text("Show less").click()
    assert await long.evaluate(height) < 700


async def test_fifty_blocks_show_one_below_the_other(world: World) -> None:
    blocks = [section(f"Part {number}") for number in range(50)]
    posted = await world.app.chat_postMessage(channel="C0BUILD", text="parts", blocks=blocks)
    page = await world.open(BUILD)
    shown = message(page, str(posted["ts"])).get_by_test_id("block-section")
    await expect(shown).to_have_count(50)
    await expect(shown.last).to_be_in_viewport()


async def test_emoji_alone_are_large_and_text_runs_its_own_way(world: World) -> None:
    alone, beside = await world.say("🎉 :rocket:"), await world.say("done 🎉")
    hebrew = await world.say("שלום, אפשר לבנות?")
    page = await world.open(BUILD)
    await expect(message(page, alone).locator(".is-large")).to_have_count(1)
    await expect(message(page, beside).locator(".is-large")).to_have_count(0)
    paragraph = message(page, hebrew).locator("p")
    ends_at = "node => { const all = document.createRange(); all.selectNodeContents(node);"
    gap = f"{ends_at} return innerWidth - all.getBoundingClientRect().right; }}"
    assert await paragraph.evaluate(gap) < 60


async def test_a_press_on_an_emoji_adds_ones_own_and_takes_it_away(world: World) -> None:
    ts = await world.say("nice")
    page = await world.open(BUILD)
    row = message(page, ts)
    await row.hover()
    await row.get_by_test_id("add-reaction").click()
    await page.get_by_test_id("menu-react-tada").click()
    mine = row.get_by_test_id("reaction")
    await expect(mine).to_have_attribute("aria-pressed", "true")
    await mine.click()
    await expect(mine).to_have_count(0)


async def test_a_private_word_can_be_put_away(world: World) -> None:
    await world.app.chat_postEphemeral(channel="C0BUILD", user="U0ANA", text="Just for Ana.")
    page = await world.open(BUILD)
    word = page.locator("#channel [data-testid=message]", has_text="Just for Ana.")
    await word.get_by_test_id("dismiss").click()
    await expect(word).to_have_count(0)


async def test_a_deleted_root_leaves_a_quiet_line_with_its_replies(world: World) -> None:
    root = await world.say("start", user="U0ANA")
    await world.say("reply", thread_ts=root)
    await world.act("delete", user="U0ANA", channel="C0BUILD", ts=root)
    page = await world.open(BUILD)
    await expect(message(page, root)).to_contain_text("This message was deleted.")
    await message(page, root).get_by_test_id("reply-link").click()
    await expect(page.locator("#thread").get_by_text("reply", exact=True)).to_be_visible()


async def test_files_that_cannot_be_had_say_why(world: World) -> None:
    def attached(kind: str) -> dict[str, str]:
        return {"name": f"{kind}.txt", "content_base64": "YQ==", "kind": kind}

    kinds = ("tombstone", "hidden_by_limit", "check_file_info", "external")
    files = [attached(kind) for kind in kinds]
    posted = await world.act("message", user="U0BEN", channel="C0BUILD", text="old", files=files)
    page = await world.open(BUILD)
    cards = message(page, posted["ts"]).locator(".file-card")
    words = ["was deleted", "is hidden", "only on request", "outside of Slack"]
    await expect(cards).to_have_count(len(words))
    for card, said in zip(await cards.all(), words, strict=True):
        await expect(card).to_contain_text(said)
    await expect(cards.last).to_have_attribute("rel", "noopener noreferrer")


async def test_fields_of_a_message_report_each_change_in_both_panes(world: World) -> None:
    options = [
        {"text": {"type": "plain_text", "text": f"Option {n}"}, "value": f"v{n}"} for n in (1, 2)
    ]
    radios: dict[str, Any] = {"type": "radio_buttons", "action_id": "r", "options": options}
    radios["initial_option"] = options[0]
    blocks = [{"type": "actions", "block_id": "b", "elements": [radios, button("go")]}]
    posted = await world.app.chat_postMessage(channel="C0BUILD", text="choose", blocks=blocks)
    page = await world.open(thread_of(str(posted["ts"])))
    for pane in ("#channel", "#thread"):
        await expect(page.locator(pane).get_by_label("Option 1")).to_be_checked()
    await page.locator("#thread").get_by_label("Option 2").check()
    async with page.expect_response("**/local/messages?*"):
        await world.say("next")
    action = world.ears.last("block_actions")["actions"][0]
    assert action["selected_option"]["value"] == "v2"


async def test_markdown_of_a_model_never_becomes_an_element(world: World) -> None:
    hostile = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) **b**"
    posted = await world.app.chat_postMessage(
        channel="C0BUILD", text="hostile", blocks=[markdown(hostile)]
    )
    page = await world.open(BUILD)
    shown = message(page, str(posted["ts"]))
    await expect(shown.locator("strong")).to_have_text("b")
    await expect(shown.locator("img, script, a[href^=javascript]")).to_have_count(0)
