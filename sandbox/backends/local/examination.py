"""Owns finding out what local sandboxes are worth on this machine: one is started, used, kept,
brought back and deleted for real.
"""

import asyncio
import json
import os
import platform
import secrets
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.backends.local.diagnosis import CannotStart
from sandbox.backends.local.host import Host
from sandbox.backends.local.limits import FIXES, guarantees
from sandbox.errors import Fatal, SandboxError
from sandbox.protocol import Command, Finding, FindingState, SandboxRef, SandboxSpec
from sandbox.settings import Settings

if TYPE_CHECKING:
    from sandbox.backends.local.backend import LocalBackend

FENCE = 1
KEPT = "kept.txt"
PREFIX = "doctor-"
LOW_BYTES = 4 << 30
LEFT_SECONDS = 600.0
"""Far longer than an examination takes."""
LOOK_AROUND = """
import json, os, socket, subprocess, ctypes
def refused(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return os.strerror(error.errno)
    return ""
def version(name):
    try:
        done = subprocess.run([name, "--version"], capture_output=True, text=True)
        return done.stdout.split()[-1]
    except (OSError, IndexError):
        return ""
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "filter": status["Seccomp"].strip() == "2" and status["CapEff"].strip("0\\t\\n ") == "",
    "vsock": refused(socket.socket, 40, socket.SOCK_STREAM),
    "memfd": refused(os.memfd_create, "x"),
    "reach": refused(socket.create_connection, ("192.0.2.1", 443), 1),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "tools": {name: version(name) for name in ("python3", "git", "node", "zstd")},
}))
"""
TOOLS = {"python3": "python3", "git": "git", "node": "nodejs"}
"""Program and the package it is in."""


class Examination:
    def __init__(self, backend: "LocalBackend", host: Host, settings: Settings) -> None:
        self._backend = backend
        self._host = host
        self._settings = settings

    async def findings(self) -> list[Finding]:
        """What fails ends it: nothing after it could be told from its consequences."""
        found: list[Finding] = []
        try:
            async for finding in self._all():
                found.append(finding)  # noqa: PERF401 - kept when a later one raises
        except CannotStart as error:
            detail = f"{error.cause} ({error.said})"
            found.append(_finding("sandboxes", "failed", detail, error.fix))
        except SandboxError as error:
            found.append(_finding("sandboxes", "failed", str(error)))
        return found

    async def _all(self) -> AsyncIterator[Finding]:
        machine = await asyncio.to_thread(lambda: self._host.machine)
        yield _finding("machine", "ok", f"{platform.machine()}, Linux {platform.release()}")
        yield _finding("bubblewrap", "ok", f"{_version(str(machine.bwrap))}, {machine.bwrap}")
        yield _finding("run by", "ok", _user(machine.run_as))
        limits = await asyncio.to_thread(self._limits)
        network = await asyncio.to_thread(lambda: self._host.network)
        disks = await asyncio.to_thread(self._disk)
        await self._forget_earlier()
        name = f"{PREFIX}{secrets.token_hex(6)}"
        try:
            async for finding in self._use(SandboxSpec(name=name, session=name)):
                yield finding
        finally:
            await self._backend.destroy(name, None, [])
        yield limits
        yield disks
        yield self._space()
        for finding in network.findings:
            yield finding

    async def _forget_earlier(self) -> None:
        """An examination that was killed left its files. A young one may belong to another that is
        between its stop and its start: it is let be."""
        running = {found.name for found in await self._backend.running()}
        for box in self._host.installation.boxes.glob(f"{PREFIX}*"):
            if box.name not in running and _age_seconds(box) > LEFT_SECONDS:
                await self._backend.destroy(box.name, None, [])

    async def _use(self, spec: SandboxSpec) -> AsyncIterator[Finding]:
        began = time.monotonic()
        ref = await self._backend.ensure(spec, None, [])
        told = await self._run(
            ref, "look", f"exec {self._host.machine.python} - <<'END'\n{LOOK_AROUND}\nEND"
        )
        started = time.monotonic() - began
        yield _finding("process 1", "ok", f"answers; a first command done after {started:.2f} s")
        seen: dict[str, Any] = json.loads(told)
        yield _filter(seen)
        yield _network(seen)
        yield await self._keep(spec, ref, "zstd" if seen["tools"].pop("zstd") else "gzip")
        yield _tools(seen["tools"])

    async def _run(self, ref: SandboxRef, job: str, command: str) -> str:
        wanted = Command(command=command, timeout_seconds=20)
        state = await self._backend.start(ref, job, wanted, FENCE, 20.0, 1 << 20)
        if state.exit_code != 0:
            raise Fatal(
                f"A command in a sandbox ended with {state.exit_code}: {state.chunk[-300:]}"
            )
        return state.chunk

    async def _keep(self, spec: SandboxSpec, ref: SandboxRef, compressor: str) -> Finding:
        """A snapshot, the loss of all files, and the way back."""
        began = time.monotonic()
        await self._backend.write(ref, KEPT, spec.name.encode(), FENCE)
        snapshot = await self._backend.snapshot(ref)
        await self._backend.stop(ref)
        await asyncio.to_thread(self._host.discard, spec.name, keep_snapshots=True)
        again = await self._backend.ensure(spec, ref, [snapshot])
        text = (await self._backend.read(again, KEPT, 100)).text
        seconds = time.monotonic() - began
        if text != spec.name or again.restored_from != snapshot.snapshot_id:
            return _finding("snapshots", "failed", "a snapshot did not bring the files back")
        detail = f"saved and brought back in {seconds:.2f} s, packed by {compressor}"
        if compressor == "gzip":
            return _finding("snapshots", "limited", detail, "install zstd: ten times as fast")
        return _finding("snapshots", "ok", detail)

    def _limits(self) -> Finding:
        choice = self._host.limits
        detail = guarantees(choice, self._settings)
        what = "limits"
        if choice.confinement.kind != "watchdog":
            return _finding(what, "ok" if choice.cpu else "limited", detail)
        if self._settings.limits == "watchdog":
            return _finding(what, "limited", detail, "set SANDBOX_LIMITS=auto")
        why = "; ".join(f"{kind}: {cause}" for kind, cause in choice.refused.items())
        return _finding(what, "limited", f"{detail} ({why})", ", or ".join(FIXES.values()))

    def _disk(self) -> Finding:
        size = f"{self._settings.disk_mb} MB"
        if self._host.disks.are_images:
            return _finding("disk", "ok", f"a file system of {size} per sandbox")
        fix = "as root, set SANDBOX_DISK=image for file systems of fixed size"
        return _finding("disk", "limited", f"best effort: {size}, by counting files", fix)

    def _space(self) -> Finding:
        usage = shutil.disk_usage(self._settings.state_dir)
        detail = f"{usage.free / (1 << 30):.1f} GB free in {self._settings.state_dir}"
        if usage.free >= LOW_BYTES:
            return _finding("space", "ok", detail)
        return _finding("space", "limited", detail, "make room, or set SANDBOX_STATE_DIR elsewhere")


