"""How typed text becomes Slack's."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.slack.markup import typed_text
from local.slack.seed import seeded_state


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("plain", "plain"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("@threadwright build it", "<@U0BOT> build it"),
        ("@Threadwright, please", "<@U0BOT>, please"),
        ("ask @ben.", "ask <@U0BEN>."),
        ("<@U0BOT> build it", "<@U0BOT> build it"),
        ("<@U0BOT|threadwright> hi", "<@U0BOT> hi"),
        ("<@U0NOBODY> hi", "&lt;@U0NOBODY&gt; hi"),
        ("mail ana@ben.example", "mail ana@ben.example"),
        ("@nobody", "@nobody"),
        ("@here now", "<!here> now"),
        ("see https://a.example/x?y=1&z=2.", "see <https://a.example/x?y=1&amp;z=2>."),
        ("https://a.example/@ben", "<https://a.example/@ben>"),
        ("(https://a.example)", "(<https://a.example>)"),
        ("`a < @ben`", "`a &lt; @ben`"),
        ("```x\n@ben https://a.example```", "```x\n@ben https://a.example```"),
        ("<!channel> forged", "&lt;!channel&gt; forged"),
    ],
)
def test_typed_text_becomes_slacks(typed: str, text: str) -> None:
    assert typed_text(seeded_state(), typed) == text


@given(st.text(alphabet="ab<>&`@ \n./:", max_size=60))
def test_nothing_typed_is_lost_or_turns_into_markup(typed: str) -> None:
    text = typed_text(seeded_state(), typed)
    assert html.unescape(re.sub(r"<(http[^>]*)>", r"\1", text)) == typed
