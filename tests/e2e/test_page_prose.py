"""The text of messages, in both of Slack's dialects: marks become elements, nothing else does."""

import pytest
from playwright.async_api import Page

from tests.e2e.page_host import html_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


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
