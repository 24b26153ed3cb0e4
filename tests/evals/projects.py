"""Owns the project of one evaluation: what it begins with, and what is found in it at the end.

Both go through the session's own sandbox, as a durable service beside the agent's.
"""

from restate import Context, Service

from agent import protocol as p
from agent.endpoint import Durable
from agent.protocol.handlers import Handler
from sandbox import client as sandbox
from sandbox.client import SandboxClient
from sandbox.protocol import Command

OWNER = "evaluation"
LAST_FENCE = 2**40
"""Above every task's: what still writes after the end is refused."""
CHECK_SECONDS = 60
MOST_FILES = 500


class Files(p.Wire):
    """Contents by path."""

    texts: dict[str, str] = {}


class Plant(p.Wire):
    session: str
    files: Files


class Check(p.Wire):
    """Look at the project after the end; `hidden` files are put into it for `command` alone."""

    session: str
    hidden: Files = Files()
    command: str = ""


class Checked(p.Wire):
    passed: bool = True
    output: str = ""
    files: Files = Files()
    """The project as it was before the check."""


evaluation = Service("Evaluation")
PLANT = Handler("Evaluation", "plant", Plant, p.Nothing)
CHECK = Handler("Evaluation", "check", Check, Checked)
SERVICES: list[Durable] = [evaluation]


@evaluation.handler()
async def plant(ctx: Context, request: Plant) -> p.Nothing:
    """Put the files into the session's project, and keep them."""
    lease = await sandbox.acquire(ctx, request.session, OWNER)
    box = SandboxClient(ctx, lease.ref, fence=0)
    await _write(box, "plant", request.files)
    mark = f"{request.session}/planted"
    await sandbox.checkpoint_taken(ctx, request.session, "the beginning", mark)
    sandbox.release(ctx, request.session, OWNER)
    return p.Nothing()


@evaluation.handler()
async def check(ctx: Context, request: Check) -> Checked:
    """Read the project, then run the hidden check in it."""
    lease = await sandbox.acquire(ctx, request.session, OWNER)
    box = SandboxClient(ctx, lease.ref, LAST_FENCE)
    await box.claim("claim")
    listing = await box.list_files("list", ".", MOST_FILES)
    found = {}
    for file in listing.files:
        if file.kind == "file":
            text = await box.read_file(f"read {file.path}", file.path, 100_000)
            found[file.path] = text.text
    checked = Checked(files=Files(texts=found))
    if request.command:
        await _write(box, "hide", request.hidden)
        command = Command(command=request.command, workdir=".", timeout_seconds=CHECK_SECONDS)
        result = await box.run("check", f"{request.session}/check", command)
        told = {"passed": result.exit_code == 0, "output": result.output}
        checked = checked.model_copy(update=told)
    sandbox.release(ctx, request.session, OWNER)
    return checked


async def _write(box: SandboxClient, place: str, files: Files) -> None:
    for path, text in files.texts.items():
        await box.write_file(f"{place} {path}", path, text.encode())
