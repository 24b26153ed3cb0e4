"""Owns what a probe of Modal does: one throw-away sandbox through a whole life, told step by step.

The first step that fails is the last one told, because all later ones need it.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator

from sandbox.backends.modal.connection import LOOK_SECONDS, Connection
from sandbox.backends.modal.failures import deadline
from sandbox.backends.modal.network import hosts
from sandbox.contract import Backend
from sandbox.errors import Fatal, Retryable, SandboxError
from sandbox.image import VERSION
from sandbox.protocol import Command, Finding, SandboxRef, SandboxSpec, SnapshotRef
from sandbox.settings import Settings

FENCE = 1
CHECK_NETWORK = "Check the network of this machine, and MODAL_SERVER_URL if it is set."
Step = Callable[[], Awaitable[str]]


async def rehearse(backend: Backend, settings: Settings, connection: Connection) -> list[Finding]:
    rehearsal = Rehearsal(backend, settings, connection)
    findings: list[Finding] = []
    try:
        for what, step in rehearsal.steps():
            findings.append(await _told(what, step))
            if findings[-1].state == "failed":
                return findings
    finally:
        findings.extend(await rehearsal.clean_up())
    return [*findings, *_choices(settings)]


async def _told(what: str, step: Step) -> Finding:
    began = time.monotonic()
    try:
        detail = await step()
    except SandboxError as error:
        fix = CHECK_NETWORK if isinstance(error, Retryable) else ""
        return Finding(what=what, state="failed", detail=str(error), fix=fix)
    return Finding(what=what, state="ok", detail=f"{detail}, {time.monotonic() - began:.1f} s")


def _choices(settings: Settings) -> Iterator[Finding]:
    allowed = hosts(settings)
    if allowed:
        detail = f"TLS to {', '.join(allowed)}"
        yield Finding(what="internet access", state="ok", detail=detail)
    else:
        yield Finding(what="internet access", state="off", detail="sandboxes reach no network")


class Rehearsal:
    def __init__(self, backend: Backend, settings: Settings, connection: Connection) -> None:
        self._backend = backend
        self._settings = settings
        self._connection = connection
        name = f"tw-probe-{secrets.token_hex(6)}"
        self._spec = SandboxSpec(name=name, session=f"probe {name}")
        self._ref: SandboxRef | None = None
        self._snapshots: list[SnapshotRef] = []

    def steps(self) -> Iterator[tuple[str, Step]]:
        yield "Modal", self._hello
        yield "app", self._app
        yield "image", self._image
        yield "sandbox", self._start
        yield "commands", self._command
        yield "files", self._file
        yield "snapshots", self._snapshot
        yield "restored sandbox", self._restore
        if self._settings.preview_ports:
            yield "previews", self._preview

    async def clean_up(self) -> list[Finding]:
        """Nothing to tell when it worked, or when nothing was started."""
        if self._ref is None:
            return []
        try:
            await self._backend.destroy(self._spec.name, self._ref, self._snapshots)
        except SandboxError as error:
            fix = f"End the sandbox {self._ref.sandbox_id} in Modal's dashboard."
            return [Finding(what="cleaning up", state="failed", detail=str(error), fix=fix)]
        return []

    async def _hello(self) -> str:
        client = await self._connection.client()
        async with deadline("answer", LOOK_SECONDS):
            await client.hello.aio()  # type: ignore[no-untyped-call]
        return "answers, and takes the token"

    async def _app(self) -> str:
        await self._connection.app()
        return self._settings.modal_app

    async def _image(self) -> str:
        await self._connection.image()
        return f"version {VERSION} is built"

    async def _start(self) -> str:
        self._ref = await self._backend.ensure(self._spec, None, [])
        return "starts"

    async def _command(self) -> str:
        command = Command(command="python3 --version", timeout_seconds=30)
        state = await self._backend.start(self._started, "probe", command, FENCE, 30.0, 1000)
        if state.exit_code != 0:
            raise Fatal(f"A command in the sandbox failed: {state.chunk.strip()[:200]}.")
        return state.chunk.strip()

    async def _file(self) -> str:
        await self._backend.write(self._started, "probe.txt", b"kept", FENCE)
        return await self._kept("are written and read")

    async def _snapshot(self) -> str:
        self._snapshots.append(await self._backend.snapshot(self._started))
        return "are taken"

    async def _restore(self) -> str:
        await self._backend.stop(self._started)
        self._ref = await self._backend.ensure(self._spec, self._started, self._snapshots)
        return await self._kept("holds the files of the snapshot")

    async def _preview(self) -> str:
        port = self._settings.preview_ports[0]
        await self._backend.expose(self._started, port)
        return f"port {port} has an address"

    async def _kept(self, meaning: str) -> str:
        text = (await self._backend.read(self._started, "probe.txt", 100)).text
        if text != "kept":
            raise Fatal(f"A file that was written holds {text!r} instead of what was written.")
        return meaning

    @property
    def _started(self) -> SandboxRef:
        assert self._ref is not None
        return self._ref
