"""Who is meant by a message, and what comes with it: asides, files, quotes, late copies."""

import asyncio
import time
from typing import Any

import pytest

from agent.protocol import ThreadRef
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import BOT, TEAM, FakeIngress, FakeSlack

HERE = ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)
MENTION = f"<@{BOT}>"
SHEET = {"id": "F0SHEET", "name": "a.csv", "mimetype": "text/csv", "size": 12, "mode": "hosted"}


def thread(root_ts: str) -> ThreadRef:
    return ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=root_ts)


async def test_an_aside_in_a_session_is_not_for_us(deliver: Deliver, ingress: FakeIngress) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.reply(" Aside: is this any good?"))
    await deliver(payloads.direct("aside: note to self"))
    assert ingress.sends == []


async def test_a_mention_anywhere_overrides_an_aside(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.reply(f"aside: never mind, {MENTION} go on"))
    assert len(ingress.of("Inbox/take")) == 1


async def test_the_mark_of_an_aside_can_be_chosen(make_deliver: Any, ingress: FakeIngress) -> None:
    ingress.has_session(HERE)
    async with make_deliver(THREADWRIGHT_ASIDE="&&") as deliver:
        await deliver(payloads.reply("&amp;&amp; psst"))
        assert ingress.sends == []
        await deliver(payloads.reply("aside: is a word like others now"))
    assert len(ingress.of("Inbox/take")) == 1


