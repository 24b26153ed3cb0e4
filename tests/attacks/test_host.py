"""Attacks 46 to 48: process 1 itself is hostile, the wall is missing, secrets are near."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sandbox.backend import probe
from sandbox.backends.local import backend as local_backend
from sandbox.backends.local import installation
from sandbox.backends.local.backend import LocalBackend
from sandbox.errors import Fatal, SandboxError
from sandbox.protocol import Command
from sandbox.settings import Settings
from tests.attacks.attacker import Attacker, Witness, resident_mb, supervisor_of
from tests.integration.sandbox.driver import Box, spec
from tests.polling import until

CANARY = "canary-secret-4712"
HOSTILE_PROCESS_1 = """
import json, os, socket, struct, sys

def main():
    listener = next(s for s in map(opened, range(3, 64)) if s)
    while True:
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        lengths = connection.recv(8, socket.MSG_WAITALL)
        request = json.loads(connection.recv(struct.unpack("!II", lengths)[0], socket.MSG_WAITALL))
        try:
            answer(request, connection)
        except OSError:
            pass  # they hung up on us
        os._exit(0)

def opened(fd):
    try:
        found = socket.socket(fileno=os.dup(fd))
        return found if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else None
    except OSError:
        return None

def send(connection, header, body=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    connection.sendall(struct.pack("!II", len(header), len(body)) + header + body)

def answer(request, connection):
    if request["op"] == "hello":
        return send(connection, {})
    BEHAVIOUR
"""
BEHAVIOURS = {
    "a length of 4 GB": """
    connection.sendall(b"\\xff" * 8)
    while True:
        connection.sendall(bytes(1 << 20))
""",
    "no JSON": """
    send(connection, b"\\x80\\x04K*.")
""",
    "no object": """
    send(connection, b"[1, 2]")
""",
    "deep JSON": """
    send(connection, b"[" * 500_000)
""",
    "an empty answer": """
    send(connection, {})
    send(connection, {})
""",
    "wrong types": """
    wrong = {key: [{}] for key in "files truncated size shown next_offset end suffix more".split()}
    send(connection, {**wrong, "more": False})
    send(connection, {"exit_code": "none", "seconds": {}, "missing": "x"})
""",
    "wrong numbers": """
    wrong = {"files": [["x", "file", -1e999]], "size": 1 << 80, "count": -1, "shown": "\\ud800"}
    send(connection, {**wrong, "next_offset": -(1 << 80), "truncated": None}, bytes(1 << 20))
    send(connection, {"exit_code": 1 << 80, "seconds": "NaN"})
""",
    "wrong errors": """
    send(connection, {"error": ["fenced"], "message": {"x": 1}})
""",
    "more than was asked for": """
    body = bytes(31 << 20)
    send(connection, {"size": 5, "shown": "x", "next_offset": 5}, body)
    send(connection, {"exit_code": 0})
""",
    "descriptors": """
    fds = [os.open("/", os.O_RDONLY) for _ in range(50)]
    socket.send_fds(connection, [struct.pack("!II", 2, 0) + b"{}"], fds)
    socket.send_fds(connection, [struct.pack("!II", 2, 0) + b"{}"], fds)
""",
    "half an answer": """
    connection.sendall(struct.pack("!II", 100, 0) + b"{")
""",
    "a snapshot without end": """
    while True:
        send(connection, {"more": True}, bytes(1 << 20))
""",
}


@pytest.fixture
async def hostile(
    neighbour: Box,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    name: str,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Attacker]:
    """A sandbox whose process 1 was taken over: its supervisor and our worker are the real ones."""
    programs = settings.state_dir.parent / f"hostile-{name}" / "programs"
    shutil.copytree(installation.PROGRAMS, programs, ignore=shutil.ignore_patterns("__pycache__"))
    program = HOSTILE_PROCESS_1.replace("    BEHAVIOUR\n", BEHAVIOURS[request.param])
    (programs / "inside" / "init.py").write_text(program)
    monkeypatch.setattr(installation, "PROGRAMS", programs)
    monkeypatch.setattr(local_backend, "SNAPSHOT_BYTES", 8 << 20)
    backend = LocalBackend(settings)
    yield Attacker(backend, await backend.ensure(spec(name), None, []))
    await backend.destroy(name, None, [])


@pytest.mark.attack(46)
@pytest.mark.parametrize("hostile", BEHAVIOURS, indirect=True)
async def test_46_whatever_process_1_answers_is_an_error_or_well_formed(
    hostile: Attacker,
    neighbour: Box,
    settings: Settings,
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    backend, ref = hostile.backend, hostile.ref
    supervisor = supervisor_of(settings, name)
    descriptors = _descriptors(supervisor)

    async def archive() -> int:
        info = await backend.make_archive(ref, "archive", "t")
        return sum([len(chunk) async for chunk in backend.read_archive(ref, info)])

    async def job() -> None:
        await backend.start(ref, "job", Command(command="true"), 1)
        await backend.poll(ref, "job", 0, 0.2, 1000)

    answered = await asyncio.gather(
        backend.read(ref, "file", 1000),
        backend.list_files(ref, ".", 10),
        backend.write(ref, "file", b"x", 1),
        backend.snapshot(ref),
        archive(),
        return_exceptions=True,
    )
    ran = await asyncio.gather(job(), return_exceptions=True)

    problems = [a for a in (*answered, *ran) if isinstance(a, BaseException)]
    assert [p for p in problems if not isinstance(p, SandboxError)] == []
    assert len(problems) >= 2
    assert all(len(str(problem)) < 500 for problem in problems)
    assert resident_mb(supervisor) < 200
    await until(lambda: _descriptors(supervisor) <= descriptors + 2)
    assert _disk_bytes(settings.state_dir / "snapshots" / name) < 16 << 20
    await Witness(record_property, neighbour=neighbour).look(1)


def _descriptors(pid: int) -> int:
    """Nothing, once it gave that sandbox up and ended."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return 0


def _disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


# --- without a wall -------------------------------------------------------------------------------


@pytest.mark.attack(47)
async def test_47_where_bubblewrap_is_refused_nothing_runs_and_the_cause_is_told(
    settings: Settings, name: str
) -> None:
    bwrap = settings.state_dir.parent / "broken-bwrap"
    bwrap.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    bwrap.chmod(0o755)
    broken = settings.model_copy(update={"bwrap": str(bwrap)})

    with pytest.raises(Fatal, match="user namespaces are refused"):
        await probe(broken)
    with pytest.raises(Fatal, match="user namespaces are refused"):
        await LocalBackend(broken).ensure(spec(name), None, [])
    assert not (settings.state_dir / "boxes" / name / "files").exists()


@pytest.mark.attack(47)
async def test_47_a_bubblewrap_that_confines_nothing_runs_nothing(
    settings: Settings, name: str
) -> None:
    bwrap = settings.state_dir.parent / "open-bwrap"
    bwrap.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    bwrap.chmod(0o755)
    backend = LocalBackend(settings.model_copy(update={"bwrap": str(bwrap)}))

    with pytest.raises(Fatal, match="Sandboxes cannot start"):
        await backend.ensure(spec(name), None, [])
    assert not (settings.state_dir / "boxes" / name / "sock").exists()


@pytest.mark.attack(47)
async def test_47_a_bubblewrap_that_disappears_is_missed(settings: Settings, name: str) -> None:
    bwrap = settings.state_dir.parent / "gone-bwrap"
    shutil.copy("/bin/true", bwrap)
    backend = LocalBackend(settings.model_copy(update={"bwrap": str(bwrap)}))
    with pytest.raises(Fatal):
        await backend.ensure(spec(name), None, [])
    bwrap.unlink()

    with pytest.raises(Fatal, match=r"No such file or directory.*gone-bwrap"):
        await backend.ensure(spec(name), None, [])
    with pytest.raises(Fatal, match=r"SANDBOX_BWRAP is .*gone-bwrap"):
        await probe(settings.model_copy(update={"bwrap": str(bwrap)}))


# --- secrets nearby -------------------------------------------------------------------------------


@pytest.mark.attack(48)
async def test_48_a_secret_of_the_worker_is_in_no_log_snapshot_archive_or_record(
    monkeypatch: pytest.MonkeyPatch, backend: LocalBackend, settings: Settings, name: str
) -> None:
    for variable in ("OPENAI_API_KEY", "SLACK_BOT_TOKEN", "PIP_INDEX_URL", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, f"https://user:{CANARY}@localhost:9/")
    box = Attacker(backend, await backend.ensure(spec(name), None, []))
    everything = "env; set; cat /proc/*/environ /proc/*/cmdline /proc/self/mountinfo"
    await box.run(f"({everything}; grep -rs canary /project /home /tmp /run /etc) > dump 2>&1")
    snapshot = await backend.snapshot(box.ref)
    info = await backend.make_archive(box.ref, "archive", "t")
    archive = b"".join([chunk async for chunk in backend.read_archive(box.ref, info)])
    await backend.stop(box.ref)

    assert len(archive) > 1000
    assert CANARY not in (settings.state_dir / f"boxes/{name}/files/project/dump").read_text()
    for path in settings.state_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert CANARY.encode() not in path.read_bytes(), path
    (packed,) = (settings.state_dir / "snapshots" / name).glob(f"{snapshot.snapshot_id}*")
    tool = {".zst": "zstd", ".gz": "gzip"}[packed.suffix]
    unpacker = await asyncio.create_subprocess_exec(tool, "-dc", packed, stdout=subprocess.PIPE)
    unpacked, _ = await unpacker.communicate()
    assert b"SBX_EXEC" in unpacked
    assert CANARY.encode() not in unpacked
