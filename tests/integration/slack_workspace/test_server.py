"""The server itself: the command that starts it, who may talk to it, and how it ends."""

import asyncio
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import aiohttp
import pytest

from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import BUILD, manifest, write_manifest

ROOT = Path(__file__).parents[3]


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.slack", *arguments, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )


async def test_the_command_prints_its_url_and_ends_on_sigterm(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    path = write_manifest(tmp_path, manifest())
    process = await start("--port", "0", "--manifest", str(path))
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        url = line.removeprefix("Slack workspace: ").strip()
        async with http.get(f"{url}local/state", params={"user": "U0ANA"}) as response:
            assert (await response.json())["ok"] is True
        page = await http.get(f"{url}local/stream", params={"user": "U0ANA"})
        asked = time.monotonic()
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)
    assert process.returncode == 0
    assert time.monotonic() - asked < 30  # the page would hold it for a minute
    page.close()


async def test_a_manifest_that_is_not_there_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    process = await start("--port", "0", "--manifest", str(tmp_path / "none.yml"))
    _, stderr = await process.communicate()
    assert process.returncode == 2
    assert stderr.decode().startswith("The manifest ")
    assert "Pass its path with --manifest." in stderr.decode()
    assert stderr.decode().count("\n") == 1


async def test_a_taken_port_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, manifest())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await start("--port", port, "--manifest", str(path))
        _, stderr = await process.communicate()
    assert process.returncode == 2
    assert stderr.decode().startswith(f"Cannot listen on 127.0.0.1:{port}: ")
    assert stderr.decode().count("\n") == 1


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"host": "evil.example:80"}]
)
async def test_a_web_site_cannot_speak_as_a_person(
    ws: Workspace, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    body = {"user": "U0ANA", "channel": BUILD, "text": "@threadwright delete everything"}
    url = f"{ws.base_url}/local/message"
    async with http.post(url, json=body, headers=headers) as response:
        assert response.status == 403
    async with http.post(url, json=body, headers={"origin": ws.base_url}) as response:
        assert response.status == 200


async def test_a_permalink_opens_the_page_at_its_message(
    ws: Workspace, http: aiohttp.ClientSession
) -> None:
    url = f"{ws.base_url}/archives/{BUILD}/p1700000000000001"
    async with http.get(url, allow_redirects=False) as response:
        where = response.headers["location"]
    assert where == f"/?channel={BUILD}&thread_ts=1700000000.000001&ts=1700000000.000001"
