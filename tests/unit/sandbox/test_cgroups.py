"""Control groups, in a folder that looks like the kernel's. That the kernel keeps to what is
written is shown by the trial, on machines where it does."""

from pathlib import Path

import pytest

from sandbox.backends.local.cgroups import WORKERS, Cgroups, Tree, legacy, unified
from sandbox.backends.local.confinement import Bounds, Unavailable

BOUNDS = Bounds(memory_bytes=1 << 30, processes=99, cpus=1.5)


class Machine:
    """`/proc/self` and a tree of version 2, in which we are at `/service`."""

    def __init__(self, folder: Path, controllers: str = "cpu memory pids") -> None:
        self.proc = folder / "proc"
        self.here = folder / "tree" / "service"
        self.proc.mkdir()
        self.here.mkdir(parents=True)
        (self.proc / "cgroup").write_text("0::/service\n")
        (self.proc / "mountinfo").write_text(
            "22 1 8:1 / / rw - ext4 /dev/sda rw\n"
            f"31 22 0:28 / {folder / 'tree'} rw,nosuid - cgroup2 cgroup2 rw\n"
        )
        (self.here / "cgroup.controllers").write_text(controllers)
        (self.here / "cgroup.subtree_control").write_text("")
        (self.here / "cgroup.procs").write_text("")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_our_own_group_is_opened_for_limited_ones_below_it(machine: Machine) -> None:
    tree = unified(machine.proc)

    assert set(tree.parents) == {"memory", "pids", "cpu"}
    assert set(tree.parents.values()) == {machine.here}
    opened = (machine.here / "cgroup.subtree_control").read_text().split()
    assert sorted(opened) == ["+cpu", "+memory", "+pids"]


def test_a_group_that_cannot_be_divided_is_not_used(machine: Machine) -> None:
    (machine.here / "cgroup.subtree_control").unlink()
    (machine.here / "cgroup.subtree_control").mkdir()

    with pytest.raises(Unavailable, match="not ours to divide"):
        unified(machine.proc)


def test_a_worker_that_moved_aside_before_finds_the_same_group(machine: Machine) -> None:
    (machine.here / WORKERS).mkdir()
    (machine.proc / "cgroup").write_text(f"0::/service/{WORKERS}\n")

    assert set(unified(machine.proc).parents.values()) == {machine.here}


def test_without_the_controllers_it_says_which_are_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no controllers for memory and pids"):
        unified(Machine(tmp_path, controllers="cpu hugetlb").proc)


def test_without_a_core_controller_memory_and_processes_are_still_bounded(tmp_path: Path) -> None:
    machine = Machine(tmp_path, controllers="memory pids")

    assert set(unified(machine.proc).parents) == {"memory", "pids"}


def test_a_machine_without_version_2_says_so(machine: Machine) -> None:
    (machine.proc / "mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/sda rw\n")

    with pytest.raises(Unavailable, match="no control groups of version 2"):
        unified(machine.proc)
    with pytest.raises(Unavailable, match="version 1"):
        legacy(machine.proc)


def test_a_container_finds_its_group_below_what_is_mounted(machine: Machine) -> None:
    """Without a namespace of its own the path is the machine's, the mount only a part of it."""
    (machine.proc / "cgroup").write_text("0::/docker/abc/service\n")
    mounts = machine.proc / "mountinfo"
    mounts.write_text(mounts.read_text().replace("0:28 / ", "0:28 /docker/abc "))

    assert set(unified(machine.proc).parents.values()) == {machine.here}


def test_a_group_is_limited_before_the_process_is_in_it(machine: Machine) -> None:
    groups = Cgroups(unified(machine.proc), "threadwright-0-")
    groups._admit("box", BOUNDS, 4711)

    group = machine.here / "threadwright-0-box"
    written = {file.name: file.read_text() for file in group.iterdir()}
    assert written == {
        "memory.max": str(1 << 30),
        "memory.swap.max": "0",
        "memory.oom.group": "0",
        "pids.max": "99",
        "cpu.max": "150000 100000",
        "cgroup.procs": "4711",
    }


def test_each_controller_of_version_1_has_a_group_of_its_own(tmp_path: Path) -> None:
    parents = {name: tmp_path / name for name in ("memory", "pids", "cpu")}
    for folder in parents.values():
        folder.mkdir()
    Cgroups(Tree("cgroup v1", parents), "tw-")._admit("box", BOUNDS, 4711)

    def read(name: str) -> str:
        return (tmp_path / name).read_text()

    assert read("memory/tw-box/memory.limit_in_bytes") == str(1 << 30)
    assert read("memory/tw-box/memory.memsw.limit_in_bytes") == str(1 << 30)
    assert read("pids/tw-box/pids.max") == "99"
    assert read("cpu/tw-box/cpu.cfs_quota_us") == "150000"
    assert {read(f"{name}/tw-box/cgroup.procs") for name in parents} == {"4711"}


def test_a_group_is_removed_when_it_is_empty_and_killed_when_its_sandbox_is_over(
    machine: Machine,
) -> None:
    groups = Cgroups(unified(machine.proc), "tw-")
    group = machine.here / "tw-box"
    group.mkdir()
    groups.tidy("box")
    assert not group.exists()

    group.mkdir()
    (group / "cgroup.kill").write_text("")
    groups.tidy("box", is_over=True)
    assert (group / "cgroup.kill").read_text() == "1"
