"""Commands, files and previews on Modal: what they cost, and what a lost answer does."""

import asyncio
import ssl

import aiohttp
import pytest

from sandbox.egress import REGISTRY_HOSTS
from sandbox.errors import Fatal, Retryable
from sandbox.protocol import Command
from tests.fakes.modal import Fake
from tests.integration.sandbox.driver import Box, spec
from tests.integration.sandbox.modal.workers import NAME, Workers


async def test_a_start_whose_answer_was_lost_runs_once(fake: Fake, box: Box) -> None:
    await box.output("true")
    once = Command(command="echo x >> runs")
    fake.fail("TaskExecStart", status="ABORTED", after=True)
    with pytest.raises(Retryable):
        await box.backend.start(box.ref, "job", once, 1, 10.0, 100)

    state = await box.backend.start(box.ref, "job", once, 1, 10.0, 100)

    assert state.exit_code == 0
    assert await box.output("cat runs") == "x\n"


async def test_another_worker_goes_on_with_a_job(box: Box, worker: Workers) -> None:
    job = await box.start("echo begun; sleep 0.5; echo ended")
    await box.backend.aclose()

    state = await worker().poll(box.ref, job, 0, 60.0, 100)

    assert (state.exit_code, state.chunk) == (0, "begun\nended\n")


async def test_start_can_wait_for_the_end_in_one_request(fake: Fake, box: Box) -> None:
    await box.output("true")
    fake.calls.clear()
    command = Command(command="sleep 0.2; echo done")
    state = await box.backend.start(box.ref, "job", command, 1, 10.0, 100)

    assert (state.exit_code, state.chunk) == (0, "done\n")
    assert dict(fake.calls) == {"TaskExecStart": 1, "TaskExecStdioRead": 1}


async def test_what_commands_and_files_cost_in_calls(fake: Fake, box: Box) -> None:
    await box.output("true")
    costs: dict[str, int] = {}

    async def count(what: str, action: object) -> None:
        fake.calls.clear()
        await action  # type: ignore[misc]
        costs[what] = fake.calls.total()

    backend, ref = box.backend, box.ref
    await count("write 1 kB", backend.write(ref, "small", b"x" * 1000, 1))
    await count("write 1 MB", backend.write(ref, "large", b"x" * 1_000_000, 1))
    await count("read", backend.read(ref, "large", 1000))
    await count("list", backend.list_files(ref, ".", 100))
    await count("cancel", backend.cancel(ref, "job"))
    await count("snapshot", backend.snapshot(ref))

    assert costs == {
        "write 1 kB": 2,
        "write 1 MB": 5,
        "read": 2,
        "list": 2,
        "cancel": 2,
        "snapshot": 3,
    }


async def test_a_router_token_that_expired_is_renewed(fake: Fake, box: Box) -> None:
    await box.output("true")
    fake.expire_router_tokens()

    assert await box.output("echo fine") == "fine\n"


async def test_a_file_that_could_not_be_uploaded_is_no_sandbox_gone(fake: Fake, box: Box) -> None:
    """The SDK says "not found" of every failed upload."""
    await box.output("true")
    fake.fail("TaskExecStart", status="RESOURCE_EXHAUSTED")
    with pytest.raises(Retryable):
        await box.backend.write(box.ref, "large", b"x" * 1_000_000, 1)
    fake.fail("TaskExecStart", status="NOT_FOUND")
    with pytest.raises(Retryable):
        await box.backend.write(box.ref, "large", b"x" * 1_000_000, 1)

    await box.backend.write(box.ref, "large", b"x" * 1_000_000, 1)
    assert (await box.backend.read(box.ref, "large", 10)).size_bytes == 1_000_000


async def test_a_large_write_is_never_seen_by_half(box: Box) -> None:
    old, new = b"a" * 3_000_000, b"b" * 3_000_000
    await box.backend.write(box.ref, "file", old, 1)
    look = "import time\nfor _ in range(150):\n d = open('file').read()\n"
    look += " print(len(d), *set(d)); time.sleep(.005)"
    job = await box.start(f'python3 -c "{look}"')
    await box.backend.write(box.ref, "file", new, 1)
    state = await box.poll(job)

    assert set(state.chunk.splitlines()) <= {"3000000 a", "3000000 b"}


async def test_ten_megabytes_of_output_keep_their_beginning_and_end(box: Box) -> None:
    command = "echo begin; yes 0123456789 | head -c 10000000; echo end"
    state = await box.backend.start(
        box.ref, "job", Command(command=command), 1, wait_seconds=60.0, limit_bytes=100
    )
    tail = await box.backend.poll(box.ref, "job", state.size_bytes - 4, 0, 100)

    assert state.size_bytes == 10_000_010
    assert state.chunk.startswith("begin\n0123")
    assert tail.chunk == "end\n"


async def test_a_declared_port_has_an_address_where_a_server_answers(box: Box) -> None:
    await box.output("echo hello > page; python3 -m http.server 8000 >/dev/null 2>&1 &")
    preview = await box.backend.expose(box.ref, 8000)
    assert preview.url.startswith("https://")

    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    text = ""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while text != "hello\n":
            async with session.get(f"{preview.url}/page", ssl=trusting) as answer:
                text = await answer.text() if answer.status == 200 else ""


async def test_an_undeclared_port_is_refused_with_the_setting_to_change(box: Box) -> None:
    with pytest.raises(Fatal, match="SANDBOX_PREVIEW_PORTS"):
        await box.backend.expose(box.ref, 9999)


async def test_the_network_policy_is_set_when_a_sandbox_is_created(
    fake: Fake, worker: Workers
) -> None:
    await worker(egress="registries,api.example.com").ensure(spec(NAME), None, [])

    access = fake.running()[0].definition.network_access
    assert "api.example.com" in access.allowed_domains
    assert REGISTRY_HOSTS[0] in access.allowed_domains
    assert list(access.allowed_cidrs) == []
