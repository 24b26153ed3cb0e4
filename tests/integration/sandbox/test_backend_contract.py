"""What every backend promises. Uses the contract alone, so each new backend is run through it."""

import asyncio
import io
import zipfile

import pytest

from sandbox.errors import Fenced, FileProblem, SandboxGone
from sandbox.protocol import Backend, Command, FileInfo
from tests.integration.sandbox.driver import Box, running, until


async def test_a_command_answers_with_its_output_and_exit_code(box: Box) -> None:
    state = await box.run("echo to stdout; echo to stderr >&2; exit 7")

    assert state.chunk == "to stdout\nto stderr\n"
    assert (state.exit_code, state.timed_out, state.lost) == (7, False, False)
    assert state.size_bytes == state.next_offset == len(state.chunk)


async def test_a_command_killed_by_a_signal_has_128_plus_its_number(box: Box) -> None:
    assert (await box.run("kill -SEGV $$")).exit_code == 139


async def test_a_second_start_of_a_job_attaches_to_the_first(box: Box) -> None:
    once = Command(command="echo x >> runs; sleep 0.1")
    await asyncio.gather(*(box.backend.start(box.ref, "job", once, 1) for _ in range(5)))
    await box.poll("job")
    await box.backend.start(box.ref, "job", Command(command="echo other >> runs"), 1)

    assert (await box.poll("job")).exit_code == 0
    assert await box.output("cat runs") == "x\n"


async def test_four_racing_ensures_make_one_sandbox(backend: Backend, name: str) -> None:
    refs = await asyncio.gather(*(backend.ensure(name, None, []) for _ in range(4)))

    assert {(ref.sandbox_id, ref.generation) for ref in refs} == {(refs[0].sandbox_id, 1)}


async def test_poll_returns_at_the_end_of_the_job_and_at_the_end_of_the_wait(box: Box) -> None:
    job = await box.start("echo begun; sleep 0.4; echo ended")
    clock = asyncio.get_running_loop().time
    began = clock()
    early = await box.poll(job, wait=0.1)
    late = await box.poll(job, wait=30.0)

    assert (early.exit_code, late.exit_code) == (None, 0)
    assert late.chunk == "begun\nended\n"
    assert clock() - began < 5


async def test_output_is_read_on_from_an_offset(box: Box) -> None:
    job = await box.start("printf 'one€two'")
    await box.poll(job)

    first = await box.backend.poll(box.ref, job, 0, 0, 4)
    rest = await box.backend.poll(box.ref, job, first.next_offset, 0, 100)

    assert (first.chunk, rest.chunk) == ("one", "€two")


async def test_cancel_leaves_no_process_not_even_one_in_its_own_session(box: Box) -> None:
    job = await box.start("setsid sleep 54321.1 & sleep 54321.2")
    await until(lambda: running("54321.") >= 2)

    await box.backend.cancel(box.ref, job)

    assert running("54321.") == 0
    state = await box.poll(job)
    assert state.cancelled
    assert state.exit_code == 128 + 15


async def test_cancel_kills_a_command_that_ignores_sigterm(box: Box) -> None:
    job = await box.start("trap '' TERM; echo ready; while true; do sleep 0.01; done")
    await box.poll(job, wait=0.2)

    await box.backend.cancel(box.ref, job)

    assert (await box.poll(job)).exit_code == 128 + 9


async def test_a_cancelled_job_never_starts_later(box: Box) -> None:
    """The start may still be on its way when the cancel arrives."""
    await box.backend.cancel(box.ref, "late")
    await box.backend.start(box.ref, "late", Command(command="touch ran"), 1)

    assert (await box.poll("late")).cancelled
    assert (await box.run("test -e ran")).exit_code == 1


async def test_a_timeout_is_a_value(box: Box) -> None:
    state = await box.run("echo before; setsid sleep 54322.1 & sleep 54322.2", timeout=1)

    assert (state.exit_code, state.timed_out) == (124, True)
    assert state.chunk == "before\n"
    assert 1 <= state.seconds < 5
    assert running("54322.") == 0


async def test_binary_output_is_shown_with_replacements(box: Box) -> None:
    state = await box.run(r"printf 'a\377\000b'")

    assert state.chunk == "a�\0b"
    assert state.size_bytes == 4


