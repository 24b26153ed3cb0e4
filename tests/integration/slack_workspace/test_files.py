"""Files: the external upload step by step and by the SDK's helper, and who may download them."""

from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.errors import Refused
from local.slack.server import running_workspace
from local.slack.workspace import Admin, Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    QUIET,
    Json,
    connected_app,
    manifest,
    refusal,
    settled,
    without_scope,
    write_manifest,
)

ARCHIVE = b"PK\x03\x04 not really an archive"


async def ticket(web: AsyncWebClient, length: int = len(ARCHIVE)) -> tuple[str, str]:
    answer = await web.files_getUploadURLExternal(filename="project.zip", length=length)
    return str(answer["file_id"]), str(answer["upload_url"])


async def test_the_sdks_upload_puts_the_file_into_the_thread(ws: Workspace, ana: Person) -> None:
    async with connected_app(ws) as bot:
        root = await ana.post(BUILD, "download")
        answer = await bot.client.files_upload_v2(
            channel=BUILD,
            thread_ts=root,
            filename="project.zip",
            content=ARCHIVE,
            title="The project",
            initial_comment="Here it is",
        )
        await settled(ws)
        shared = bot.events("file_shared")
    assert answer["file"]["shares"] == {}  # sharing goes on after the answer
    _, message = await ana.messages(BUILD, root)
    (file,) = message["files"]
    assert (message["text"], message["subtype"], message["bot_id"]) == (
        "Here it is",
        "file_share",
        "B0BOT",
    )
    assert (file["title"], file["size"], file["mimetype"]) == (
        "The project",
        len(ARCHIVE),
        "application/zip",
    )
    assert await ana.download(file) == ARCHIVE
    assert [one["file_id"] for one in shared] == [file["id"]]


@pytest.mark.parametrize("how", ["raw", "multipart"])
async def test_the_bytes_are_taken_raw_or_as_a_form(
    web: AsyncWebClient, http: aiohttp.ClientSession, ana: Person, how: str
) -> None:
    file_id, url = await ticket(web)
    form = aiohttp.FormData()
    form.add_field("file", ARCHIVE, filename="project.zip")
    async with http.post(url, data=ARCHIVE if how == "raw" else form) as response:
        assert (response.status, await response.text()) == (200, f"OK - {len(ARCHIVE)}")
    await web.files_completeUploadExternal(files=[{"id": file_id}], channel_id=BUILD)
    (message,) = await ana.messages(BUILD)
    assert await ana.download(message["files"][0]) == ARCHIVE


async def test_bytes_of_another_length_than_announced_are_refused(
    web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    file_id, url = await ticket(web, length=5)
    async with http.post(url, data=ARCHIVE) as response:
        assert response.status == 400
    answer = await refusal(web.files_completeUploadExternal(files=[{"id": file_id}]))
    assert answer["error"] == "file_not_found"


async def test_an_upload_address_is_good_once(
    web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    _, url = await ticket(web)
    async with http.post(url, data=ARCHIVE) as response:
        assert response.status == 200
    async with http.post(url, data=ARCHIVE) as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("getUploadURLExternal", {"filename": "a", "length": 0}, "invalid_arguments"),
        ("getUploadURLExternal", {"length": 1}, "invalid_arguments"),
        (
            "getUploadURLExternal",
            {"filename": "a", "length": 1 << 31},
            "file_upload_size_restricted",
        ),
        ("completeUploadExternal", {"files": "[]"}, "invalid_arguments"),
        ("completeUploadExternal", {"files": '[{"id": "F0NONE"}]'}, "file_not_found"),
        ("info", {"file": "F0NONE"}, "file_not_found"),
    ],
)
async def test_a_file_call_slack_would_refuse_is_refused(
    web: AsyncWebClient, method: str, arguments: Json, error: str
) -> None:
    assert (await refusal(web.api_call(f"files.{method}", params=arguments)))["error"] == error


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ({"channel_id": "C0NOWHERE"}, "invalid_channel"),
        ({"channel_id": QUIET}, "not_in_channel"),
        ({"channel_id": BUILD, "thread_ts": "1700000000.000001"}, "thread_not_found"),
    ],
)
async def test_a_file_is_shared_only_where_the_bot_may_write(
    web: AsyncWebClient, http: aiohttp.ClientSession, place: Json, error: str
) -> None:
    file_id, url = await ticket(web)
    async with http.post(url, data=ARCHIVE):
        pass
    answer = await refusal(web.files_completeUploadExternal(files=[{"id": file_id}], **place))
    assert answer["error"] == error
    await web.files_completeUploadExternal(files=[{"id": file_id}], channel_id=BUILD)


