"""Commands, files and snapshots in sandboxes of the fake, through the SDK."""

import asyncio
import time

import modal
import pytest
from modal.exception import (
    NotFoundError,
    SandboxFilesystemDirectoryNotEmptyError,
    SandboxFilesystemIsADirectoryError,
    SandboxFilesystemNotADirectoryError,
    SandboxFilesystemNotFoundError,
    SandboxFilesystemPathAlreadyExistsError,
)

from tests.fakes.modal import Fake
from tests.integration.modal_fake.conftest import User, run

HOSTILE = r"""
mkdir -p deep/closed $'new\nline' && cd deep
ln -s /etc/passwd absolute && ln -s ../../../../../../etc up && ln -s loop loop
mkfifo pipe && truncate -s 1T sparse && echo data > closed/file && chmod 000 closed closed/file
for i in $(seq 300); do mkdir d && cd d; done; echo bottom > file
"""
LOOK = r"""
cd deep && readlink absolute up loop && test -p pipe && stat -c %s sparse && stat -c %a closed
chmod 700 closed && chmod 600 closed/file && cat closed/file
cat $(printf 'd/%.0s' $(seq 300))file
"""


async def test_a_command_gets_input_and_gives_output_errors_and_its_exit_code(user: User) -> None:
    sandbox = await user.create(env={"SHAPE": "round"})
    process = await sandbox.exec.aio(
        "bash", "-c", "cat; echo $SHAPE $COLOUR $TASTE $PWD; echo oh >&2; exit 5",
        env={"TASTE": "sweet"}, text=False,
    )  # fmt: skip
    process.stdin.write(b"\xff\x00 input\n")
    process.stdin.write_eof()
    await process.stdin.drain.aio()
    output, errors = await asyncio.gather(process.stdout.read.aio(), process.stderr.read.aio())
    assert output == b"\xff\x00 input\nround deep red sweet /project\n"
    assert errors == b"oh\n"
    assert await process.wait.aio() == 5


async def test_ten_megabytes_arrive_whole_also_when_nobody_read_them_before_the_end(
    user: User,
) -> None:
    sandbox = await user.create()
    command = "head -c 10000000 /dev/zero | tr '\\0' x; echo end"
    process = await sandbox.exec.aio("bash", "-c", command, text=False)
    assert await process.wait.aio() == 0
    output = await process.stdout.read.aio()
    assert len(output) == 10_000_004
    assert output.endswith(b"xend\n")


async def test_the_tools_of_an_agent_work_inside_as_root(user: User) -> None:
    sandbox = await user.create()
    code, output = await run(
        sandbox,
        "whoami && python3 -c 'print(6*7)' && git init -q . && git -c user.name=a -c user.email=b "
        "commit -q --allow-empty -m one && git log --format=%s && tar -cf - . | tar -tf - | wc -l",
    )
    assert code == 0
    assert output.split()[:3] == [b"root", b"42", b"one"]


