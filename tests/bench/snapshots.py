"""What a snapshot and its return cost beside plain `tar | zstd` on the same files, same machine."""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from sandbox.backends.local.backend import LocalBackend
from sandbox.protocol import SandboxRef, SnapshotRef
from tests.bench.sandboxes import local_backend, run
from tests.integration.sandbox.driver import spec

ROUNDS = 3
FILES, MEGABYTES = 5000, 220
GROW = f"""
import os, random
chance = random.Random(1)
words = [bytes(chance.choices(range(97, 123), k=chance.randint(2, 9))) for _ in range(4000)]
mean = {MEGABYTES} * 2**20 // {FILES}
for number in range({FILES}):
    folder = f'modules/{{number % 250}}'
    os.makedirs(folder, exist_ok=True)
    size = chance.randint(mean // 8, mean * 2 - mean // 8)
    packed = chance.randbytes(size * 3 // 10)
    text = b' '.join(chance.choices(words, k=(size - len(packed)) // 6))
    with open(f'{{folder}}/{{number}}.bin', 'wb') as file:
        file.write((packed + text)[:size])
"""
"""Compresses about as well as dependencies of Node or Python do."""


async def measure() -> dict[str, float]:
    async with local_backend() as (backend, state_dir):
        ref = await backend.ensure(spec("bench-snapshot"), None, [])
        await run(backend, ref, "grow", f'python3 -c "{GROW}"')
        box = state_dir / "boxes" / ref.name
        rounds = [await _round(backend, ref, box, number) for number in range(ROUNDS)]
        await backend.destroy(ref.name, ref, [])
    pack, plain_pack, unpack, plain_unpack = zip(*rounds, strict=True)
    return {
        "snapshot_seconds": statistics.median(pack),
        "snapshot_over_tar_ratio": statistics.median(map(_ratio, pack, plain_pack)),
        "restore_seconds": statistics.median(unpack),
        "restore_over_tar_ratio": statistics.median(map(_ratio, unpack, plain_unpack)),
    }


def _ratio(ours: float, plain: float) -> float:
    return ours / plain


async def _round(
    backend: LocalBackend, ref: SandboxRef, box: Path, number: int
) -> tuple[float, float, float, float]:
    """Seconds of: a snapshot, `tar | zstd`, a start from the snapshot, `zstd -d | tar`."""
    ref = await backend.ensure(spec(ref.name), ref, [])
    await run(backend, ref, f"change {number}", f"echo {number} > changed")
    with tempfile.TemporaryDirectory(dir=box.parent.parent) as folder:
        archive, unpacked = Path(folder, "plain.tar.zst"), Path(folder, "unpacked")
        unpacked.mkdir()
        plain_pack = await _plain(f"tar -C {box}/files -cf - . | zstd -q -3 -T0 -o {archive}")
        begin = await _calm_disk()
        snapshot = await backend.snapshot(ref)
        pack = time.perf_counter() - begin
        plain_unpack = await _plain(f"zstd -q -d -c {archive} | tar -C {unpacked} -xpf -")
    unpack = await _return(backend, ref, box, snapshot)
    return pack, plain_pack, unpack, plain_unpack


async def _return(
    backend: LocalBackend, ref: SandboxRef, box: Path, snapshot: SnapshotRef
) -> float:
    """Lose the files, and start from the snapshot."""
    await backend.stop(ref)
    await _plain(f"rm -rf {box}/files")
    begin = await _calm_disk()
    again = await backend.ensure(spec(ref.name), ref, [snapshot])
    assert again.restored_from == snapshot.snapshot_id
    return time.perf_counter() - begin


async def _plain(command: str) -> float:
    """Seconds of a command of the shell outside."""
    begin = await _calm_disk()
    line = ["/bin/bash", "-c", f"set -o pipefail; {command}"]
    process = await asyncio.create_subprocess_exec(*line)
    assert await process.wait() == 0
    return time.perf_counter() - begin


async def _calm_disk() -> float:
    """Nobody pays for what was written before; the time when that is so."""
    await asyncio.to_thread(os.sync)
    return time.perf_counter()
