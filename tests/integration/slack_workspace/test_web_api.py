"""The Web API's door: tokens, scopes, unknown methods, and every way of passing arguments."""

import json
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.faults import Fault
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    BUILD,
    Json,
    manifest,
    refusal,
    without_scope,
    write_manifest,
)


async def test_auth_test_names_the_bot_and_lists_its_scopes(web: AsyncWebClient) -> None:
    answer = await web.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == (
        "U0BOT",
        "B0BOT",
        "T0LOCAL",
    )
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_an_unknown_method_is_named(web: AsyncWebClient) -> None:
    answer = await refusal(web.api_call("chat.shout"))
    assert (answer["error"], answer["req_method"]) == ("unknown_method", "chat.shout")


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-someone-else", "auth.test", "invalid_auth"),
        ("xapp-local-threadwright", "auth.test", "not_allowed_token_type"),
        ("xoxb-local-threadwright", "apps.connections.open", "not_allowed_token_type"),
    ],
)
async def test_a_token_that_does_not_fit_is_refused(
    ws: Workspace, http: aiohttp.ClientSession, token: str, method: str, error: str
) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with http.post(ws.api_url + method, headers=headers) as response:
        assert (await response.json())["error"] == error


@pytest.mark.parametrize(
    ("scope", "method", "arguments"),
    [
        ("chat:write", "chat.postMessage", {"channel": BUILD, "text": "hi"}),
        ("reactions:write", "reactions.add", {"channel": BUILD, "timestamp": "1", "name": "eyes"}),
        ("files:write", "files.getUploadURLExternal", {"filename": "a", "length": 1}),
        ("channels:history", "conversations.replies", {"channel": BUILD, "ts": "1"}),
        ("channels:read", "conversations.info", {"channel": BUILD}),
        ("users:read", "users.info", {"user": "U0ANA"}),
        ("chat:write", "agents.sessions.setStatus", {"channel_id": BUILD, "status": "active"}),
    ],
)
async def test_a_scope_missing_in_the_manifest_is_named(
    tmp_path: Path, scope: str, method: str, arguments: Json
) -> None:
    path = write_manifest(tmp_path, without_scope(manifest(), scope))
    async with running_workspace(manifest=path) as ws:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        answer = await refusal(web.api_call(method, params=arguments))
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
    assert scope not in answer["provided"].split(",")


@pytest.mark.parametrize("how", ["query", "get", "form", "multipart", "json"])
async def test_arguments_come_in_every_form_slack_takes(
    ws: Workspace, http: aiohttp.ClientSession, ana: Person, how: str
) -> None:
    blocks = json.dumps([{"type": "divider"}])
    arguments = {"channel": BUILD, "text": "hi", "blocks": blocks}
    url, headers = f"{ws.api_url}chat.postMessage", {"authorization": f"Bearer {ws.bot_token}"}
    if how == "query":
        sent = http.post(url, headers=headers, params=arguments)
    elif how == "get":
        sent = http.get(url, headers=headers, params=arguments)
    elif how == "form":
        sent = http.post(url, data={**arguments, "token": ws.bot_token})
    elif how == "multipart":
        parts = aiohttp.MultipartWriter("form-data")
        for name, value in arguments.items():
            part = parts.append(value)
            part.set_content_disposition("form-data", name=name)
        sent = http.post(url, headers=headers, data=parts)
    else:
        body = json.dumps({**arguments, "thread_ts": None})
        kind = {"content-type": "application/json; charset=utf-8"}
        sent = http.post(url, headers={**headers, **kind}, data=body)
    async with sent as response:
        assert (await response.json())["ok"] is True
    (message,) = await ana.messages(BUILD)
    assert (message["text"], message["blocks"][0]["type"]) == ("hi", "divider")


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        ("application/json", "{", "invalid_json"),
        ("application/json", "[]", "json_not_object"),
        ("application/xml", "<a/>", "invalid_post_type"),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_refused(
    ws: Workspace, http: aiohttp.ClientSession, content_type: str, body: str, error: str
) -> None:
    headers = {"authorization": f"Bearer {ws.bot_token}", "content-type": content_type}
    async with http.post(f"{ws.api_url}auth.test", headers=headers, data=body) as response:
        assert (await response.json())["error"] == error


