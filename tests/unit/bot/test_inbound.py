"""Reading what Slack sends: links to messages, control words, text as it was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inbound import as_written, control_word, without_mention
from bot.threads import Place, parse_permalink

channels = st.from_regex(r"[CGD][A-Z0-9]{8,10}", fullmatch=True)
stamps = st.from_regex(r"1[0-9]{9}\.[0-9]{6}", fullmatch=True)
hosts = st.sampled_from(["acme.slack.com", "acme.enterprise.slack.com", "127.0.0.1:8601"])


def link(host: str, channel: str, ts: str) -> str:
    return f"https://{host}/archives/{channel}/p{ts.replace('.', '')}"


@given(hosts, channels, stamps)
def test_a_link_to_a_top_level_message_names_its_own_thread(
    host: str, channel: str, ts: str
) -> None:
    assert parse_permalink(link(host, channel, ts)) == Place(channel, ts)
    assert parse_permalink(f" <{link(host, channel, ts)}|a label> ") == Place(channel, ts)


@given(hosts, channels, stamps, stamps, st.booleans(), st.booleans())
def test_a_link_to_a_reply_names_the_thread_it_is_in(
    host: str, channel: str, ts: str, root: str, cid_first: bool, escaped: bool
) -> None:
    query = [f"thread_ts={root}", f"cid={channel}"]
    joined = "&".join(reversed(query) if cid_first else query)
    url = f"{link(host, channel, ts)}?{joined}"
    if escaped:
        url = url.replace("&", "&amp;")
    assert parse_permalink(url) == Place(channel, root)


@given(st.text())
def test_any_other_text_is_no_link_and_no_error(text: str) -> None:
    place = parse_permalink(text)
    assert place is None or "/archives/" in text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("stop", "stop"),
        ("Status?", "status"),
        ("*Download*", "download"),
        ("  HELP\n", "help"),
        ("/stop", "stop"),
        ("stop it", None),
        ("don't stop", None),
        ("", None),
        ("…", None),
    ],
)
def test_a_control_word_stands_alone(text: str, word: str | None) -> None:
    assert control_word(text) == word


@given(st.text(alphabet=st.characters(exclude_characters="<>&", exclude_categories=["Cs"])))
def test_plain_text_is_handed_over_as_it_is(text: str) -> None:
    escaped = text.replace("&", "&amp;")
    assert as_written(escaped, lambda user: user) == text


@pytest.mark.parametrize(
    ("wire", "typed"),
    [
        ("&lt;b&gt; &amp;amp;", "<b> &amp;"),
        ("<https://x.y>", "https://x.y"),
        ("<http://x.y|x.y>", "x.y"),
        ("<https://x.y/a|docs>", "docs (https://x.y/a)"),
        ("<mailto:a@b.c|a@b.c>", "a@b.c"),
        ("<@U0BEN> <@U0BEN|benny> <#C1ABC|general> <#C1ABC>", "@U0BEN @U0BEN #general #C1ABC"),
        ("<!here> <!subteam^S1|@team> <!channel>", "@here @team @channel"),
    ],
)
def test_slacks_entities_are_taken_back(wire: str, typed: str) -> None:
    assert as_written(wire, lambda user: user) == typed


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<@U0BOT> build it", "build it"),
        ("<@U0BOT|threadwright>: build it", "build it"),
        ("hey <@U0BOT>, build it", "hey build it"),
        ("build it\n<@U0BOT>\nnow", "build it\n \nnow"),
        ("<@U0BOTH> hello", "<@U0BOTH> hello"),
    ],
)
def test_our_mention_is_taken_out_and_lines_stay(text: str, rest: str) -> None:
    assert without_mention(text, "U0BOT") == rest
