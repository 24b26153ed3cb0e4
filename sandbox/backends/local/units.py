"""Owns hard limits by systemd: each supervisor is a transient service with limits of its own.

As a service it also outlives a worker that is one: stopping the worker does not end its sandboxes.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.backends.local.confinement import Bounds, Kind, Unavailable
from sandbox.backends.local.installation import Installation
from sandbox.backends.local.launcher import Begun, command_line
from sandbox.errors import Retryable

PROGRAM = "systemd-run"
STARTS_WITHIN_SECONDS = 20.0
SOCKET = "begin"
NEEDED_TO_REACH_THE_MANAGER = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


class Units:
    kind: Kind = "systemd"

    def __init__(self, prefix: str, program: str | None = None) -> None:
        """Raises Unavailable."""
        found = program or shutil.which(PROGRAM)
        if found is None:
            raise Unavailable("systemd-run is not installed")
        self._program = found
        self._prefix = prefix

    @contextmanager
    def begin(self, installation: Installation, name: str, bounds: Bounds) -> Iterator[Begun]:
        """A service does not inherit our descriptors: it connects to a socket only it can reach."""
        unit = f"{self._prefix}{name}-{secrets.token_hex(4)}"  # an ended one may linger
        folder = Path(tempfile.mkdtemp(prefix=".begin-", dir=installation.boxes))
        try:
            with _listener(folder, installation.run_as) as listener:
                self._start(self.line(installation, unit, bounds, folder / SOCKET))
                listener.settimeout(STARTS_WITHIN_SECONDS)
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    raise Retryable(f"The service {unit} started but did not report.") from None
            with connection:
                yield Begun(connection, lambda: f"the service {unit} ended early", in_unit=True)
        finally:
            shutil.rmtree(folder)

    def line(
        self, installation: Installation, unit: str, bounds: Bounds, reports_to: Path
    ) -> list[str]:
        """`env -i`, because services inherit the environment of their manager."""
        user = installation.run_as
        limits = {
            "MemoryMax": str(bounds.memory_bytes),
            "MemorySwapMax": "0",
            "TasksMax": str(bounds.processes),
            "CPUQuota": f"{round(bounds.cpus * 100)}%",
            "OOMPolicy": "continue",  # the process that takes most goes, the sandbox stays
            "TimeoutStopSec": "5",
            **({} if user is None else {"User": str(user), "Group": str(user)}),
        }
        line = [self._program, "--user" if user is None else "--system", "--quiet", "--collect"]
        line += [f"--unit={unit}", "--service-type=exec"]
        for key, value in limits.items():
            line += ["-p", f"{key}={value}"]
        return [*line, "--", "/usr/bin/env", "-i", *command_line(installation), str(reports_to)]

    def tidy(self, name: str, is_over: bool = False) -> None:
        """systemd removes a service by itself once all its processes have ended."""

    def _start(self, line: list[str]) -> None:
        environment = {k: os.environ[k] for k in NEEDED_TO_REACH_THE_MANAGER if k in os.environ}
        environment.setdefault("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
        try:
            done = subprocess.run(
                line,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=STARTS_WITHIN_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"systemd-run did not start a service ({error})") from error
        if done.returncode:
            said = (done.stderr.strip() or f"status {done.returncode}").splitlines()[0]
            raise Unavailable(f"no service was started: {said.rstrip('.')[:200]}")


@contextmanager
def _listener(folder: Path, run_as: int | None) -> Iterator[socket.socket]:
    """Bound through the folder's descriptor, because socket addresses are short."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(f"/proc/self/fd/{fd}/{SOCKET}")
            if run_as is not None:
                os.chown(folder / SOCKET, run_as, run_as)
                os.chown(folder, run_as, run_as)
            listener.listen(1)
            yield listener
    finally:
        os.close(fd)
