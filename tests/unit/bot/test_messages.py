"""What people write becomes instructions exactly once, or is left alone by rule."""

from itertools import permutations
from typing import Any

import pytest

from agent import protocol as p
from agent.protocol import ThreadRef
from tests.unit.bot import payloads
from tests.unit.bot.conftest import Deliver
from tests.unit.bot.servers import BOT, TEAM, FakeIngress, FakeSlack

HERE = ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)
MENTION = f"<@{BOT}>"
PAIR = [payloads.mention, payloads.message]


@pytest.mark.parametrize("copies", list(permutations(PAIR)))
async def test_a_mention_is_one_instruction_whichever_copy_comes_first(
    copies: tuple[Any, ...], deliver: Deliver, ingress: FakeIngress
) -> None:
    for copy in copies:
        response = await deliver(copy(f"{MENTION} build a to-do CLI"))
        assert response.status == 200
    [sent] = ingress.of("Inbox/take")
    assert sent.thread == HERE.key == f"{TEAM}:{payloads.CHANNEL}:{payloads.TS}"
    assert (sent.key, sent.effect) == (None, f"{TEAM}:{payloads.CHANNEL}:client-{payloads.TS}")
    assert sent.value["text"] == "build a to-do CLI"
    assert p.Person.model_validate(sent.value["author"]) == p.Person(user_id="U0ANA", name="ana")


async def test_a_mention_in_a_channel_we_are_not_in_comes_as_app_mention_alone(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.mention(f"hey {MENTION}, build a parser"))
    [sent] = ingress.of("Inbox/take")
    assert sent.value["text"] == "hey build a parser"