async def test_a_command_longer_than_the_kernels_argument_limit_runs(box: Box) -> None:
    assert (await box.output(f"echo start; : '{'x' * 200_000}'; echo end")) == "start\nend\n"


async def test_a_background_child_does_not_hold_the_command(box: Box) -> None:
    state = await box.run("python3 -m http.server 8123 & sleep 0.01; echo up")

    assert state.exit_code == 0
    fetch = "for i in $(seq 50); do curl -sf http://127.0.0.1:8123/ >page && break; sleep .1; done"
    assert "Directory listing" in await box.output(f"{fetch}; cat page")


async def test_a_missing_workdir_is_told_in_the_output(box: Box) -> None:
    await box.backend.start(box.ref, "job", Command(command="true", workdir="no/such"), 1)
    state = await box.poll("job")

    assert state.exit_code == 126
    assert "/project/no/such" in state.chunk


# --- lost and gone --------------------------------------------------------------------------------


async def test_a_job_of_an_earlier_start_is_lost_and_never_run_again(box: Box) -> None:
    job = await box.start("echo x >> runs; sleep 54323")
    await box.poll(job, wait=0.3)
    await box.backend.stop(box.ref)
    again = Box(box.backend, await box.backend.ensure(box.ref.name, box.ref, []))

    await again.backend.start(again.ref, job, Command(command="echo x >> runs"), 1)
    state = await again.poll(job)

    assert (state.lost, state.exit_code) == (True, None)
    assert await again.output("cat runs") == "x\n"


async def test_an_ended_job_keeps_its_result_over_a_restart(box: Box) -> None:
    job = await box.start("echo done; exit 3")
    await box.poll(job)
    await box.backend.stop(box.ref)
    again = Box(box.backend, await box.backend.ensure(box.ref.name, box.ref, []))

    state = await again.poll(job)

    assert (state.exit_code, state.chunk, state.lost) == (3, "done\n", False)


async def test_a_job_nobody_started_is_lost(box: Box) -> None:
    assert (await box.poll("never", wait=0)).lost


async def test_handles_of_an_earlier_start_are_dead(box: Box) -> None:
    await box.backend.stop(box.ref)
    with pytest.raises(SandboxGone):
        await box.run("true")
    newer = await box.backend.ensure(box.ref.name, box.ref, [])

    assert newer.generation == box.ref.generation + 1
    with pytest.raises(SandboxGone):
        await box.run("true")


async def test_stopping_an_earlier_start_leaves_the_newer_one_alone(box: Box) -> None:
    await box.backend.stop(box.ref)
    newer = Box(box.backend, await box.backend.ensure(box.ref.name, box.ref, []))

    await box.backend.stop(box.ref)

    assert await newer.output("echo alive") == "alive\n"


async def test_stop_keeps_the_files_and_ends_the_processes(box: Box) -> None:
    await box.backend.write(box.ref, "kept.txt", b"here", 1)
    await box.start("sleep 54324")
    await until(lambda: running("54324") > 0)

    await box.backend.stop(box.ref)

    assert running("54324") == 0
    again = await box.backend.ensure(box.ref.name, box.ref, [])
    assert (await box.backend.read(again, "kept.txt", 100)).text == "here"
    assert not again.empty


# --- fences ---------------------------------------------------------------------------------------


async def test_a_fence_refuses_late_writers(box: Box) -> None:
    await box.backend.write(box.ref, "file", b"first", 1)
    await box.backend.raise_fence(box.ref, 2)

    with pytest.raises(Fenced):
        await box.backend.write(box.ref, "file", b"late", 1)
    with pytest.raises(Fenced):
        await box.backend.remove(box.ref, "file", 1)
    with pytest.raises(Fenced):
        await box.run("echo late > file", fence=1)
    with pytest.raises(Fenced):
        await box.backend.raise_fence(box.ref, 1)
    assert (await box.backend.read(box.ref, "file", 100)).text == "first"