async def test_the_app_downloads_what_people_attached_with_its_token_alone(
    ws: Workspace, web: AsyncWebClient, ana: Person, http: aiohttp.ClientSession
) -> None:
    await ana.post(BUILD, "start from this", files={"spec ü.md": b"# spec"})
    file = (await web.conversations_history(channel=BUILD))["messages"][0]["files"][0]
    assert (await web.files_info(file=file["id"]))["file"]["name"] == "spec ü.md"
    url = file["url_private_download"]
    async with http.get(url, headers={"authorization": f"Bearer {ws.bot_token}"}) as response:
        assert await response.read() == b"# spec"
    async with http.get(url) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "Sign in" in await response.text()


async def test_without_files_read_the_app_gets_the_login_page(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    path = write_manifest(tmp_path, without_scope(manifest(), "files:read"))
    async with running_workspace(manifest=path) as ws, PeopleClient(ws.base_url) as people:
        await people.person(ANA).post(BUILD, "this", files={"a.md": b"a"})
        (message,) = await people.person(ANA).messages(BUILD)
        url = message["files"][0]["url_private_download"]
        headers = {"authorization": f"Bearer {ws.bot_token}"}
        async with http.get(url, headers=headers) as response:
            assert response.content_type == "text/html"


async def test_a_person_outside_the_channel_cannot_download(
    people: PeopleClient, ana: Person
) -> None:
    await ana.post(BUILD, "this", files={"a.md": b"a"})
    (message,) = await ana.messages(BUILD)
    with pytest.raises(Refused, match="otto sees no file"):
        await people.person("U0OTTO").download(message["files"][0])


async def download(http: aiohttp.ClientSession, ws: Workspace, url: str) -> tuple[int, str, bytes]:
    """Status, type and bytes, as an app gets them that follows redirects with care."""
    headers = {"authorization": f"Bearer {ws.bot_token}"}
    async with http.get(url, headers=headers, allow_redirects=False) as response:
        return response.status, response.content_type, await response.read()


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("external", {"mode": "external", "is_external": True}),
        ("tombstone", {"mode": "tombstone"}),
        ("hidden_by_limit", {"mode": "hidden_by_limit"}),
        ("check_file_info", {"mode": "file_access", "file_access": "check_file_info"}),
    ],
)
async def test_not_every_file_of_a_message_can_be_downloaded(
    ws: Workspace, ana: Person, web: AsyncWebClient, kind: str, seen: Json
) -> None:
    async with connected_app(ws) as bot:
        await ana.post(BUILD, "look", files={"spec.md": b"# spec"}, file_kind=kind)
        await settled(ws)
        (file,) = bot.events("message")[-1]["files"]
    assert {name: file.get(name) for name in seen} == seen
    assert "url_private_download" not in file
    if kind == "tombstone":
        assert (await refusal(web.files_info(file=file["id"])))["error"] == "file_deleted"
    elif kind == "check_file_info":
        full = (await web.files_info(file=file["id"]))["file"]
        assert (full["name"], full["file_access"]) == ("spec.md", "visible")
        assert full["url_private_download"].startswith(ws.base_url)


async def test_uploads_are_refused_as_an_admin_decided(
    web: AsyncWebClient, people: PeopleClient
) -> None:
    await people.decide(Admin(file_types_refused=["zip"]))
    refused = await refusal(web.files_getUploadURLExternal(filename="a.ZIP", length=1))
    await web.files_getUploadURLExternal(filename="a.txt", length=1)
    await people.decide(Admin(file_uploads_disabled=True))
    disabled = await refusal(web.files_getUploadURLExternal(filename="a.txt", length=1))
    assert (refused["error"], disabled["error"]) == (
        "file_type_not_allowed",
        "file_uploads_disabled",
    )


async def test_a_redirect_leads_to_another_host_that_must_not_see_the_token(
    ws: Workspace, ana: Person, people: PeopleClient, http: aiohttp.ClientSession
) -> None:
    await ana.post(BUILD, "look", files={"spec.md": b"# spec"})
    url = (await ana.messages(BUILD))[-1]["files"][0]["url_private_download"]
    assert (await download(http, ws, url))[2] == b"# spec"
    await people.decide(Admin(redirect_files=True))
    assert (await download(http, ws, url))[0] == 302
    headers = {"authorization": f"Bearer {ws.bot_token}"}
    async with http.get(url, headers=headers) as careful:  # aiohttp drops the header on its way
        assert (careful.url.host, careful.content_type) == ("localhost", "text/html")
    assert await people.tokens_leaked() == 0
    async with http.get(careful.url, headers=headers) as careless:
        assert careless.content_type == "text/html"
    assert await people.tokens_leaked() == 1
