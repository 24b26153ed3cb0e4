"""What the reader of threads makes of messages as Slack hands them out."""

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from agent import protocol as p
from bot.identity import Ourselves
from bot.people import People
from bot.reader import Eyes
from tests.unit.bot import payloads
from tests.unit.bot.servers import TEAM, FakeSlack

HERE = p.ThreadRef(team=TEAM, channel=payloads.CHANNEL, root_ts=payloads.TS)


async def test_half_a_character_in_a_bots_words_does_not_keep_the_session_waiting(
    slack: FakeSlack,
) -> None:
    """No journal could hold it, and the page would be asked for again and again."""
    said = {"ts": payloads.TS, "bot_id": "B0CI", "username": "ci \ud83d", "text": "red \ud83d"}
    slack.answers["conversations.replies"] = {"ok": True, "messages": [said]}
    async with aiohttp.ClientSession() as http:
        client = AsyncWebClient("xoxb-1", base_url=f"{slack.url}/api/", session=http)
        page = await Eyes(Ourselves(client), People(), "//").page(HERE, "")
    [message] = page.messages
    assert (message.author.name, message.text) == ("ci ?", "red ?")
    assert page.model_dump_json()