async def test_raising_the_fence_kills_running_jobs_below_it(box: Box) -> None:
    late = await box.start("sleep 54325", fence=1)
    current = await box.start("sleep 54326", fence=2)
    await until(lambda: min(running("54325"), running("54326")) > 0)

    await box.backend.raise_fence(box.ref, 2)

    assert running("54325") == 0
    assert running("54326") > 0
    assert (await box.poll(late)).cancelled
    assert (await box.poll(current, wait=0)).exit_code is None


async def test_the_fence_outlives_a_restart(box: Box) -> None:
    await box.backend.raise_fence(box.ref, 5)
    await box.backend.stop(box.ref)
    again = await box.backend.ensure(box.ref.name, box.ref, [])

    with pytest.raises(Fenced):
        await box.backend.write(again, "file", b"late", 4)


async def test_raising_the_same_fence_again_is_fine(box: Box) -> None:
    await box.backend.raise_fence(box.ref, 2)
    await box.backend.raise_fence(box.ref, 2)

    assert (await box.run("true", fence=2)).exit_code == 0


# --- files ----------------------------------------------------------------------------------------


async def test_files_are_written_read_and_removed(box: Box) -> None:
    await box.backend.write(box.ref, "src/deep/app.py", "print('é')\n".encode(), 1)

    file = await box.backend.read(box.ref, "/project/src/deep/app.py", 1000)
    assert (file.path, file.text, file.size_bytes) == ("src/deep/app.py", "print('é')\n", 12)
    assert (file.truncated, file.binary) == (False, False)
    assert await box.output("python3 src/deep/app.py") == "é\n"

    await box.backend.remove(box.ref, "src/deep/app.py", 1)
    await box.backend.remove(box.ref, "src/deep/app.py", 1)
    with pytest.raises(FileProblem, match=r"src/deep/app.py does not exist"):
        await box.backend.read(box.ref, "src/deep/app.py", 1000)


async def test_writing_keeps_the_mode_of_a_file(box: Box) -> None:
    await box.output("echo 'echo old' > run.sh; chmod 755 run.sh")
    await box.backend.write(box.ref, "run.sh", b"echo new", 1)

    assert await box.output("stat -c %a run.sh; ./run.sh") == "755\nnew\n"


async def test_a_long_file_is_cut_at_a_whole_character(box: Box) -> None:
    await box.backend.write(box.ref, "long", "€€€".encode(), 1)
    file = await box.backend.read(box.ref, "long", 7)

    assert (file.text, file.truncated, file.size_bytes, file.binary) == ("€€", True, 9, False)


async def test_a_binary_file_is_told_apart(box: Box) -> None:
    await box.backend.write(box.ref, "data", b"\x00\x01", 1)
    file = await box.backend.read(box.ref, "data", 100)

    assert (file.binary, file.text) == (True, "")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "/project/../etc", "", "a\0b"]
)
async def test_a_path_out_of_the_project_is_refused_with_a_sentence(box: Box, path: str) -> None:
    with pytest.raises(FileProblem, match=r"\w+ \w+ \w+"):
        await box.backend.read(box.ref, path, 10)
    with pytest.raises(FileProblem):
        await box.backend.write(box.ref, path, b"x", 1)
    with pytest.raises(FileProblem):
        await box.backend.list_files(box.ref, path, 10)
    with pytest.raises(FileProblem):
        await box.backend.start(box.ref, "job", Command(command="true", workdir=path), 1)


@pytest.mark.parametrize("name", ["pipe", "folder", "link", "null", "socket"])
async def test_only_regular_files_are_read_and_replaced(box: Box, name: str) -> None:
    make_socket = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'"
    await box.output(
        f"mkfifo pipe; mkdir folder; ln -s /etc/passwd link; ln -s /dev/null null; {make_socket}"
    )

    with pytest.raises(FileProblem, match=name):
        await box.backend.read(box.ref, name, 100)
    with pytest.raises(FileProblem, match=name):
        await box.backend.write(box.ref, name, b"x", 1)


