"""Owns where the sandboxes of the local cloud run, and that none of them stays.

`SANDBOX_BACKEND` chooses. With `modal` and a token in the environment it is Modal itself; without
one, a stand-in for Modal's control plane runs on this machine.
"""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path

from local.errors import LocalCloudError
from local.restate.server import free_port
from sandbox.backend import backend_for
from sandbox.settings import Settings, SettingsError

THEIRS = ("SANDBOX_", "MODAL_", "SSL_CERT_")
STAND_IN = "tests.fakes.modal"


class Sandboxes:
    """
    Args:
        environ: settings that a person or a test gave; the others are ours.
        data_dir: where local sandboxes are kept.

    Raises LocalCloudError when a setting is wrong.
    """

    def __init__(self, environ: Mapping[str, str], data_dir: Path) -> None:
        given = {name: value for name, value in environ.items() if name.startswith(THEIRS)}
        self.settings = {
            **given,
            "SANDBOX_BACKEND": given.get("SANDBOX_BACKEND") or "local",
            "SANDBOX_STATE_DIR": str(data_dir / "sandboxes"),
            # Of this run alone: its end must not touch the sandboxes of a real deployment.
            "SANDBOX_OWNER": f"local-{secrets.token_hex(6)}",
        }
        self.stand_in: list[str] | None = None
        """Program and arguments of the control plane to start beforehand."""
        self.control_url = ""
        """Of its door for tests, which answers once it is up."""
        if self.settings["SANDBOX_BACKEND"] == "modal" and not given.get("MODAL_TOKEN_ID"):
            self._use_stand_in()
        try:
            Settings.load(self.settings)
        except SettingsError as error:
            raise LocalCloudError(str(error)) from None

    def _use_stand_in(self) -> None:
        port, admin_port = free_port(), free_port()
        self.control_url = f"http://127.0.0.1:{admin_port}"
        self.stand_in = [STAND_IN, "--port", str(port), "--admin-port", str(admin_port)]
        self.settings |= {
            "MODAL_TOKEN_ID": "ak-local",
            "MODAL_TOKEN_SECRET": "as-local",
            "MODAL_SERVER_URL": f"http://127.0.0.1:{port}",
        }


async def end_sandboxes(settings: Mapping[str, str]) -> None:
    """Sandboxes outlive workers on purpose; here nothing may stay."""
    chosen = Settings.load(settings)
    backend = backend_for(chosen)
    try:
        names = {found.name for found in await backend.running()}
        if chosen.backend == "local":  # stopped ones keep their files
            names |= {box.name for box in (chosen.state_dir / "boxes").glob("[!.]*")}
        await asyncio.gather(*(backend.destroy(name, None, []) for name in names))
    finally:
        await backend.aclose()
