"""The page's pure renderer, in a real browser: hostile text stays text, every block shows."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, async_playwright

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE_FOLDER = Path(__file__).parents[2] / "local" / "slack" / "page"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
]
HOST = "<!doctype html><link rel='icon' href='data:,'><div id='host'></div>"

HOSTILE = (
    "<img src=x onerror='window.pwned=1'> <script>window.pwned=1</script> "
    "[a](javascript:window.pwned=1) <javascript:window.pwned=1|b> <a href=javascript:pwned()>c</a> "
    "![d](data:text/html,x) *<b>e</b>* `<i>f</i>` ```<u>g</u>``` \" onclick='window.pwned=1' "
    '<https://example.com/"onmouseover=alert(1)|h> [i](vbscript:x) https://ok.example/<svg>'
)
DANGEROUS = "img, script, iframe, object, embed, style, link, b, u, form[action], base, meta"


def chromium() -> str:
    known = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, known)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install the Debian package chromium")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin() -> AsyncIterator[str]:
    async def host(_: web.Request) -> web.Response:
        return web.Response(text=HOST, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", host)
    app.router.add_static("/page", PAGE_FOLDER)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_page(origin: str) -> AsyncIterator[tuple[Page, list[str]]]:
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        page = await browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(origin)
        await page.evaluate(
            """async () => {
                window.modules = {};
                for (const name of ["blocks", "prose", "inputs", "morph", "dom", "route", "time"]) {
                    modules[name] = await import(`/page/${name}.js`);
                }
                window.host = document.getElementById("host");
                window.names = {
                    me: "U0ANA",
                    user: (id) => ({ U0ANA: "ana", U0BEN: "ben" })[id],
                    channel: (id) => ({ C0BUILD: "build" })[id],
                };
            }"""
        )
        yield page, complaints
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(shared_page: tuple[Page, list[str]]) -> AsyncIterator[Page]:
    """An empty host. The test fails when the browser complained about anything meanwhile."""
    page, complaints = shared_page
    complaints.clear()
    await page.evaluate("host.replaceChildren()")
    yield page
    assert complaints == []


async def render(page: Page, *blocks: dict[str, Any]) -> None:
    await page.evaluate(
        """(blocks) => {
            window.acts = [];
            const act = (item, blockId, detail) =>
                acts.push([item.action_id, blockId ?? null, detail]);
            const menu = (anchor, items) => acts.push(["menu", items.map((item) => item.label)]);
            const context = { names, act, menu, chosen: () => undefined };
            host.replaceChildren(modules.blocks.renderBlocks(blocks, context));
        }""",
        list(blocks),
    )


async def html_of(page: Page, dialect: str, text: str) -> str:
    html: str = await page.evaluate(
        """([dialect, text]) => {
            host.replaceChildren(modules.prose[dialect](text, names));
            return host.innerHTML;
        }""",
        [dialect, text],
    )
    return html


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def rich(text: str, kind: str = "rich_text_section") -> dict[str, Any]:
    inner = {"type": kind, "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [inner]}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(f"Option {value}"), "value": value}


def every_block(text: str) -> list[dict[str, Any]]:
    """One of each kind, with `text` wherever a kind takes text."""
    button = {"type": "button", "action_id": "go", "value": text, "text": plain(text)}
    link_button = {**button, "action_id": "visit", "url": text}
    select = {"type": "static_select", "placeholder": plain(text), "options": [option(text)]}
    feedback = {
        "type": "feedback_buttons",
        "action_id": "feedback",
        "positive_button": {"text": plain(text), "value": "good"},
        "negative_button": {"text": plain(text), "value": "bad"},
    }
    card = {
        "type": "task_card",
        "task_id": text,
        "title": text,
        "status": "in_progress",
        "details": rich(text),
        "output": rich(text, "rich_text_preformatted"),
        "sources": [{"type": "url", "url": text, "text": text}],
    }
    link = {"type": "link", "url": text, "text": text}
    return [
        {"type": "section", "text": mrkdwn(text), "accessory": {**select, "action_id": "one"}},
        {"type": "section", "fields": [mrkdwn(text), plain(text)]},
        {"type": "header", "text": plain(text)},
        {"type": "context", "elements": [mrkdwn(text), {"type": "image", "alt_text": text}]},
        {"type": "divider"},
        {"type": "actions", "elements": [button, link_button, {**select, "action_id": "two"}]},
        {
            "type": "actions",
            "elements": [{"type": "overflow", "action_id": "menu", "options": [option(text)]}],
        },
        {
            "type": "plan",
            "title": text,
            "tasks": [card, {**card, "task_id": "2", "status": "error"}],
        },
        card,
        {"type": "markdown", "text": text},
        {
            "type": "context_actions",
            "elements": [feedback, {"type": "icon_button", "icon": "trash", "text": plain(text)}],
        },
        {"type": "file", "external_id": text, "source": "remote"},
        {"type": "image", "image_url": text, "alt_text": text, "title": plain(text)},
        rich(text),
        {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [link]}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": text}], [rich(text)]]},
        {"type": "alert", "level": "warning", "text": mrkdwn(text)},
        {
            "type": "input",
            "block_id": "b",
            "label": plain(text),
            "hint": plain(text),
            "element": {"type": "plain_text_input", "action_id": "a", "initial_value": text},
        },
    ]


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


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//x", "JAVASCRIPT:x"]
)
async def test_an_address_that_is_not_of_the_web_is_shown_as_text(page: Page, address: str) -> None:
    assert "<a" not in await html_of(page, "mrkdwn", f"<{address}|click>")
    assert "<a" not in await html_of(page, "markdown", f"[click]({address})")
    assert address in await page.inner_text("#host")


def paragraph(inner: str) -> str:
    return f"<p>{inner}</p>"


def mention(label: str, kind: str = "mention") -> str:
    return f'<span class="{kind}">{label}</span>'


def code_block(inner: str) -> str:
    return f'<pre class="code-block" tabindex="0"><code>{inner}</code></pre>'


def anchor(address: str, label: str) -> str:
    return f'<a href="{address}" target="_blank" rel="noopener noreferrer">{label}</a>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*bold* _it_ ~gone~", "<strong>bold</strong> <em>it</em> <del>gone</del>"),
        ("*bold _and it_*", "<strong>bold <em>and it</em></strong>"),
        ("2*3*4 snake_case_name a ~ b", "2*3*4 snake_case_name a ~ b"),
        ("* no * _ no _", "* no * _ no _"),
        ("`*raw* &lt;b&gt;`", "<code>*raw* &lt;b&gt;</code>"),
        ("*a `*` b*", "<strong>a <code>*</code> b</strong>"),
        ("an open ` tick", "an open ` tick"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2 &amp;lt;", "1 &lt; 2 &amp;&amp; 3 &gt; 2 &amp;lt;"),
        ("one\ntwo", "one<br>two"),
        ("<https://x.example/a|the *label*>", anchor("https://x.example/a", "the *label*")),
        (
            "see https://x.example/a.",
            f"see {anchor('https://x.example/a', 'https://x.example/a')}.",
        ),
        ("<@U0BEN> <@U0GONE|old>", f"{mention('@ben')} {mention('@old')}"),
        ("<@U0ANA>", mention("@ana", "mention is-me")),
        ("<#C0BUILD> <!here>", f"{mention('#build')} {mention('@here', 'mention is-me')}"),
        (
            ":eyes: :not_one:",
            '<span class="emoji" role="img" aria-label="eyes" title=":eyes:">👀</span> :not_one:',
        ),
    ],
)
async def test_mrkdwn_marks_within_a_line(page: Page, text: str, expected: str) -> None:
    assert await html_of(page, "mrkdwn", text) == paragraph(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```a *b*\n&lt;c```", code_block("a *b*\n&lt;c")),
        ("```never closed", "<p>```never closed</p>"),
        ("&gt; a\n> b\nc", "<blockquote><p>a<br>b</p></blockquote><p>c</p>"),
        ("&gt;&gt;&gt;a\nb", "<blockquote><p>a<br>b</p></blockquote>"),
        ("x\n• a\n• b", "<p>x</p><ul><li><p>a</p></li><li><p>b</p></li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li><p>a</p></li><li><p>b</p></li></ol>'),
    ],
)
async def test_mrkdwn_lines_become_blocks(page: Page, text: str, expected: str) -> None:
    assert await html_of(page, "mrkdwn", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Big", '<h3 class="prose-h1">Big</h3>'),
        (
            "**b** *i* ***bi*** ~~s~~",
            "<p><strong>b</strong> <em>i</em> <strong><em>bi</em></strong> <del>s</del></p>",
        ),
        (r"\*not\* a__b__c", "<p>*not* a__b__c</p>"),
        ("[x](https://x.example/(a))", paragraph(anchor("https://x.example/(a)", "x"))),
        (
            "- a\n  - b\n- c",
            "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p></li></ul>",
        ),
        ("```py\n# x\n**y**\n```\nz", code_block("# x\n**y**") + "<p>z</p>"),
        ("> a\n\nb", "<blockquote><p>a</p></blockquote><p>b</p>"),
        ("a\n\n---\nb", "<p>a</p><hr><p>b</p>"),
    ],
)
async def test_markdown_renders(page: Page, text: str, expected: str) -> None:
    assert await html_of(page, "markdown", text) == expected


async def test_markdown_tables_keep_rows_and_alignment(page: Page) -> None:
    html = await html_of(page, "markdown", "| a | b |\n|---|--:|\n| `1` | 2 |\n| 3 |")
    assert html.count("<tr>") == 3
    assert '<td class="align-left"><code>1</code></td><td class="align-right">2</td>' in html
    assert '<td class="align-left">3</td><td class="align-right"></td>' in html


@pytest.mark.parametrize("dialect", ["mrkdwn", "markdown"])
@pytest.mark.parametrize("unit", ["*a _b ~c ", "[", "`", "> ", "<", "- ", "***", "[x](", ":x"])
async def test_text_made_to_overwhelm_the_parser_is_still_shown(
    page: Page, dialect: str, unit: str
) -> None:
    await html_of(page, dialect, unit * (10_000 // len(unit)) + "\nthe end")
    assert (await page.inner_text("#host")).endswith("the end")


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
