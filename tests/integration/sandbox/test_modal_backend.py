"""What the modal backend promises beyond the contract, against the strict fake of Modal."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from sandbox.backends.modal.backend import ModalBackend
from sandbox.egress import REGISTRY_HOSTS
from sandbox.errors import Fatal, Retryable, SandboxGone
from sandbox.protocol import Command, SandboxRef, SnapshotRef
from sandbox.settings import Settings
from tests.fakes.modal import Fake, Wishes, running_fake
from tests.integration.sandbox.driver import Box, running, spec, until

Workers = Callable[..., ModalBackend]
NAME = "tw-test"


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with running_fake(Wishes(token=("ak-1", "as-1"))) as fake:
        yield fake
        assert not fake.unknown


@pytest.fixture
async def worker(fake: Fake) -> AsyncIterator[Workers]:
    """Makes workers, each with a connection of its own, as separate processes would have."""
    workers: list[ModalBackend] = []

    def make(**changes: object) -> ModalBackend:
        fields: dict[str, object] = {
            "state_dir": Path("/nowhere"),
            "memory_mb": 512,
            "disk_mb": 256,
            "modal_server_url": fake.url,
            "modal_token_id": "ak-1",
            "modal_token_secret": "as-1",
        }
        workers.append(ModalBackend(Settings.model_validate(fields | changes)))
        return workers[-1]

    yield make
    for backend in workers:
        await backend.aclose()


@pytest.fixture
def backend(worker: Workers) -> ModalBackend:
    return worker()


@pytest.fixture
async def box(backend: ModalBackend) -> Box:
    return Box(backend, await backend.ensure(spec(NAME), None, []))


async def _text(backend: ModalBackend, ref: SandboxRef, path: str) -> str:
    return (await backend.read(ref, path, 1000)).text


# --- creation -------------------------------------------------------------------------------------


async def test_a_lost_answer_of_create_is_adopted_by_the_next_attempt(
    fake: Fake, backend: ModalBackend
) -> None:
    fake.fail("SandboxCreateV2", status="ABORTED", after=True)
    with pytest.raises(Retryable):
        await backend.ensure(spec(NAME), None, [])

    ref = await backend.ensure(spec(NAME), None, [])

    assert [sandbox.sandbox_id for sandbox in fake.running()] == [ref.sandbox_id]
    assert (ref.generation, ref.empty, ref.restored_from) == (1, True, None)


async def test_four_workers_racing_get_one_sandbox_and_agree_on_all_of_it(
    fake: Fake, worker: Workers
) -> None:
    workers = [worker() for _ in range(4)]
    refs = await asyncio.gather(*(each.ensure(spec(NAME), None, []) for each in workers))

    assert len(fake.running()) == 1
    without_use = {ref.model_copy(update={"expires_at": 0.0}) for ref in refs}
    assert len(without_use) == 1


async def test_a_known_sandbox_that_runs_is_kept(fake: Fake, box: Box, worker: Workers) -> None:
    kept = await worker().ensure(spec(NAME), box.ref, [])

    assert kept.sandbox_id == box.ref.sandbox_id
    assert len(fake.running()) == 1


async def test_one_that_cannot_be_reached_is_never_replaced(
    fake: Fake, box: Box, worker: Workers
) -> None:
    other = worker()
    fake.fail("SandboxWaitV2", status="RESOURCE_EXHAUSTED", times=2)
    with pytest.raises(Retryable):
        await other.ensure(spec(NAME), box.ref, [])
    with pytest.raises(Retryable):
        await other.poll(box.ref, "job", 0, 0, 100)

    assert len(fake.running()) == 1
    assert (await other.ensure(spec(NAME), box.ref, [])).sandbox_id == box.ref.sandbox_id


async def test_a_name_of_another_deployment_is_refused_with_a_way_out(
    fake: Fake, box: Box, worker: Workers
) -> None:
    with pytest.raises(Fatal, match="MODAL_APP"):
        await worker(owner="somebody").ensure(spec(NAME), None, [])


# --- snapshots ------------------------------------------------------------------------------------


async def test_files_come_back_from_a_snapshot_with_the_fence_and_ended_jobs(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "kept.txt", b"here", 5)
    await box.backend.raise_fence(box.ref, 5)
    job = await box.start("echo once >> runs; exit 3", fence=5)
    await box.poll(job)
    snapshot = await box.backend.snapshot(box.ref)
    await box.backend.destroy(NAME, box.ref, [])

    again = await box.backend.ensure(spec(NAME), box.ref, [snapshot])

    assert (again.generation, again.restored_from) == (2, snapshot.snapshot_id)
    assert not again.empty
    restored = Box(box.backend, again)
    assert (await box.backend.read(again, "kept.txt", 100)).text == "here"
    assert (await restored.poll(job)).exit_code == 3
    await box.backend.start(again, job, Command(command="echo twice >> runs"), 5)
    assert (await box.backend.read(again, "runs", 100)).text == "once\n"


async def test_a_job_that_ran_while_the_snapshot_was_taken_is_lost_and_not_run_again(
    fake: Fake, box: Box
) -> None:
    job = await box.start("echo x >> runs; sleep 54501")
    await until(lambda: running("54501") > 0)
    snapshot = await box.backend.snapshot(box.ref)
    await fake.terminate(box.ref.sandbox_id)
    again = Box(box.backend, await box.backend.ensure(spec(NAME), box.ref, [snapshot]))

    state = await box.backend.start(again.ref, job, Command(command="echo x >> runs"), 1)

    assert (state.lost, state.exit_code) == (True, None)
    assert await again.output("cat runs") == "x\n"


async def test_an_expired_snapshot_falls_back_to_the_one_before_and_then_to_none(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    await box.backend.forget(NAME, [newer, newer])
    await box.backend.stop(box.ref)

    second = await box.backend.ensure(spec(NAME), box.ref, [newer, older])
    assert second.restored_from == older.snapshot_id
    assert (await box.backend.read(second, "file", 100)).text == "older"

    await box.backend.forget(NAME, [older])
    await box.backend.stop(second)
    third = await box.backend.ensure(spec(NAME), second, [newer, older])
    assert (third.restored_from, third.empty, third.generation) == (None, True, 3)


async def test_a_create_that_failed_otherwise_never_costs_the_newest_snapshot(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)

    for status in ("ABORTED", "NOT_FOUND", "RESOURCE_EXHAUSTED"):
        fake.fail("SandboxCreateV2", status=status)
        with pytest.raises(Retryable):
            await box.backend.ensure(spec(NAME), box.ref, [newer, older])
    again = await box.backend.ensure(spec(NAME), box.ref, [newer, older])

    assert again.restored_from == newer.snapshot_id


async def test_a_damaged_snapshot_gives_way_to_the_one_before_after_some_attempts(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)
    await fake.damage_snapshot(newer.snapshot_id)

    for _ in range(2):
        with pytest.raises(Retryable):
            await box.backend.ensure(spec(NAME), box.ref, [newer, older])
    again = await box.backend.ensure(spec(NAME), box.ref, [newer, older])

    assert again.restored_from == older.snapshot_id


async def test_snapshots_are_kept_for_ninety_days_and_say_so(fake: Fake, box: Box) -> None:
    snapshot = await box.backend.snapshot(box.ref)

    assert snapshot.expires_at is not None
    assert abs(snapshot.expires_at - snapshot.created_at - 90 * 86400) < 5
    kept_until = fake.snapshots()[snapshot.snapshot_id]
    assert kept_until is not None
    assert abs(kept_until - snapshot.expires_at) < 60


# --- the end of a sandbox -------------------------------------------------------------------------


async def test_a_sandbox_that_ends_at_its_limit_during_a_job_is_gone(
    fake: Fake, worker: Workers
) -> None:
    backend = worker(lifetime_seconds=600)
    box = Box(backend, await backend.ensure(spec(NAME), None, []))
    assert box.ref.hard_limit == pytest.approx(time.time() + 600, abs=10)
    job = await box.start("sleep 54502")
    polling = asyncio.create_task(box.poll(job, wait=20))
    await until(lambda: running("54502") > 0)

    fake.skip(601)

    with pytest.raises(SandboxGone):
        await polling
    with pytest.raises(SandboxGone):
        await box.run("true")
    with pytest.raises(SandboxGone):
        await worker().read(box.ref, "file", 10)
    assert (await backend.ensure(spec(NAME), box.ref, [])).generation == 2


async def test_one_near_its_limit_is_replaced_with_all_its_files(
    fake: Fake, worker: Workers
) -> None:
    backend = worker(lifetime_seconds=600)
    ref = await backend.ensure(spec(NAME), None, [])
    await backend.write(ref, "file", b"newest", 1)
    near = ref.model_copy(update={"hard_limit": time.time() + 30})

    again = await backend.ensure(spec(NAME), near, [])

    assert (again.generation, again.empty) == (2, False)
    assert await _text(backend, again, "file") == "newest"
    assert [sandbox.sandbox_id for sandbox in fake.running()] == [again.sandbox_id]


async def test_renewing_keeps_it_from_being_idle_but_not_past_its_limit(
    fake: Fake, worker: Workers
) -> None:
    backend = worker(lifetime_seconds=4 * 3600, idle_seconds=60)
    ref = await backend.ensure(spec(NAME), None, [])
    for _ in range(2):
        fake.skip(3700)
        renewed = await backend.renew(ref, 3600)

    assert len(fake.running()) == 1
    assert ref.hard_limit is not None
    assert time.time() + 3600 <= renewed.expires_at <= ref.hard_limit


async def test_stop_and_destroy_may_be_repeated_and_leave_nothing(fake: Fake, box: Box) -> None:
    snapshot = await box.backend.snapshot(box.ref)
    await box.start("setsid sleep 54503")

    await box.backend.stop(box.ref)
    await box.backend.stop(box.ref)
    newer = await box.backend.ensure(spec(NAME), box.ref, [snapshot])
    await box.backend.stop(box.ref)
    assert [sandbox.sandbox_id for sandbox in fake.running()] == [newer.sandbox_id]
    for _ in range(2):
        await box.backend.destroy(NAME, box.ref, [snapshot])

    assert fake.running() == []
    assert fake.snapshots() == {}
    assert running("54503") == 0


async def test_a_sweep_finds_ours_with_their_sessions_and_ends_them(
    fake: Fake, box: Box, worker: Workers
) -> None:
    await worker(owner="somebody").ensure(spec("tw-theirs"), None, [])

    found = await worker().running()

    assert [(each.name, each.session) for each in found] == [(NAME, spec(NAME).session)]
    assert found[0].generation == 1
    assert found[0].created_at == pytest.approx(time.time(), abs=30)
    await box.backend.end(found[0])
    await box.backend.end(found[0])
    assert await box.backend.running() == []
    assert len(fake.running()) == 1


# --- requests -------------------------------------------------------------------------------------


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

    state = await worker().poll(box.ref, job, 0, 20.0, 100)

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
        box.ref, "job", Command(command=command), 1, wait_seconds=20.0, limit_bytes=100
    )
    tail = await box.backend.poll(box.ref, "job", state.size_bytes - 4, 0, 100)

    assert state.size_bytes == 10_000_010
    assert state.chunk.startswith("begin\n0123")
    assert tail.chunk == "end\n"


# --- previews and network -------------------------------------------------------------------------


async def test_a_declared_port_has_an_address_where_a_server_answers(box: Box) -> None:
    await box.output("echo hello > page; python3 -m http.server 8000 >/dev/null 2>&1 &")
    preview = await box.backend.expose(box.ref, 8000)
    assert preview.url.startswith("https://")

    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    text = ""
    async with aiohttp.ClientSession() as session, asyncio.timeout(20):
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


# --- probe ----------------------------------------------------------------------------------------


async def test_a_probe_tells_each_step_and_leaves_nothing_behind(
    fake: Fake, backend: ModalBackend
) -> None:
    findings = await backend.probe()

    assert {finding.state for finding in findings} <= {"ok", "off"}, findings
    assert [finding.what for finding in findings] == [
        "Modal",
        "app",
        "image",
        "sandbox",
        "commands",
        "files",
        "snapshots",
        "restored sandbox",
        "previews",
        "internet access",
    ]
    assert fake.running() == []
    assert fake.snapshots() == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"modal_token_id": ""}, "MODAL_TOKEN_ID and MODAL_TOKEN_SECRET are not set"),
        ({"modal_token_secret": "as-wrong"}, "refuses the token"),
    ],
)
async def test_a_probe_names_a_token_that_is_missing_or_wrong(
    fake: Fake, worker: Workers, changes: dict[str, str], sentence: str
) -> None:
    findings = await worker(**changes).probe()

    assert [finding.state for finding in findings] == ["failed"]
    assert sentence in findings[0].detail
    assert "as-wrong" not in findings[0].detail


async def test_a_dead_network_is_one_sentence_within_the_deadline(
    worker: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.backends.modal.connection.CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    findings = await worker(modal_server_url=f"http://127.0.0.1:{port}").probe()

    assert [finding.state for finding in findings] == ["failed"]
    assert findings[0].detail == "Modal did not answer within 0 s."
    assert "MODAL_SERVER_URL" in findings[0].fix


async def test_an_image_that_cannot_be_built_is_told_by_the_probe(
    fake: Fake, backend: ModalBackend
) -> None:
    fake.fail("ImageGetOrCreate", status="INVALID_ARGUMENT", message="no such package")
    findings = await backend.probe()

    assert (findings[-1].what, findings[-1].state) == ("image", "failed")
    assert "no such package" in findings[-1].detail


async def test_a_snapshot_of_another_backend_is_passed_over(backend: ModalBackend) -> None:
    foreign = SnapshotRef(snapshot_id="0123abcd.zst", created_at=time.time())

    assert (await backend.ensure(spec(NAME), None, [foreign])).empty
