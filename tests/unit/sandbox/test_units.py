"""The command line by which systemd starts a supervisor."""

from pathlib import Path

import pytest

from sandbox.backends.local.confinement import Bounds, Unavailable
from sandbox.backends.local.installation import Installation
from sandbox.backends.local.units import Units

BOUNDS = Bounds(memory_bytes=1 << 30, processes=99, cpus=1.5)


def line(run_as: int | None) -> list[str]:
    state = Path("/srv/state")
    installation = Installation(
        boxes=state / "boxes",
        snapshots=state / "snapshots",
        programs=state / "programs" / "1",
        filter=state / "filter",
        bwrap=Path("/usr/bin/bwrap"),
        python=Path("/usr/bin/python3"),
        run_as=run_as,
    )
    units = Units("threadwright-0-", program="/usr/bin/systemd-run")
    return units.line(installation, "unit-1", BOUNDS, state / "boxes" / "begin")


def test_every_limit_is_a_property_of_the_service() -> None:
    told = line(None)

    properties = {told[i + 1] for i, word in enumerate(told) if word == "-p"}
    assert properties >= {
        f"MemoryMax={1 << 30}",
        "MemorySwapMax=0",
        "TasksMax=99",
        "CPUQuota=150%",
        "OOMPolicy=continue",
    }
    assert {"--user", "--collect", "--unit=unit-1"} <= set(told)


def test_nothing_of_the_managers_environment_reaches_the_supervisor() -> None:
    command = line(None)[line(None).index("--") + 1 :]

    assert command[:3] == ["/usr/bin/env", "-i", "/usr/bin/python3"]
    assert command[-1] == "/srv/state/boxes/begin"


def test_as_root_the_system_manager_runs_it_as_the_unprivileged_user() -> None:
    told = line(61000)

    assert "--system" in told
    assert "--user" not in told
    assert {"User=61000", "Group=61000"} <= set(told)


def test_a_machine_without_systemd_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Unavailable, match="systemd-run is not installed"):
        Units("threadwright-0-")
