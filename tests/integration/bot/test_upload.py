"""A finished archive gets into its thread once, and a refusal is one sentence."""

from typing import Any

import aiohttp
import pytest

from agent import protocol as p
from local.slack.faults import Fault
from tests.integration.bot.conftest import TEAM, Stage, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARCHIVE = b"PK\x05\x06" + bytes(18)


async def begin(stage: Stage) -> p.UploadTicket:
    start = p.UploadStart(file_name="project.zip", size_bytes=len(ARCHIVE), team=TEAM)
    return await stage.engine.client.call(p.BEGIN_UPLOAD, None, start)


async def send_bytes(ticket: p.UploadTicket) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(ticket.upload_url, data=ARCHIVE) as response,
    ):
        assert response.status == 200


async def finish(stage: Stage, ticket: p.UploadTicket) -> p.UploadReceipt:
    share = p.UploadFinish(
        file_id=ticket.file_id,
        thread=stage.thread,
        title="Project",
        comment="Here it is as of step 1 (“<!channel>”).",
        mentions=["U0BEN"],
    )
    return await stage.engine.client.call(p.FINISH_UPLOAD, None, share)


async def files(stage: Stage) -> list[dict[str, Any]]:
    return [file for message in await stage.replies() for file in message["files"]]


async def test_the_archive_is_shared_in_the_thread_and_can_be_downloaded(stage: Stage) -> None:
    ticket = await begin(stage)
    await send_bytes(ticket)
    assert await finish(stage, ticket) == p.UploadReceipt(ok=True)
    [file] = await until(lambda: files(stage), lambda found: len(found) == 1)
    assert await stage.people.person("U0BEN").download(file) == ARCHIVE
    said = "Here it is as of step 1 (“&lt;!channel&gt;”)."
    assert (await stage.replies())[0]["text"] == f"<@U0BEN>: {said}"


async def test_sharing_that_slack_did_but_did_not_confirm_is_not_repeated(stage: Stage) -> None:
    ticket = await begin(stage)
    await send_bytes(ticket)
    fault = Fault(method="files.completeUploadExternal", kind="error_after_commit")
    await stage.people.inject(fault)
    assert await finish(stage, ticket) == p.UploadReceipt(ok=True)
    assert len(await files(stage)) == 1
    assert (await stage.calls())["files.completeUploadExternal"] == 1


async def test_a_busy_slack_is_waited_for(stage: Stage) -> None:
    ticket = await begin(stage)
    await send_bytes(ticket)
    for kind in ("ratelimited", "error"):
        await stage.people.inject(
            Fault.model_validate({"method": "files.completeUploadExternal", "kind": kind})
        )
    assert await finish(stage, ticket) == p.UploadReceipt(ok=True)
    assert len(await files(stage)) == 1


@pytest.mark.parametrize(
    ("error", "sentence", "blocked"),
    [
        (
            "file_uploads_disabled",
            "An admin has switched file uploads off in this workspace.",
            True,
        ),
        ("storage_limit_reached", "This workspace has no file storage left.", True),
        ("is_archived", "The channel is archived.", False),
        ("something_new", "Slack did not take the file (something_new).", False),
    ],
)
async def test_a_refusal_is_one_sentence_and_tells_a_rule_of_the_workspace_apart(
    error: str, sentence: str, blocked: bool, stage: Stage
) -> None:
    await stage.people.inject(Fault(method="files.getUploadURLExternal", kind="error", error=error))
    assert await begin(stage) == p.UploadTicket(problem=sentence, blocked=blocked)

    ticket = await begin(stage)
    await send_bytes(ticket)
    fault = Fault(method="files.completeUploadExternal", kind="error", error=error)
    await stage.people.inject(fault)
    receipt = p.UploadReceipt(ok=False, error=sentence, blocked=blocked)
    assert await finish(stage, ticket) == receipt
