"""`python -m sandbox.doctor`: what it finds out, that it is right, and that it leaves nothing."""

import os
import subprocess
import sys
from pathlib import Path

from sandbox.backends.local.backend import LocalBackend
from sandbox.doctor import WIDTH, examine
from sandbox.protocol import Finding
from sandbox.settings import Settings

ROOT = Path(__file__).parents[3]


def doctor(settings: Settings, **environ: str) -> subprocess.CompletedProcess[str]:
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("SANDBOX_", "MODAL_"))}
    told = {**ours, "SANDBOX_STATE_DIR": str(settings.state_dir), **environ}
    line = [sys.executable, "-m", "sandbox.doctor"]
    return subprocess.run(line, cwd=ROOT, env=told, capture_output=True, text=True, check=False)


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.what: finding for finding in findings}


async def test_everything_is_tried_for_real(settings: Settings) -> None:
    found = by_name(await examine(settings))

    assert {name for name, finding in found.items() if finding.state == "failed"} == set()
    assert {"process 1", "system calls", "network", "snapshots", "limits", "disk"} <= set(found)
    assert "brought back" in found["snapshots"].detail


async def test_it_leaves_nothing_behind(settings: Settings) -> None:
    await examine(settings)

    assert not list(settings.state_dir.glob("*/doctor-*"))
    assert not [f for f in await LocalBackend(settings).running() if "doctor" in f.name]


async def test_what_a_killed_examination_left_goes_with_a_later_one(settings: Settings) -> None:
    """That of another which is under way, between a stop and a start, is let be."""
    left, young = (settings.state_dir / "boxes" / name for name in ("doctor-0", "doctor-1"))
    for folder in (left, young):
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, settings.uid, settings.uid)
    os.utime(left, (0, 0))

    await examine(settings)

    assert not left.exists()
    assert young.exists()
    young.rmdir()


def test_the_table_fits_a_terminal_and_names_both_backends(settings: Settings) -> None:
    done = doctor(settings)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "local, in use" in lines
    assert "modal" in lines
    assert "set MODAL_TOKEN_ID" in done.stdout


def test_a_backend_that_cannot_run_gives_cause_fix_and_status_1(
    settings: Settings, broken_bwrap: Path
) -> None:
    done = doctor(settings, SANDBOX_BWRAP=str(broken_bwrap))

    assert done.returncode == 1
    told = " ".join(done.stdout.split())
    assert "failed sandboxes user namespaces are refused here" in told
    assert "→ allow them (for Docker" in told


def test_a_wrong_setting_is_one_sentence(settings: Settings) -> None:
    done = doctor(settings, SANDBOX_LIMITS="hard")

    assert done.returncode == 2
    assert done.stderr == (
        "doctor: SANDBOX_LIMITS is 'hard': set it to auto or systemd or cgroup or watchdog.\n"
    )