async def test_a_mention_of_another_companys_install_of_us_is_not_for_us(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    """In a shared channel Slack tells us of it too, as an `app_mention` like our own."""
    assert (await deliver(payloads.mention("<@U0BOT2> build a parser"))).status == 200
    assert ingress.sends == []


async def test_chatter_is_not_marked_seen_before_its_mention_copy_arrives(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    """The `message` copy of a post we cannot see a mention in must not swallow the other one."""
    await deliver(payloads.message("no mention in this copy"))
    assert ingress.sends == []
    await deliver(payloads.mention(f"{MENTION} no mention in this copy"))
    assert len(ingress.of("Inbox/take")) == 1


async def test_a_plain_reply_continues_a_session_and_only_a_session(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.reply("also add a README"))
    assert ingress.sends == []
    ingress.has_session(HERE)
    await deliver(payloads.reply("also add a README"))
    [sent] = ingress.of("Inbox/take")
    assert sent.thread == HERE.key
    assert sent.value["ts"] == payloads.LATER_TS


async def test_a_top_level_message_without_mention_is_not_even_looked_up(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.message("lunch?"))
    assert ingress.sends == []


@pytest.mark.parametrize("start", ["<@U0BEN> what do you think?", "<!here> look at this"])
async def test_a_reply_that_addresses_somebody_else_first_is_not_for_us(
    start: str, deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.reply(start))
    assert ingress.sends == []


async def test_somebody_else_and_us_in_one_message_is_for_us(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.reply(f"<@U0BEN> and {MENTION}: use the name from <#C0GENERAL|general>"))
    [sent] = ingress.of("Inbox/take")
    assert sent.value["text"] == "@ben and use the name from #general"


async def test_each_top_level_direct_message_is_its_own_session(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.direct("build a parser"))
    await deliver(payloads.direct("and a lexer", ts=payloads.LATER_TS))
    keys = [sent.thread for sent in ingress.of("Inbox/take")]
    assert keys == [f"{TEAM}:D0ANA:{payloads.TS}", f"{TEAM}:D0ANA:{payloads.LATER_TS}"]


@pytest.mark.parametrize(
    "who",
    [
        {"bot_id": "B0OTHER", "user": "U0OTHERBOT"},
        {"user": "USLACKBOT"},
        {"user": "USLACK"},
        {"subtype": "bot_message", "bot_id": "B0OTHER", "user": None},
        {"subtype": "channel_join"},
        {"user": BOT, "bot_id": "B0BOT"},
    ],
)
async def test_bots_slackbot_ourselves_and_notices_are_acknowledged_and_ignored(
    who: dict[str, Any], deliver: Deliver, ingress: FakeIngress
) -> None:
    body = payloads.message(f"{MENTION} build it")
    body["event"] |= who
    response = await deliver(body)
    assert response.status == 200
    assert ingress.sends == []


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
async def test_attachments_and_broadcast_replies_are_messages(
    subtype: str, deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.reply(f"{MENTION} use this", subtype=subtype))
    assert len(ingress.of("Inbox/take")) == 1


@pytest.mark.parametrize("user", ["U0OTTO", "U0GUEST", "U0NOBODY"])
async def test_an_outsider_is_refused_once_politely_and_never_passed_on(
    user: str, deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    for copy in PAIR:
        await deliver(copy(f"{MENTION} build it", user=user))
    await deliver(payloads.message(f"{MENTION} please", user=user, ts=payloads.LATER_TS))
    assert ingress.sends == []
    [told] = slack.of("chat.postEphemeral")
    assert told["user"] == user
    assert "members of this workspace only" in told["text"]


async def test_an_empty_mention_gets_help_once(deliver: Deliver, ingress: FakeIngress) -> None:
    for copy in PAIR:
        await deliver(copy(MENTION))
    assert ingress.of("Inbox/take") == []
    [note] = ingress.notes
    assert "I build and change code" in note


@pytest.mark.parametrize("text", ["stop", "STOP!", " Stop. ", "`stop`", f"{MENTION} stop"])
async def test_the_word_stop_alone_stops_and_is_no_instruction(
    text: str, deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.reply(text))
    [sent] = ingress.sends
    assert sent.handler == "Session/stop"
    assert sent.value["by"]["user_id"] == "U0ANA"


async def test_stop_within_a_sentence_is_an_instruction(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.reply("stop using flask"))
    assert [sent.handler for sent in ingress.sends] == ["Inbox/take"]


async def test_the_word_download_asks_for_the_archive_once(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    for _ in range(2):
        await deliver(payloads.reply("download"))
    [sent] = ingress.sends
    assert sent.handler == "Download/run"
    assert sent.value["thread"]["root_ts"] == payloads.TS


async def test_the_word_status_shows_the_plan_of_the_running_task(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    steps = [p.StepLine(id="1", title="Write tests", status="in_progress", mark="new")]
    plan = p.PlanBody(title="To-do CLI", steps=steps)
    ingress.has_session(HERE, title="To-do CLI", status="working", task="t/1", tasks=1, messages=2)
    ingress.answers["Task/status t/1"] = p.TaskStatus(state="working", plan=plan)
    await deliver(payloads.reply("status"))
    [note] = ingress.notes
    assert "**To-do CLI**: working" in note
    assert "Write tests (now, new)" in note


@pytest.mark.parametrize("word", ["stop", "download", "status"])
async def test_a_control_word_where_nothing_is_says_so(
    word: str, deliver: Deliver, ingress: FakeIngress
) -> None:
    await deliver(payloads.direct(word))
    [note] = ingress.notes
    assert "nothing of mine in this thread" in note
    assert [sent.handler for sent in ingress.sends] == ["Thread/show"]


async def test_an_edit_in_a_session_is_a_correction(deliver: Deliver, ingress: FakeIngress) -> None:
    await deliver(payloads.edit("use click", before="use argparse"))
    assert ingress.sends == []
    ingress.has_session(HERE)
    await deliver(payloads.edit("use click", before="use argparse"))
    [sent] = ingress.of("Session/on_edit")
    assert (sent.value["text"], sent.value["ts"]) == ("use click", payloads.LATER_TS)
    assert sent.value["edit_ts"] == "1712000090.000000"


async def test_a_link_preview_is_not_a_correction(deliver: Deliver, ingress: FakeIngress) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.edit("see https://x.y", before="see https://x.y"))
    assert ingress.sends == []


async def test_a_deleted_message_is_a_correction_to_nothing(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.deletion("use argparse"))
    [sent] = ingress.of("Session/on_edit")
    assert (sent.value["text"], sent.value["ts"]) == ("", payloads.LATER_TS)


async def test_edits_by_bots_and_outsiders_are_ignored(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    ingress.has_session(HERE)
    await deliver(payloads.edit("now this", before="that", user="U0OTTO"))
    body = payloads.edit("now this", before="that")
    body["event"]["message"]["bot_id"] = "B0OTHER"
    await deliver(body)
    assert ingress.sends == []


async def test_a_delivery_that_did_not_become_durable_is_not_acknowledged(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    """The ack trap: by default Bolt acknowledges first, and this message would be gone."""
    ingress.down = True
    response = await deliver(payloads.mention(f"{MENTION} build it"))
    assert response.status == 500
    ingress.down = False
    assert (await deliver(payloads.mention(f"{MENTION} build it"))).status == 200
    assert len(ingress.of("Inbox/take")) == 1


async def test_when_slack_cannot_say_who_wrote_the_delivery_is_repeated(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    """Guessing would let an outsider in, or a member's message be lost."""
    slack.answers["users.info"] = {"ok": False, "error": "internal_error"}
    response = await deliver(payloads.mention(f"{MENTION} build it"))
    assert response.status == 500
    assert ingress.sends == []


@pytest.mark.parametrize("failure", ["refused", "broken off"])
async def test_an_instruction_does_not_wait_for_the_names_of_whom_it_mentions(
    failure: str, deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    await deliver(payloads.mention(f"{MENTION} go"))  # ana is known from here on
    if failure == "refused":
        slack.answers["users.info"] = {"ok": False, "error": "team_access_not_granted"}
    else:
        slack.silent.add("users.info")
    body = payloads.mention(f"{MENTION} ask <@U0BEN> first", ts=payloads.LATER_TS)
    assert (await deliver(body)).status == 200
    assert ingress.of("Inbox/take")[1].value["text"] == "ask @U0BEN first"


async def test_half_a_character_in_a_name_costs_nobody_their_message(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.users["U0ANA"]["profile"] = {"display_name": "ana \ud83d"}
    assert (await deliver(payloads.mention(f"{MENTION} go"))).status == 200
    assert ingress.sends[0].value["author"]["name"] == "ana ?"


async def test_a_person_is_looked_up_once_for_many_messages(
    deliver: Deliver, slack: FakeSlack
) -> None:
    for n in range(3):
        await deliver(payloads.mention(f"{MENTION} go", ts=f"17120000{n:02}.000100"))
    assert len(slack.of("users.info")) == 1


async def test_what_was_typed_is_handed_over_without_slacks_escapes(
    deliver: Deliver, ingress: FakeIngress
) -> None:
    text = f"{MENTION} if a &lt; b &amp;&amp; c, see <https://x.y/z|the docs> by <@U0BEN>"
    await deliver(payloads.mention(text))
    [sent] = ingress.of("Inbox/take")
    assert sent.value["text"] == "if a < b && c, see the docs (https://x.y/z) by @ben"


async def test_an_org_wide_install_keys_sessions_by_enterprise(
    deliver: Deliver, ingress: FakeIngress, slack: FakeSlack
) -> None:
    slack.users["U0ANA"]["enterprise_user"] = {"enterprise_id": "E0ORG", "teams": ["T0SECOND"]}
    slack.users["U0ANA"]["team_id"] = "T0SECOND"
    body = payloads.mention(f"{MENTION} go")
    body["authorizations"][0] |= {"enterprise_id": "E0ORG", "is_enterprise_install": True}
    await deliver(body)
    [sent] = ingress.of("Inbox/take")
    assert sent.thread == f"E0ORG:{payloads.CHANNEL}:{payloads.TS}"
