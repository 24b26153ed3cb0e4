"""The page's pure renderer, in a real browser: hostile text stays text, every block shows."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.page_blocks import every_block, option, plain, rich
from tests.e2e.page_host import render

pytestmark = pytest.mark.asyncio(loop_scope="package")

HOSTILE = (
    "<img src=x onerror='window.pwned=1'> <script>window.pwned=1</script> "
    "[a](javascript:window.pwned=1) <javascript:window.pwned=1|b> <a href=javascript:pwned()>c</a> "
    "![d](data:text/html,x) *<b>e</b>* `<i>f</i>` ```<u>g</u>``` \" onclick='window.pwned=1' "
    '<https://example.com/"onmouseover=alert(1)|h> [i](vbscript:x) https://ok.example/<svg>'
)
DANGEROUS = "img, script, iframe, object, embed, style, link, b, u, form[action], base, meta"


async def test_hostile_text_makes_no_element_and_no_dangerous_link(page: Page) -> None:
    await render(page, *every_block(HOSTILE))

    assert await page.locator("#host").locator(DANGEROUS).count() == 0
    links = await page.eval_on_selector_all("#host a", "all => all.map(a => [a.href, a.rel])")
    assert links
    assert all(href.startswith(("http://", "https://")) for href, _ in links)
    assert all(rel == "noopener noreferrer" for _, rel in links)
    handlers = "all => all.flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    assert await page.eval_on_selector_all("#host *", handlers) == []
    assert await page.evaluate("window.pwned") is None


@pytest.mark.parametrize("block", every_block("words"), ids=lambda block: str(block["type"]))
async def test_every_kind_of_block_shows_its_text_and_never_raw_json(
    page: Page, block: dict[str, Any]
) -> None:
    await render(page, block)
    assert await page.locator("#host .raw-block").count() == 0
    shown = await page.inner_html(f"[data-testid=block-{block['type']}]")
    assert "words" in shown or block["type"] in ("divider", "actions")


@pytest.mark.parametrize("kind", ["holodeck", "constructor", "__proto__"])
async def test_an_unknown_block_shows_its_json(page: Page, kind: str) -> None:
    await render(page, {"type": kind, "deep": {"value": "<b>1</b>"}})
    assert '"value": "<b>1</b>"' in await page.inner_text("#host .raw-block")


async def test_plan_tells_each_status_in_an_attribute_and_in_words(page: Page) -> None:
    states = ["complete", "in_progress", "error", "pending", "nonsense"]
    tasks = [{"task_id": s, "title": s, "status": s, "details": rich("$ ls")} for s in states]
    await render(page, {"type": "plan", "title": "Build", "tasks": tasks})
    rows = page.get_by_test_id("task")
    seen = await rows.evaluate_all("all => all.map(row => row.dataset.status)")
    assert seen == ["complete", "in_progress", "error", "pending", "pending"]
    assert "(Done)" in await rows.nth(0).inner_text()
    assert await rows.nth(1).locator(".status-arc").count() == 1
    assert await rows.nth(0).locator(".is-command").inner_text() == "$ ls"
    assert await page.locator("progress").get_attribute("value") == "1"


async def test_pressed_elements_report_their_action(page: Page) -> None:
    actions = {
        "type": "actions",
        "block_id": "b1",
        "elements": [
            {
                "type": "button",
                "action_id": "go",
                "value": "v",
                "text": plain("Go"),
                "style": "danger",
            },
            {"type": "static_select", "action_id": "pick", "options": [option("1"), option("2")]},
            {"type": "overflow", "action_id": "more", "options": [option("3")]},
        ],
    }
    feedback = {"type": "feedback_buttons", "action_id": "rate", "positive_button": {"value": "up"}}
    await render(
        page, actions, {"type": "context_actions", "block_id": "b2", "elements": [feedback]}
    )
    await page.click("[data-action-id=go]")
    await page.select_option("[data-action-id=pick]", label="Option 2")
    await page.click("[data-action-id=more]")
    await page.click("[data-action-id=rate]")
    assert await page.evaluate("acts") == [
        ["go", "b1", {"value": "v"}],
        ["pick", "b1", {"selected_option": option("2")}],
        ["menu", ["Option 3"]],
        ["rate", "b2", {"value": "up"}],
    ]


async def test_fields_are_read_as_slack_reads_a_submitted_view(page: Page) -> None:
    def field(block_id: str, **element: Any) -> dict[str, Any]:
        return {
            "type": "input",
            "block_id": block_id,
            "label": plain(block_id),
            "element": {"action_id": "a", **element},
        }

    options = [option("1"), option("2")]
    blocks = [
        field("text", type="plain_text_input", initial_value="old"),
        field("empty", type="plain_text_input"),
        field("select", type="static_select", options=options),
        field("radio", type="radio_buttons", options=options, initial_option=options[0]),
        field("boxes", type="checkboxes", options=options),
    ]
    await render(page, *blocks)
    await page.get_by_label("text").fill("new")
    await page.get_by_label("select").select_option("1")
    for box in await page.locator("[data-block-id=boxes] input").all():
        await box.check()
    values = await page.evaluate("blocks => modules.inputs.stateValues(host, blocks)", blocks)
    assert values == {
        "text": {"a": {"type": "plain_text_input", "value": "new"}},
        "empty": {"a": {"type": "plain_text_input", "value": None}},
        "select": {"a": {"type": "static_select", "selected_option": options[1]}},
        "radio": {"a": {"type": "radio_buttons", "selected_option": options[0]}},
        "boxes": {"a": {"type": "checkboxes", "selected_options": options}},
    }


async def test_an_update_keeps_focus_typed_text_and_running_animations(page: Page) -> None:
    kept = await page.evaluate(
        """() => {
            const { h } = modules.dom;
            const tree = (words, tasks) => h("div", null,
                h("p", null, words), h("textarea", { key: "field" }, "initial"),
                h("ol", null, tasks.map((task) => h("li", { key: task }, task))));
            host.append(tree("before", ["a", "b", "c"]));
            const field = host.querySelector("textarea");
            const b = host.querySelector("[data-key=b]");
            field.value = "half-typed";
            field.focus();
            modules.morph.morph(host.firstChild, tree("after", ["x", "c", "b"]));
            return {
                text: host.innerText.split("\\n").filter(Boolean),
                field: document.activeElement === field && field.value,
                sameNode: host.querySelector("[data-key=b]") === b,
            };
        }"""
    )
    assert kept == {"text": ["after", "x", "c", "b"], "field": "half-typed", "sameNode": True}


async def test_permalinks_lead_back_to_their_thread(page: Page) -> None:
    parse = "address => modules.route.parsePermalink(address)"
    base = "https://local.slack.com/archives/C0BUILD/p1700000000000100"
    assert await page.evaluate(parse, base) == {"channel": "C0BUILD", "thread": "1700000000.000100"}
    in_thread = f"{base}?thread_ts=1600000000.000200&cid=C0BUILD"
    assert (await page.evaluate(parse, in_thread))["thread"] == "1600000000.000200"
    assert await page.evaluate(parse, "https://example.com/archives") is None