@pytest.mark.parametrize("body", [payloads.direct, payloads.reply, payloads.message])
async def test_files_without_words_are_an_instruction_where_words_would_be(
    body: Any, deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    text = MENTION if body is payloads.message else ""
    await deliver(body(text, subtype="file_share", files=[SHEET]))
    [sent] = ingress.of("Inbox/take")
    assert sent.value["text"] == ""
    assert sent.value["files"] == [
        {"file_id": "F0SHEET", "name": "a.csv", "mimetype": "text/csv", "size_bytes": 12}
    ]
    assert ingress.notes == []


async def test_files_that_cannot_be_had_are_named_with_the_reason(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    files = [SHEET] + [
        {"id": f"F{mode.upper()[:4]}", "name": f"{mode}.txt", "mode": mode}
        for mode in ("tombstone", "hidden_by_limit", "external")
    ]
    await deliver(payloads.mention(f"{MENTION} read these", files=files))
    [sent] = ingress.of("Inbox/take")
    assert [file["name"] for file in sent.value["files"]] == ["a.csv"]
    text = sent.value["text"]
    assert "“tombstone.txt” could not be taken: it was deleted" in text
    assert "“hidden_by_limit.txt” could not be taken: Slack hides it" in text
    assert "“external.txt” could not be taken: it is kept outside Slack" in text


async def test_a_forwarded_message_counts_as_input_and_is_marked_as_a_quote(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    share = {"is_share": True, "author_name": "Ben", "text": "it fails\nwith &lt;3&gt;"}
    preview = {"title": "A page", "text": "nobody said this"}
    await deliver(payloads.direct("fix this", attachments=[share, preview]))
    [sent] = ingress.of("Inbox/take")
    assert sent.value["text"] == "fix this\n\nQuoted from Ben:\n> it fails\n> with <3>"


async def test_our_mention_in_a_quote_does_not_address_us(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    share = {"is_share": True, "author_name": "Ben", "text": f"{MENTION} build it"}
    await deliver(payloads.message("look what ben wrote", attachments=[share]))
    assert ingress.sends == []


@pytest.mark.parametrize(
    ("seconds", "more", "retry", "catch_up"),
    [
        (0.0, {}, "0", False),
        (0.0, {}, "1", True),
        (2.0, {}, "0", True),
        (0.0, {"thread_ts": payloads.TS}, "0", True),
    ],
    ids=["at once", "a retry", "late", "in the middle of a thread"],
)
async def test_a_session_reads_its_thread_where_more_may_stand_in_it(
    seconds: float,
    more: dict[str, Any],
    retry: str,
    catch_up: bool,
    deliver: Deliver,
    ingress: FakeIngress,
) -> None:
    body = payloads.mention(f"{MENTION} go", ts=payloads.ago(seconds), **more)
    await deliver(body, **{"x-slack-retry-num": retry})
    [sent] = ingress.of("Inbox/take")
    assert sent.value["catch_up"] is catch_up


async def test_a_reply_that_overtakes_its_mention_waits_for_it(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    root = payloads.ago(0)
    early = asyncio.ensure_future(
        deliver(payloads.reply("and add a README", thread_ts=root, ts=payloads.ago(0)))
    )
    while not ingress.calls:
        await asyncio.sleep(0.01)
    assert ingress.sends == []
    ingress.has_session(thread(root))
    assert (await early).status == 200
    [sent] = ingress.of("Inbox/take")
    assert sent.value["text"] == "and add a README"


async def test_a_stop_that_overtakes_the_message_it_stops_waits_for_it(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    root = payloads.ago(0)
    stop = payloads.direct("stop", ts=payloads.ago(0), thread_ts=root)
    early = asyncio.ensure_future(deliver(stop))
    while not ingress.calls:
        await asyncio.sleep(0.01)
    ingress.has_session(ThreadRef(team=TEAM, channel="D0ANA", root_ts=root))
    assert (await early).status == 200
    assert [sent.handler for sent in ingress.sends] == ["Session/stop"]


async def test_a_reply_waits_for_a_mention_that_may_still_become_durable(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    """A mention that is almost late does not read its thread, and its send may take two seconds."""
    root = payloads.ago(2.2)
    body = payloads.reply("and a README", thread_ts=root, ts=payloads.ago(0))
    early = asyncio.ensure_future(deliver(body))
    while not ingress.calls:
        await asyncio.sleep(0.01)
    ingress.has_session(thread(root))
    assert (await early).status == 200
    assert len(ingress.of("Inbox/take")) == 1


async def test_a_reply_to_a_thread_without_a_mention_waits_no_longer_than_slack_does(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    root = payloads.ago(1.5)
    before = time.monotonic()
    assert (await deliver(payloads.reply("me too", thread_ts=root))).status == 200
    assert time.monotonic() - before < 2.5
    assert ingress.sends == []


async def test_a_reply_in_an_old_thread_is_looked_up_once(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.reply("me too"))
    assert len(ingress.calls) == 1


async def test_an_edit_that_adds_our_mention_makes_it_a_message(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    body = payloads.edit(f"{MENTION} build it", before="build it")
    await deliver(body)
    [sent] = ingress.sends
    assert (sent.handler, sent.value["ts"]) == ("Inbox/take", payloads.LATER_TS)
    assert sent.value["catch_up"] is True
    assert sent.effect == f"{TEAM}:{payloads.CHANNEL}:client-{payloads.LATER_TS}"


async def test_an_edit_that_turns_to_us_in_a_session_is_a_message_it_did_not_know(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.edit(f"{MENTION} and click", before="<@U0BEN> and click"))
    await deliver(payloads.edit("use click", before="aside: use click", ts="1712000060.000100"))
    assert [sent.handler for sent in ingress.sends] == ["Inbox/take", "Inbox/take"]


@pytest.mark.parametrize("before", ["status", "Help!", ""])
async def test_an_edit_that_makes_an_instruction_of_a_control_word_is_a_message(
    before: str, deliver: Deliver, ingress: FakeIngress
) -> None:
    """The session never got the word: a correction of it would wait there for ever."""
    ingress.has_session(HERE)
    await deliver(payloads.edit(f"{MENTION} add tests", before=f"{MENTION} {before}"))
    assert [sent.handler for sent in ingress.sends] == ["Inbox/take"]


async def test_a_control_word_that_is_deleted_corrects_nothing(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.deletion("status"))
    assert ingress.sends == []


async def test_an_edit_of_what_is_said_to_others_stays_theirs(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.edit("<@U0BEN> lunch at 1?", before="<@U0BEN> lunch?"))
    assert ingress.sends == []


async def test_an_edit_of_a_mention_goes_to_its_session_whichever_comes_first(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    """The session keeps a change that came before its message, so nothing is waited for."""
    await deliver(payloads.edit(f"{MENTION} use click", before=f"{MENTION} use argparse"))
    await deliver(payloads.reply(f"{MENTION} use argparse"))
    assert [sent.handler for sent in ingress.sends] == ["Session/on_edit", "Inbox/take"]
    assert ingress.sends[0].value["text"] == "use click"
    assert ingress.calls == []


async def test_a_deletion_is_kept_where_a_session_may_still_begin_and_nowhere_else(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    young, old = payloads.ago(30), payloads.ago(3600)
    await deliver(payloads.deletion("never mind", ts=payloads.ago(20), root_ts=young))
    await deliver(payloads.deletion("never mind", ts=payloads.ago(20), root_ts=old))
    assert [(s.handler, s.key, s.value["text"]) for s in ingress.sends] == [
        ("Session/on_edit", f"T0LOCAL:C0BUILD:{young}", "")
    ]


async def test_an_edit_of_a_plain_reply_waits_for_the_session_that_begins(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ts, root_ts = payloads.ago(0), payloads.ago(1)
    changed = payloads.edit("b", before="a", ts=ts, root_ts=root_ts)
    early = asyncio.ensure_future(deliver(changed))
    async with asyncio.timeout(60):
        while not ingress.calls:
            await asyncio.sleep(0.01)
    ingress.has_session(thread(root_ts))
    await early
    assert [sent.handler for sent in ingress.sends] == ["Session/on_edit"]


async def test_a_root_that_becomes_a_tombstone_was_deleted(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    body = payloads.edit("This message was deleted.", before=f"{MENTION} go", ts=payloads.TS)
    gone = {"subtype": "tombstone", "user": "USLACKBOT", "edited": None}
    body["event"]["message"] |= gone
    await deliver(body)
    [sent] = ingress.of("Session/on_edit")
    assert (sent.value["text"], sent.value["ts"]) == ("", payloads.TS)


async def test_a_group_conversation_is_like_a_channel(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    group = {"channel": "G0TRIO", "channel_type": "mpim"}
    await deliver(payloads.message("lunch?", **group))
    assert ingress.sends == []
    await deliver(payloads.message(f"{MENTION} build it", **group))
    assert len(ingress.of("Inbox/take")) == 1


@pytest.mark.parametrize(
    ("admit", "taken"),
    [
        ("guests", ["U0GUEST"]),
        ("outsiders", ["U0OTTO"]),
        ("guests, outsiders", ["U0GUEST", "U0OTTO"]),
    ],
)
async def test_strangers_an_operator_admits_count_as_members(
    admit: str, taken: list[str], make_deliver: Any, ingress: FakeIngress
) -> None:
    async with make_deliver(THREADWRIGHT_ADMIT=admit) as deliver:
        for n, user in enumerate(("U0GUEST", "U0OTTO")):
            await deliver(payloads.mention(f"{MENTION} go", user=user, ts=f"171200000{n}.000100"))
    authors = [sent.value["author"] for sent in ingress.of("Inbox/take")]
    assert [author["user_id"] for author in authors] == taken
    assert not any(author["outsider"] for author in authors)


async def test_a_click_without_a_team_is_not_the_clickers_team(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    """Bolt falls back to the clicking user's team: an outsider would be at home there."""
    body = payloads.click("task_stop", HERE.key, user="U0OTTO")
    body["team"] = None
    body["user"]["team_id"] = "T0OTHER"
    await deliver(body)
    assert ingress.sends == []
    assert len(slack.of("chat.postEphemeral")) == 1


async def test_while_slack_cannot_say_who_we_are_nothing_is_acknowledged(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    """Bolt's own way answers 200 with an apology, and the message is gone."""
    slack.answers["auth.test"] = {"ok": False, "error": "internal_error"}
    assert (await deliver(payloads.mention(f"{MENTION} go"))).status == 500
    del slack.answers["auth.test"]
    assert (await deliver(payloads.mention(f"{MENTION} go"))).status == 200
    assert len(ingress.of("Inbox/take")) == 1