def _finding(what: str, state: FindingState, detail: str, fix: str = "") -> Finding:
    return Finding(what=what, state=state, detail=detail, fix=fix)


def _version(bwrap: str) -> str:
    try:
        done = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise Fatal(f"{bwrap} cannot be run ({error}): set SANDBOX_BWRAP to bubblewrap.") from error
    return (done.stdout.split() or ["no version told"])[-1]


def _user(run_as: int | None) -> str:
    if run_as is None:
        return f"user {os.getuid()}, as this program"
    return f"user {run_as}, without rights, though this program is root"


def _filter(seen: dict[str, Any]) -> Finding:
    what = "system calls"
    if seen["filter"] and seen["vsock"] and seen["memfd"]:
        return _finding(what, "ok", f"filtered (a refused one answers: {seen['vsock']})")
    return _finding(
        what,
        "failed",
        "a call that must be refused was not: the system call filter is not in force",
        "use a kernel with CONFIG_SECCOMP_FILTER, and bubblewrap of the distribution",
    )


def _network(seen: dict[str, Any]) -> Finding:
    if seen["reach"] and seen["interfaces"] == ["lo"]:
        return _finding("network", "ok", f"closed (a connection answers: {seen['reach']})")
    return _finding(
        "network",
        "failed",
        f"open: {', '.join(seen['interfaces'])}",
        "use a kernel with network namespaces",
    )


def _tools(versions: dict[str, str]) -> Finding:
    detail = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    missing = [name for name, version in versions.items() if not version]
    if not missing:
        return _finding("tools inside", "ok", detail)
    packages = " ".join(TOOLS[name] for name in missing)
    detail = f"{detail}; no {', no '.join(missing)}"
    return _finding("tools inside", "limited", detail, f"install below /usr: {packages}")


def _age_seconds(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # its owner has just deleted it