async def test_background_processes_outlive_their_command_and_end_with_the_sandbox(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create()
    await run(sandbox, "setsid sleep 1234 >/dev/null 2>&1 &")
    code, output = await run(sandbox, "pgrep -c sleep")
    assert (code, output) == (0, b"1\n")
    assert [command for _, command in fake.processes()] == ["sleep 1234"]
    await sandbox.terminate.aio()
    assert fake.processes() == []


async def test_output_ends_with_its_command_though_a_daemon_holds_the_pipe(user: User) -> None:
    sandbox = await user.create()
    began = time.monotonic()
    assert await run(sandbox, "sleep 1235 & echo started") == (0, b"started\n")
    assert time.monotonic() - began < 60  # the daemon sleeps for longer


async def test_commands_share_loopback_and_reach_no_other_network(user: User) -> None:
    sandbox = await user.create()
    await run(
        sandbox, "echo hello > index.html; setsid python3 -m http.server 8000 >/dev/null 2>&1 &"
    )
    fetch = (
        "import urllib.request, time\n"
        "for _ in range(1200):\n"
        "    try: print(urllib.request.urlopen('http://localhost:8000').read().decode()); break\n"
        "    except OSError: time.sleep(0.05)\n"
    )
    assert await run(sandbox, f'python3 -c "{fetch}"') == (0, b"hello\n\n")
    assert (await run(sandbox, "cat /proc/net/dev | grep -c :"))[1] == b"1\n"


async def test_the_time_limit_of_a_command_ends_it(user: User, fake: Fake) -> None:
    sandbox = await user.create()
    code, output = await run(sandbox, "echo first; sleep 1236", timeout=3)
    assert code in (-1, 137)
    assert output == b"first\n"
    deadline = time.monotonic() + 60
    while fake.processes():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_an_entrypoint_ends_its_sandbox_with_its_exit_code(user: User) -> None:
    sandbox = await user.create("bash", "-c", "echo working; exit 3")
    await sandbox.wait.aio(raise_on_termination=False)
    assert sandbox.returncode == 3
    assert await sandbox.stdout.read.aio() == "working\n"


async def test_files_are_written_read_listed_and_removed(user: User) -> None:
    sandbox = await user.create()  # kept: its `filesystem` alone does not keep it
    files = sandbox.filesystem
    data = bytes(range(256)) * 4000
    await files.write_bytes.aio(data, "/project/new/folder/data.bin")
    assert await files.read_bytes.aio("/project/new/folder/data.bin") == data
    await files.write_bytes.aio(b"", "/project/new/folder/data.bin")
    info = await files.stat.aio("/project/new/folder/data.bin")
    assert (info.size, info.permissions, info.type.value) == (0, "0644", "file")
    await files.make_directory.aio("/project/new/other")
    names = [entry.name for entry in await files.list_files.aio("/project/new")]
    assert names == ["folder", "other"]
    await files.remove.aio("/project/new", recursive=True)
    assert await files.list_files.aio("/project") == []


async def test_files_that_cannot_be_used_raise_what_the_sdk_promises(user: User) -> None:
    sandbox = await user.create()  # kept: its `filesystem` alone does not keep it
    files = sandbox.filesystem
    await files.write_text.aio("x", "/project/file")
    with pytest.raises(SandboxFilesystemNotFoundError):
        await files.read_bytes.aio("/project/nothing")
    with pytest.raises(SandboxFilesystemIsADirectoryError):
        await files.read_bytes.aio("/project")
    with pytest.raises(SandboxFilesystemIsADirectoryError):
        await files.write_text.aio("x", "/project")
    with pytest.raises(SandboxFilesystemNotADirectoryError):
        await files.write_text.aio("x", "/project/file/below")
    with pytest.raises(SandboxFilesystemNotADirectoryError):
        await files.list_files.aio("/project/file")
    with pytest.raises(SandboxFilesystemDirectoryNotEmptyError):
        await files.remove.aio("/project")
    with pytest.raises(SandboxFilesystemPathAlreadyExistsError):
        await files.make_directory.aio("/project", create_parents=False)


async def test_a_snapshot_brings_back_a_hostile_tree_of_files_but_no_process(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create()
    assert await run(sandbox, f"{HOSTILE} setsid sleep 1237 >/dev/null 2>&1 &") == (0, b"")
    await run(sandbox, "while ! pgrep sleep; do sleep 0.02; done; echo home > ~/h; echo o > /opt/o")
    image = await sandbox.snapshot_filesystem.aio(timeout=50, ttl=3600)
    await run(sandbox, "echo later > later")
    await sandbox.terminate.aio()
    restored = await user.create(image=user.snapshot(image.object_id))
    code, output = await run(restored, LOOK)
    assert code == 0
    assert output.decode().split() == [
        "/etc/passwd", "../../../../../../etc", "loop", "1099511627776", "0", "data", "bottom",
    ]  # fmt: skip
    assert await run(restored, "cat ~/h /opt/o; ls; pgrep sleep") == (
        1,
        b"home\no\ndeep\nnew\nline\n",
    )
    await restored.terminate.aio()
    assert fake.processes() == []


async def test_two_sandboxes_from_one_snapshot_do_not_see_each_other(user: User) -> None:
    sandbox = await user.create()
    await run(sandbox, "echo first > file")
    image = await sandbox.snapshot_filesystem.aio(timeout=50, ttl=3600)
    one, two = [await user.create(image=user.snapshot(image.object_id)) for _ in range(2)]
    await run(one, "echo changed > file; echo $$ > /tmp/mine")
    assert await run(two, "cat file; ls /tmp") == (0, b"first\n")


async def test_a_snapshot_ends_after_its_ttl_and_one_without_does_not(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create(timeout=86400)
    short = await sandbox.snapshot_filesystem.aio(timeout=50, ttl=60)
    kept = await sandbox.snapshot_filesystem.aio(timeout=50, ttl=None)
    fake.skip(61)
    with pytest.raises(NotFoundError):
        await user.create(image=user.snapshot(short.object_id))
    assert await run(await user.create(image=user.snapshot(kept.object_id)), "true") == (0, b"")
    assert fake.snapshots() == {kept.object_id: None}


async def test_unknown_and_deleted_images_are_not_found(user: User) -> None:
    with pytest.raises(NotFoundError):
        await user.create(image=user.snapshot("im-000000000000000000000000"))
    sandbox = await user.create()
    image = await sandbox.snapshot_filesystem.aio(timeout=50, ttl=60)
    await modal.experimental.image_delete.aio(image.object_id, client=user.client)
    with pytest.raises(NotFoundError):
        await user.create(image=user.snapshot(image.object_id))