async def test_listing_is_recursive_sorted_and_without_dependencies(box: Box) -> None:
    await box.output(
        "mkdir -p b node_modules/x .git .venv c/__pycache__; echo 123 > b/two; ln -s a link;"
        " touch a node_modules/x/y .git/HEAD c/__pycache__/m.pyc; mkfifo pipe"
    )
    listing = await box.backend.list_files(box.ref, ".", 100)

    assert not listing.truncated
    assert listing.files == [
        FileInfo(path="a", kind="file", size_bytes=0),
        FileInfo(path="b", kind="directory"),
        FileInfo(path="b/two", kind="file", size_bytes=4),
        FileInfo(path="c", kind="directory"),
        FileInfo(path="link", kind="link"),
        FileInfo(path="pipe", kind="other"),
    ]
    assert [f.path for f in (await box.backend.list_files(box.ref, "b", 100)).files] == ["b/two"]


async def test_a_long_listing_says_that_it_was_cut(box: Box) -> None:
    await box.output("touch $(seq 30)")
    listing = await box.backend.list_files(box.ref, ".", 10)

    assert (len(listing.files), listing.truncated) == (10, True)


async def test_odd_file_names_are_listed_escaped(box: Box) -> None:
    await box.output(r"touch $'new\nline' $'esc\033[31m' $'bad\377utf8' -- -dash")
    listing = await box.backend.list_files(box.ref, ".", 10)

    names = {"-dash", r"new\nline", r"esc\x1b[31m", r"bad\xffutf8"}
    assert {file.path for file in listing.files} == names


# --- keeping --------------------------------------------------------------------------------------


async def test_an_archive_is_a_zip_with_one_folder_of_the_project(box: Box) -> None:
    await box.output(
        "mkdir -p src .git node_modules/x; echo hi > src/app.py; chmod 755 src/app.py;"
        " touch .git/HEAD node_modules/x/y; ln -s /etc/passwd secret"
    )
    info = await box.backend.make_archive(box.ref, "request 1", "URL shortener, v2!")
    data = b"".join([chunk async for chunk in box.backend.read_archive(box.ref, info)])

    assert (info.file_name, info.size_bytes, info.file_count) == (
        "url-shortener-v2.zip",
        len(data),
        1,
    )
    packed = zipfile.ZipFile(io.BytesIO(data))
    assert packed.namelist() == ["url-shortener-v2/src/app.py"]
    assert packed.read("url-shortener-v2/src/app.py") == b"hi\n"
    assert packed.infolist()[0].external_attr >> 16 & 0o777 == 0o755


async def test_the_same_archive_id_gives_the_same_archive(box: Box) -> None:
    await box.backend.write(box.ref, "a", b"1", 1)
    first = await box.backend.make_archive(box.ref, "request", "t")
    await box.backend.write(box.ref, "b", b"2", 1)

    assert await box.backend.make_archive(box.ref, "request", "t") == first
    assert (await box.backend.make_archive(box.ref, "another", "t")).file_count == 2


async def test_an_archive_of_an_empty_project_has_no_files(box: Box) -> None:
    assert (await box.backend.make_archive(box.ref, "request", "")).file_count == 0


async def test_a_project_too_large_for_an_archive_is_refused(box: Box) -> None:
    await box.output("truncate -s 150M one two")  # sparse: it costs nothing on disk
    with pytest.raises(FileProblem, match="larger than the 256 MB"):
        await box.backend.make_archive(box.ref, "request", "t")


async def test_equal_files_give_the_same_snapshot(box: Box) -> None:
    await box.backend.write(box.ref, "a", b"1", 1)
    first = await box.backend.snapshot(box.ref)
    second = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "a", b"2", 1)
    third = await box.backend.snapshot(box.ref)

    assert first.snapshot_id == second.snapshot_id != third.snapshot_id
    assert first.size_bytes > 0


async def test_destroy_deletes_files_and_snapshots_and_may_be_repeated(box: Box) -> None:
    await box.output(
        "mkdir closed; touch closed/x; chmod 000 closed;"
        " python3 -c \"import os\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')\""
    )
    snapshot = await box.backend.snapshot(box.ref)
    await box.start("sleep 54327")
    await until(lambda: running("54327") > 0)

    await box.backend.destroy(box.ref.name)
    await box.backend.destroy(box.ref.name)

    assert running("54327") == 0
    anew = await box.backend.ensure(box.ref.name, box.ref, [snapshot])
    assert anew.empty
    assert (await box.backend.list_files(anew, ".", 10)).files == []
    assert anew.generation > box.ref.generation
