"""The program inside a Modal sandbox, run directly: one process per request, as an exec would."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.backends.local.programs import framing
from sandbox.backends.modal.program.main import pack
from tests.integration.sandbox.driver import running

RUN = "from sandbox.backends.modal.program.main import main; import sys; main(*sys.argv[1:])"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}


class Inside:
    """One sandbox, as far as the program is concerned: a folder it remembers things in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        self.generation = 1

    def begin(self, op: str, **fields: object) -> "subprocess.Popen[bytes]":
        request = {"op": op, "generation": self.generation, **fields}
        line = [sys.executable, "-c", RUN, str(self.folder / "state"), pack(request)]
        (self.folder / "state").mkdir(exist_ok=True)
        return subprocess.Popen(line, stdout=subprocess.PIPE)

    def ask(self, op: str, **fields: object) -> tuple[dict[str, Any], bytes]:
        with self.begin(op, **fields) as process:
            answer = process.communicate(timeout=120)[0]
        header, body = framing.check_lengths(answer[: framing.LENGTHS.size])
        rest = answer[framing.LENGTHS.size :]
        assert len(rest) == header + body
        return framing.decode_header(rest[:header]), rest[header:]

    def job(self, slug: str) -> dict[str, object]:
        log = self.folder / "logs" / slug / "log"
        return {"slug": slug, "log_path": str(log), "offset": 0, "limit": 1 << 20}

    def start(
        self, slug: str, command: str, wait: float = 10.0, fence: int = 1, timeout: int = 60
    ) -> tuple[dict[str, Any], bytes]:
        return self.ask(
            "start",
            **self.job(slug),
            command=command,
            workdir=str(self.project),
            timeout_seconds=timeout,
            environment=ENVIRONMENT,
            memory_bytes=1 << 30,
            file_bytes=1 << 30,
            fence=fence,
            wait_seconds=wait,
        )

    def poll(self, slug: str, wait: float = 10.0) -> tuple[dict[str, Any], bytes]:
        return self.ask("poll", **self.job(slug), wait_seconds=wait)

    def keeper(self, slug: str) -> int:
        return int((self.folder / "state" / "jobs" / slug / "keeper").read_text())


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    inside = Inside(tmp_path)
    yield inside
    inside.ask("fence", fence=1 << 30)  # ends whatever a test left running


def test_a_command_is_started_awaited_and_read_in_one_request(inside: Inside) -> None:
    answer, output = inside.start("a", "echo out; echo err >&2; exit 7")

    assert (answer["end"]["exit_code"], answer["lost"]) == (7, False)
    assert (output, answer["size"], answer["next_offset"]) == (b"out\nerr\n", 8, 8)


def test_five_racing_starts_run_the_command_once(inside: Inside) -> None:
    fields = {
        **inside.job("a"),
        "command": "echo x >> runs",
        "workdir": str(inside.project),
        "timeout_seconds": 60,
        "environment": ENVIRONMENT,
        "memory_bytes": 1 << 30,
        "file_bytes": 1 << 30,
        "fence": 1,
        "wait_seconds": 10.0,
    }
    for process in [inside.begin("start", **fields) for _ in range(5)]:
        process.communicate(timeout=120)

    assert (inside.project / "runs").read_text() == "x\n"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_keeper_that_was_killed_leaves_a_lost_job_that_is_never_run_again(
    inside: Inside,
) -> None:
    inside.start("a", "echo x >> runs; sleep 54401", wait=0.0)
    until(lambda: running("sleep\x0054401") == 1)
    os.kill(inside.keeper("a"), signal.SIGKILL)

    answer, _ = inside.start("a", "echo x >> runs", wait=5.0)

    assert (answer["lost"], answer["end"]) == (True, None)
    assert (inside.project / "runs").read_text() == "x\n"
    inside.ask("cancel", slug="a")
    assert running("54401") == 0, "what a dead keeper left behind ends with a cancel"


def test_a_request_that_is_killed_while_it_waits_does_not_end_the_command(inside: Inside) -> None:
    inside.start("a", "sleep 0.4; echo done", wait=0.0)
    waiting = inside.begin("poll", **inside.job("a"), wait_seconds=20.0)
    time.sleep(0.1)
    waiting.kill()
    waiting.communicate()

    assert inside.poll("a")[1] == b"done\n"


def test_words_of_a_command_do_not_show_in_our_own_processes(inside: Inside) -> None:
    """Or `pkill -f` of a command's words would end the keeper instead."""
    inside.start("a", "exec sleep 54402", wait=0.0)
    until(lambda: running("sleep\x0054402") == 1)

    assert running("54402") == 1


def test_the_keeper_outlives_what_people_kill_by_name(inside: Inside) -> None:
    inside.start("a", "until test -e go; do sleep 0.02; done; echo done", wait=0.0)
    keeper = inside.keeper("a")
    assert Path(f"/proc/{keeper}/comm").read_text() == "job-keeper\n"
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(keeper, number)
    (inside.project / "go").touch()

    answer, output = inside.poll("a")

    assert (answer["end"]["exit_code"], output) == (0, b"done\n")


def test_a_job_of_an_earlier_start_of_the_sandbox_is_lost(inside: Inside) -> None:
    inside.start("a", "sleep 54403", wait=0.0)
    inside.generation = 2

    assert inside.poll("a", wait=0.0)[0]["lost"]