async def test_json_without_a_charset_is_answered_with_a_warning(
    ws: Workspace, http: aiohttp.ClientSession
) -> None:
    headers = {"authorization": f"Bearer {ws.bot_token}"}
    async with http.post(f"{ws.api_url}auth.test", headers=headers, json={}) as response:
        answer = await response.json()
    assert answer["warning"] == "missing_charset"
    assert answer["response_metadata"]["warnings"] == ["missing_charset"]


async def test_every_call_is_logged_without_its_token(
    web: AsyncWebClient, people: PeopleClient
) -> None:
    await web.chat_postMessage(channel=BUILD, text="hi")
    await refusal(web.chat_postMessage(channel="C0NOWHERE", text="hi"))
    calls = await people.calls("chat.postMessage")
    assert [(one["ok"], one["error"]) for one in calls] == [
        (True, ""),
        (False, "channel_not_found"),
    ]
    assert calls[0]["args"] == {"channel": BUILD, "text": "hi"}
    assert (await people.call_counts())["chat.postMessage"] == 2


async def test_an_injected_rate_limit_is_waited_out_by_the_sdk(
    web: AsyncWebClient, people: PeopleClient
) -> None:
    await people.inject(Fault(method="chat.postMessage", kind="ratelimited", retry_after=0))
    web.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await web.chat_postMessage(channel=BUILD, text="hi")
    errors = [one["error"] for one in await people.calls("chat.postMessage")]
    assert errors == ["ratelimited", ""]


async def test_a_rate_limit_says_how_long_to_wait(
    web: AsyncWebClient, people: PeopleClient
) -> None:
    await people.inject(Fault(method="chat.update", kind="ratelimited", retry_after=7))
    with pytest.raises(SlackApiError) as caught:
        await web.chat_update(channel=BUILD, ts="1", text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["retry-after"] == "7"


async def test_an_error_before_the_commit_posts_nothing(
    web: AsyncWebClient, people: PeopleClient, ana: Person
) -> None:
    await people.inject(Fault(method="chat.postMessage", kind="error", status=500))
    with pytest.raises(SlackApiError) as caught:
        await web.chat_postMessage(channel=BUILD, text="never posted")
    assert caught.value.response.status_code == 500
    assert await ana.messages(BUILD) == []


async def test_an_error_after_the_commit_leaves_the_message_posted(
    web: AsyncWebClient, people: PeopleClient, ana: Person
) -> None:
    await people.inject(Fault(method="chat.postMessage", kind="error_after_commit"))
    with pytest.raises(SlackApiError) as caught:
        await web.chat_postMessage(channel=BUILD, text="posted all the same")
    assert caught.value.response.status_code == 503
    assert [one["text"] for one in await ana.messages(BUILD)] == ["posted all the same"]


async def test_an_injected_error_is_slacks_own_word_as_often_as_asked(
    web: AsyncWebClient, people: PeopleClient, ana: Person
) -> None:
    ts = await ana.post(BUILD, "hello")
    fault = Fault(method="agents.sessions.setStatus", kind="error", error="not_authorized", times=2)
    await people.inject(fault)
    arguments = {"channel_id": BUILD, "thread_ts": ts, "status": "active"}
    for _ in range(2):
        answer = await refusal(web.api_call("agents.sessions.setStatus", params=arguments))
        assert answer["error"] == "not_authorized"
    await web.api_call("agents.sessions.setStatus", params=arguments)


async def test_a_cleared_fault_does_not_happen(web: AsyncWebClient, people: PeopleClient) -> None:
    await people.inject(Fault(kind="error", error="internal_error"))
    await people.clear_faults()
    await web.auth_test()
