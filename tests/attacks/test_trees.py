"""Attacks 36 to 38: trees and archives made to break whoever packs, unpacks or deletes them."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.errors import Fatal, FileProblem
from sandbox.protocol import SnapshotRef
from sandbox.settings import Settings
from tests.attacks.attacker import Attacker, as_sandbox_user
from tests.integration.sandbox.driver import spec

DEEP = """
import os
for name in ("d" * 10, "closed"):
    os.chdir("/project")
    for _ in range(3000):
        os.mkdir(name)
        os.chdir(name)
    open("file", "w")
    os.chmod(".", 0)
for n in range(200):
    os.makedirs(f"/project/{n}/inner"); os.chmod(f"/project/{n}", 0)
"""


@pytest.mark.attack(36)
async def test_36_a_deep_tree_of_closed_folders_is_deleted(
    box: Attacker, settings: Settings, name: str
) -> None:
    await box.prints(DEEP)
    assert (await box.backend.list_files(box.ref, ".", 1000)).truncated
    await box.backend.snapshot(box.ref)

    await box.backend.destroy(name, box.ref, [])

    assert not (settings.state_dir / "boxes" / name).exists()
    assert not (settings.state_dir / "snapshots" / name).exists()


@pytest.mark.attack(37)
async def test_37_sparse_files_of_many_gigabytes_make_a_small_snapshot(
    box: Attacker, record_property: Callable[[str, object], None]
) -> None:
    await box.output("for i in $(seq 400); do truncate -s 64M $i; done; du -b --total . | tail -1")

    snapshot = await box.backend.snapshot(box.ref)

    record_property("25 GB packed", f"{snapshot.size_bytes} bytes")
    assert snapshot.size_bytes < 1 << 20
    with pytest.raises(FileProblem, match="larger than the 256 MB"):
        await box.backend.make_archive(box.ref, "archive", "t")


Entry = tuple[str, bytes, dict[str, object]]
HOSTILE: dict[str, list[Entry]] = {
    "above": [("project/../../../canary", b"x", {})],
    "absolute": [("{outside}/canary", b"x", {})],
    "link then write": [
        ("project/link", b"", {"type": tarfile.SYMTYPE, "linkname": "{outside}"}),
        ("project/link/canary", b"x", {}),
    ],
    "hard link": [
        ("project/hard", b"", {"type": tarfile.LNKTYPE, "linkname": "{outside}/canary"}),
        ("project/hard", b"x", {}),
    ],
    "device": [("project/disk", b"", {"type": tarfile.BLKTYPE, "devmajor": 254, "devminor": 0})],
    "setuid": [("project/shell", b"#!/bin/sh\nid -u\n", {"mode": 0o6755})],
    "owner": [("project/file", b"x", {"uid": 0, "gid": 0})],
}


def forge(settings: Settings, name: str, entries: list[Entry]) -> str:
    """A snapshot as code that took over the packing could have made it; its id."""
    outside = str(settings.state_dir.parent / "outside")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, data, fields in entries:
            info = tarfile.TarInfo(path.format(outside=outside))
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            info.linkname = info.linkname.format(outside=outside)
            tar.addfile(info, io.BytesIO(data))
    compressed = subprocess.run(["gzip"], input=packed.getvalue(), capture_output=True, check=True)
    snapshot = hashlib.sha256(compressed.stdout).hexdigest()
    folder = settings.state_dir / "snapshots" / name
    folder.mkdir(exist_ok=True)
    file = folder / f"{snapshot}.gz"
    file.write_bytes(compressed.stdout)
    for made in (folder, file):
        shutil.chown(made, *as_sandbox_user(settings).values() or (os.geteuid(),))
    return snapshot


@pytest.mark.attack(38)
@pytest.mark.parametrize("kind", HOSTILE)
async def test_38_a_hostile_snapshot_changes_nothing_outside_and_gives_no_privilege(
    backend: LocalBackend, settings: Settings, name: str, kind: str
) -> None:
    outside = settings.state_dir.parent / "outside"
    outside.mkdir(exist_ok=True)
    outside.chmod(0o777)
    canary = outside / "canary"
    canary.write_text("canary")
    canary.chmod(0o666)
    snapshot = forge(settings, name, HOSTILE[kind])

    wanted = SnapshotRef(snapshot_id=snapshot, created_at=0)
    try:
        box = Attacker(backend, await backend.ensure(spec(name), None, [wanted]))
    except Fatal:
        assert kind not in ("setuid", "owner")
    else:
        assert box.ref.restored_from == snapshot
        assert await box.output("find . -type b -o -type c; find . ! -user sandbox") == ""
        if kind == "setuid":
            assert await box.output("./shell") == await box.output("id -u")
    assert os.listdir(outside) == ["canary"]  # noqa: PTH208
    assert canary.read_text() == "canary"
    assert canary.stat().st_nlink == 1


@pytest.mark.attack(38)
async def test_38_a_snapshot_that_unpacks_without_end_is_passed_over_for_the_one_before(
    backend: LocalBackend, settings: Settings, name: str
) -> None:
    box = Attacker(backend, await backend.ensure(spec(name), None, []))
    await backend.write(box.ref, "file", b"honest", 1)
    honest = await backend.snapshot(box.ref)
    await backend.stop(box.ref)
    shutil.rmtree(settings.state_dir / "boxes" / name)
    bomb: list[Entry] = [("project/zeros", bytes(420 << 20), {})]
    wanted = SnapshotRef(snapshot_id=forge(settings, name, bomb), created_at=0)

    ref = await backend.ensure(spec(name), box.ref, [wanted, honest])

    assert ref.restored_from == honest.snapshot_id
    assert (await backend.read(ref, "file", 100)).text == "honest"