def test_ten_megabytes_keep_their_beginning_and_their_end(inside: Inside) -> None:
    command = f"{sys.executable} -c \"print('a' + 'x' * 10_000_000 + 'z')\""
    answer, head = inside.start("a", command, wait=60.0)
    tail = inside.ask(
        "poll", **{**inside.job("a"), "offset": answer["size"] - 5}, wait_seconds=0.0
    )[1]

    assert answer["size"] == 10_000_003
    assert head[:2] == b"ax"
    assert tail == b"xxxz\n"
    assert (inside.folder / "logs" / "a" / "log").stat().st_size < 8 << 20


def test_a_background_child_prints_on_after_the_command_ended(inside: Inside) -> None:
    answer, _ = inside.start("a", "(sleep 0.3; echo late) & echo now")
    assert answer["end"]["exit_code"] == 0

    until(lambda: inside.poll("a", wait=0.0)[1] == b"now\nlate\n")


def test_a_cancel_leaves_no_process_of_the_command_and_no_keeper(inside: Inside) -> None:
    inside.start("a", "setsid sleep 54404 & sleep 54404", wait=0.0)
    until(lambda: running("sleep\x0054404") == 2)
    keeper = inside.keeper("a")
    inside.ask("cancel", slug="a")

    assert running("54404") == 0
    answer, _ = inside.poll("a", wait=0.0)
    assert answer["end"]["cancelled"]
    until(lambda: not (Path(f"/proc/{keeper}/cmdline").exists() and running(str(inside.folder))))


def test_a_cancel_before_the_start_refuses_it(inside: Inside) -> None:
    inside.ask("cancel", slug="a")
    answer, _ = inside.start("a", "touch ran")

    assert answer["end"]["cancelled"]
    assert not (inside.project / "ran").exists()


def test_a_raised_fence_refuses_and_ends_what_is_below(inside: Inside) -> None:
    inside.start("late", "sleep 54405", wait=0.0, fence=1)
    inside.start("now", "sleep 54406", wait=0.0, fence=2)

    assert inside.ask("fence", fence=2) == ({}, b"")
    assert inside.ask("fence", fence=1)[0]["error"] == "fenced"
    assert inside.start("later", "touch ran", fence=1)[0]["error"] == "fenced"
    assert inside.poll("late")[0]["end"]["cancelled"]
    assert inside.poll("now", wait=0.0)[0]["end"] is None
    assert running("54405") == 0


def test_a_fenced_write_changes_nothing_and_leaves_nothing_behind(inside: Inside) -> None:
    incoming = inside.folder / "incoming"
    incoming.write_bytes(b"late")
    inside.ask("fence", fence=2)
    target = inside.project / "file"

    answer, _ = inside.ask("write", path=str(target), fence=1, body_path=str(incoming))

    assert answer["error"] == "fenced"
    assert not target.exists()
    assert not incoming.exists()


def test_small_bodies_travel_in_the_request_and_large_ones_in_a_file(inside: Inside) -> None:
    body = base64.b64encode(b"\0small").decode()
    inside.ask("write", path=str(inside.project / "a" / "small"), fence=1, body=body)
    incoming = inside.folder / "incoming"
    incoming.write_bytes(b"large")
    inside.ask("write", path=str(inside.project / "large"), fence=1, body_path=str(incoming))

    small = inside.ask("read", path=str(inside.project / "a" / "small"), limit=100)
    assert small[1] == b"\0small"
    assert (inside.project / "large").read_bytes() == b"large"


@pytest.mark.parametrize("name", ["pipe", "folder", "null", "missing"])
def test_only_regular_files_are_read(inside: Inside, name: str) -> None:
    os.mkfifo(inside.project / "pipe")
    (inside.project / "folder").mkdir()
    (inside.project / "null").symlink_to("/dev/null")

    answer, _ = inside.ask("read", path=str(inside.project / name), limit=10)

    assert answer["error"] == "file"
    assert name in answer["message"]


def test_preparing_a_snapshot_drops_what_passed_through_long_ago(inside: Inside) -> None:
    passing = inside.folder / "passing"
    (passing / "archive").mkdir(parents=True)
    for name in ("archive/old.zip", "upload", "new"):
        (passing / name).write_bytes(b"x")
    for name in ("archive", "upload"):
        os.utime(passing / name, (0, 0))

    _prepare(inside)

    assert [path.name for path in passing.iterdir()] == ["new"]


def test_a_tree_looks_the_same_until_something_changed(inside: Inside) -> None:
    file = inside.project / "file"
    file.write_bytes(b"one")
    first = _prepare(inside)
    assert _prepare(inside) == first
    assert first["size"] > 0

    file.write_bytes(b"two")
    second = _prepare(inside)
    assert second["fingerprint"] != first["fingerprint"]
    inside.start("a", "true")
    assert _prepare(inside)["fingerprint"] != second["fingerprint"], "a job's record is to be kept"


def test_a_tree_never_looks_the_same_while_a_command_runs(inside: Inside) -> None:
    inside.start("a", "sleep 54407", wait=0.0)

    assert _prepare(inside)["fingerprint"] == ""


def _prepare(inside: Inside) -> dict[str, Any]:
    folders = {"passing": [str(inside.folder / "passing")], "roots": [str(inside.project)]}
    return inside.ask("prepare", logs=str(inside.folder / "logs"), **folders)[0]
