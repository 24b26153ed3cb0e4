"""Slack's rate limits, when they are switched on."""

import asyncio

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from tests.integration.slack_workspace.installed import BUILD


async def test_the_fifty_first_update_of_a_minute_is_refused_and_told_when_to_come_again(
    people: PeopleClient, web: AsyncWebClient
) -> None:
    ts = (await web.chat_postMessage(channel=BUILD, text="0"))["ts"]
    await people.enforce_limits()
    for number in range(50):
        await web.chat_update(channel=BUILD, ts=ts, text=str(number))
    with pytest.raises(SlackApiError) as caught:
        await web.chat_update(channel=BUILD, ts=ts, text="one too many")
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert await people.refused_calls() == {"chat.update": 1}
    await people.drop_limits()
    await web.chat_update(channel=BUILD, ts=ts, text="now it may")


async def test_waiting_as_long_as_told_is_enough(
    people: PeopleClient, web: AsyncWebClient, ana: Person
) -> None:
    await people.enforce_limits(pace=4)
    refused = 0

    async def post(text: str) -> None:
        nonlocal refused
        while True:
            try:
                await web.chat_postMessage(channel=BUILD, text=text)
                return
            except SlackApiError as error:
                refused += error.response["error"] == "ratelimited"
                await asyncio.sleep(int(error.response.headers["retry-after"]) / 4)

    async with asyncio.timeout(60):
        await asyncio.gather(*(post(str(number)) for number in range(8)))
    assert refused > 0
    assert (await people.refused_calls())["chat.postMessage"] == refused
    assert {one["text"] for one in await ana.messages(BUILD)} == {str(n) for n in range(8)}
