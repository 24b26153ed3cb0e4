"""What a program says when it cannot start: one sentence with the cause, exit status 2, nothing
begun."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.restate.server import free_port

AGENT = {"OPENAI_API_KEY": "k"}
BOT = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def start(module: str, environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Exit status and standard error of `python -m <module>`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environ},
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        _, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, error.decode()


@pytest.mark.parametrize(
    ("module", "environ", "words"),
    [
        ("agent", {}, "OPENAI_API_KEY is not set"),
        ("agent", {**AGENT, "LLM_API": "soap"}, "LLM_API='soap'"),
        ("agent", {"OPENAI_API_KEY": "sk-one sk-two"}, "check OPENAI_API_KEY"),
        ("agent", {**AGENT, "SANDBOX_BACKEND": "cloud"}, "SANDBOX_BACKEND"),
        ("agent", {**AGENT, "THREADWRIGHT_AGENT_BIND": "here"}, "THREADWRIGHT_AGENT_BIND='here'"),
        ("agent", {**AGENT, "THREADWRIGHT_POLICY_FILE": "/no/file"}, "/no/file cannot be read"),
        ("bot", {}, "SLACK_BOT_TOKEN"),
        ("bot", {"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN"),
    ],
)
async def test_a_missing_or_wrong_setting_is_named(
    module: str, environ: dict[str, str], words: str
) -> None:
    status, error = await start(module, environ)
    assert status == 2
    assert words in error
    assert len(error.strip().splitlines()) == 1


async def test_bubblewrap_that_is_not_there_is_said_and_nothing_runs_unsandboxed(
    sandboxes: Path,
) -> None:
    environ = {"SANDBOX_BWRAP": "/no/bwrap", "SANDBOX_STATE_DIR": str(sandboxes)}
    status, error = await start("agent", {**AGENT, **environ})
    assert status == 2
    assert "/no/bwrap" in error.strip().splitlines()[-1]


async def test_a_taken_port_is_named_by_the_agent(taken_port: int, sandboxes: Path) -> None:
    bind = f"127.0.0.1:{taken_port}"
    environ = {"THREADWRIGHT_AGENT_BIND": bind, "SANDBOX_STATE_DIR": str(sandboxes)}
    admin = {"RESTATE_ADMIN_URL": f"http://127.0.0.1:{free_port()}"}
    status, error = await start("agent", {**AGENT, **environ, **admin})
    assert status == 2
    assert f"Port {taken_port}" in error.strip().splitlines()[-1]


async def test_a_taken_port_is_named_by_the_demo_with_another_to_try(taken_port: int) -> None:
    status, error = await start("local", {}, "--port", str(taken_port))
    assert status == 2
    assert f"PORT={taken_port + 100}" in error
