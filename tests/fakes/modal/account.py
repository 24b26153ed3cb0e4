"""Owns everything one account has: its apps, images, and sandboxes from creation to their end."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from pathlib import Path

from grpclib import Status
from modal_proto import api_pb2

from tests.fakes.modal import rules
from tests.fakes.modal.clock import Clock
from tests.fakes.modal.faults import refusal
from tests.fakes.modal.host import Host
from tests.fakes.modal.images import Images
from tests.fakes.modal.machine import Machine, MachineGone
from tests.fakes.modal.sandbox import ENTRYPOINT, Sandbox
from tests.fakes.modal.tokens import Tokens
from tests.fakes.modal.tunnels import Tunnel
from tests.fakes.modal.wishes import Wishes

TERMINATED = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED
FAILED = api_pb2.GenericResult.GENERIC_STATUS_INIT_FAILURE


class Account:
    def __init__(self, state: Path, wishes: Wishes, tls: ssl.SSLContext | None) -> None:
        self.clock = Clock()
        self.tokens = Tokens(wishes)
        self.host = Host(state, wishes.user)
        self.images = Images(self.host, self.clock)
        self.secrets: dict[str, dict[str, str]] = {}
        self.apps: dict[str, str] = {}
        """Name to id."""
        self.sandboxes: dict[str, Sandbox] = {}
        """By id, ended ones too; in order of creation."""
        self._tls = tls
        self._wishes = wishes
        self._allowance = float(wishes.creation_burst)
        self._allowance_at = time.monotonic()
        self._keepers: dict[str, asyncio.Task[None]] = {}

    def running(self, app_id: str | None = None) -> list[Sandbox]:
        return [
            sandbox
            for sandbox in self.sandboxes.values()
            if sandbox.result is None and app_id in (None, sandbox.app_id)
        ]

    def find(self, sandbox_id: str) -> Sandbox:
        sandbox = self.sandboxes.get(sandbox_id)
        if sandbox is None:
            raise refusal(Status.NOT_FOUND, f"Sandbox {sandbox_id} not found")
        return sandbox

    def find_task(self, task_id: str) -> Sandbox:
        for sandbox in self.sandboxes.values():
            if sandbox.task_id == task_id:
                return sandbox
        raise refusal(Status.NOT_FOUND, f"Task {task_id} not found")

    def named(self, app_id: str, name: str, ended_too: bool) -> Sandbox | None:
        """The running one of that name, else, if asked for, the last that had it."""
        found = [
            sandbox
            for sandbox in self.sandboxes.values()
            if sandbox.app_id == app_id and sandbox.name == name
        ]
        for sandbox in found:
            if sandbox.result is None:
                return sandbox
        return found[-1] if found and ended_too else None

    async def create(self, request: api_pb2.SandboxCreateV2Request) -> Sandbox:
        sandbox = self._reserve(request)  # before anything is awaited: four may race for a name
        try:
            await self._start(sandbox)
        except (OSError, MachineGone) as error:
            sandbox.result = api_pb2.GenericResult(status=FAILED, exception=str(error))
            await self._finish(sandbox)
            raise refusal(Status.INTERNAL, f"The sandbox did not start: {error}") from error
        finally:
            sandbox.settled.set()
        self._keepers[sandbox.sandbox_id] = asyncio.create_task(self._keep(sandbox))
        return sandbox

    async def _start(self, sandbox: Sandbox) -> None:
        definition = sandbox.definition
        await self.images.unpack(sandbox.image, sandbox.root, [definition.workdir or "/"])
        environment = {"MODAL_SANDBOX_ID": sandbox.sandbox_id}
        machine = sandbox.machine = await Machine.start(self.host, sandbox.root, environment)
        for spec in definition.open_ports.ports:
            tls = None if spec.unencrypted else self._tls
            sandbox.tunnels[spec.port] = Tunnel(
                spec.port, machine.connect, sandbox.activity, tls, spec.unencrypted
            )
        if definition.entrypoint_args:
            process = await sandbox.launch(ENTRYPOINT, definition.entrypoint_args)
            process.status.add_done_callback(lambda _: sandbox.stir())

    def _reserve(self, request: api_pb2.SandboxCreateV2Request) -> Sandbox:
        definition = request.definition
        rules.check_definition(definition)
        tags = rules.check_tags(request.tags)
        if request.app_id not in self.apps.values():
            raise refusal(Status.NOT_FOUND, f"App {request.app_id} not found")
        image = self.images.find(definition.image_id)
        if definition.name and self.named(request.app_id, definition.name, ended_too=False):
            raise refusal(Status.ALREADY_EXISTS, f"A sandbox {definition.name} runs already")
        self._take_allowance()
        sandbox_id = f"sb-{secrets.token_hex(10)}V"
        sandbox = Sandbox(
            sandbox_id=sandbox_id,
            task_id=f"ta-{secrets.token_hex(10)}V",
            app_id=request.app_id,
            definition=definition,
            image=image,
            root=self.host.root(sandbox_id),
            environment=self.environment(request.secret_sources),
            tags=tags,
            created_at=self.clock.now(),
            clock=self.clock,
        )
        self.sandboxes[sandbox_id] = sandbox
        return sandbox

    def environment(self, sources: list[api_pb2.SecretSource]) -> dict[str, str]:
        """What secrets and `env=` add up to; later ones win."""
        environment: dict[str, str] = {}
        for source in sources:
            if source.secret_id:
                if source.secret_id not in self.secrets:
                    raise refusal(Status.NOT_FOUND, f"Secret {source.secret_id} not found")
                environment.update(self.secrets[source.secret_id])
            environment.update(source.env.contents)
        return environment

    def _take_allowance(self) -> None:
        if len(self.running()) >= self._wishes.max_running:
            raise refusal(Status.RESOURCE_EXHAUSTED, "The account runs as many as it may")
        now = time.monotonic()
        earned = (now - self._allowance_at) * self._wishes.creations_per_second
        self._allowance = min(self._wishes.creation_burst, self._allowance + earned)
        self._allowance_at = now
        if self._allowance < 1:
            raise refusal(Status.RESOURCE_EXHAUSTED, "Sandboxes are created too fast")
        self._allowance -= 1

    async def _keep(self, sandbox: Sandbox) -> None:
        forget = self.clock.listen(sandbox.stir)
        try:
            result = await sandbox.verdict()
        finally:
            forget()
        if sandbox.result is None:
            sandbox.result = result
            await self._finish(sandbox)

    async def terminate(self, sandbox: Sandbox) -> None:
        """Returns when nothing of it runs any more."""
        await sandbox.settled.wait()
        if sandbox.result is None:
            sandbox.result = api_pb2.GenericResult(status=TERMINATED)
            keeper = self._keepers.pop(sandbox.sandbox_id, None)
            if keeper is not None:
                keeper.cancel()
            await self._finish(sandbox)
        await sandbox.ended.wait()

    async def _finish(self, sandbox: Sandbox) -> None:
        await sandbox.close()
        await self.host.delete(sandbox.root)
        sandbox.ended.set()

    async def close(self) -> None:
        await asyncio.gather(*(self.terminate(s) for s in tuple(self.sandboxes.values())))
