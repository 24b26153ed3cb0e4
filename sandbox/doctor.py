"""Owns `python -m sandbox.doctor`: what works here for sandboxes, shown as a table.

Exit status 1 when the backend in use fails, 2 when a setting is wrong.
"""

import asyncio
import sys
import textwrap
from collections.abc import Iterator
from typing import get_args

from sandbox.backend import backend_for
from sandbox.errors import SandboxError
from sandbox.protocol import BackendName, Finding
from sandbox.settings import Settings, SettingsError

WIDTH = 100
STATE_WIDTH = 9
WHAT_WIDTH = 17
MODAL_IS_OFF = (
    "not configured: set MODAL_TOKEN_ID, MODAL_TOKEN_SECRET and SANDBOX_BACKEND=modal to use it"
)


async def examine(settings: Settings) -> list[Finding]:
    """What the backend of these settings finds out by using one sandbox; never raises for it."""
    if settings.backend == "modal" and not _has_token(settings):
        return [Finding(what="token", state="off", detail=MODAL_IS_OFF)]
    try:
        backend = backend_for(settings)
        try:
            return await backend.probe()
        finally:
            await backend.aclose()
    except SandboxError as error:
        return [Finding(what="probe", state="failed", detail=str(error))]


def table(backend: str, used: bool, findings: list[Finding]) -> Iterator[str]:
    """Lines for a terminal: aligned, wrapped, a fix below what it is for."""
    yield f"{backend}{', in use' if used else ''}"
    margin = " " * (2 + STATE_WIDTH + WHAT_WIDTH)
    for finding in findings:
        head = f"  {finding.state:<{STATE_WIDTH}}{finding.what:<{WHAT_WIDTH}}"
        yield from textwrap.wrap(
            finding.detail, WIDTH, initial_indent=head, subsequent_indent=margin
        )
        if finding.fix:
            yield from textwrap.wrap(
                finding.fix, WIDTH, initial_indent=f"{margin}→ ", subsequent_indent=f"{margin}  "
            )


def summary(findings: list[Finding]) -> str:
    """One line, for those who start everything."""
    failed = [finding for finding in findings if finding.state == "failed"]
    limited = ", ".join(finding.what for finding in findings if finding.state == "limited")
    if failed:
        return f"Sandboxes do not work: {failed[0].detail}"
    if limited:
        return f"Sandboxes work, with less than the best protection: {limited} (make doctor)."
    return "Sandboxes work, with all protection there is."


def _has_token(settings: Settings) -> bool:
    return bool(settings.modal_token_id and settings.modal_token_secret.get_secret_value())


async def _report(settings: Settings) -> bool:
    """Print both tables; whether the backend in use works."""
    works = True
    for backend in sorted(get_args(BackendName), key=lambda name: name != settings.backend):
        used = backend == settings.backend
        findings = await examine(settings.model_copy(update={"backend": backend}))
        sys.stdout.write("\n".join([*table(backend, used, findings), "", ""]))
        if used:
            works = all(finding.state != "failed" for finding in findings)
    return works


def main() -> None:
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.stderr.write(f"doctor: {error}\n")
        sys.exit(2)
    sys.exit(0 if asyncio.run(_report(settings)) else 1)


if __name__ == "__main__":
    main()
