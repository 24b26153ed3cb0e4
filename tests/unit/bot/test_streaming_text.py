"""The text of a streamed answer: nothing in it is a mention, and no link is disguised."""

import pytest

from agent import protocol as p
from bot import streaming
from bot.views import mrkdwn, render


@pytest.mark.parametrize(
    ("written", "streamed"),
    [
        ("**bold** and `a < b`", "**bold** and `a &lt; b`"),
        ("<!channel> <@U0BEN>", "&lt;!channel&gt; &lt;@U0BEN&gt;"),
        ("[the docs](https://x.y/z?a=1&b=2)", "[the docs](https://x.y/z?a=1&amp;b=2)"),
        ("[https://good.com](https://evil.com)", "https://evil.com"),
        ("[good.com](https://evil.com)", "https://evil.com"),
        ("<https://evil.com|https://good.com>", "&lt;https://evil.com|https://good.com&gt;"),
    ],
)
def test_what_a_model_writes_is_harmless_in_a_stream(written: str, streamed: str) -> None:
    assert mrkdwn.as_markdown(written, 1000) == streamed


def test_an_answer_is_streamed_in_few_pieces_and_begins_with_its_outcome() -> None:
    body = p.ResultBody(task="t/1", outcome="failed", summary="word " * 500, checks=["pytest"])
    parts = streaming.parts_of(body, render(body, "T1:D1:1.1"))
    assert 2 <= len(parts.pieces) <= streaming.MOST_PARTS
    assert parts.text == streaming.text_of(body)
    assert parts.text.startswith("**Not finished.** word")
    assert "word word" not in str(parts.below)
    assert "pytest" in str(parts.below)
