"""Owns the running fake: its server, and what tests may see and do behind the SDK's back."""

from __future__ import annotations

import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakSet

import modal  # noqa: F401  # before modal_proto.*_grpc: they import each other
import psutil
from grpclib.protocol import H2Protocol
from grpclib.server import Server
from modal._utils.grpc_utils import custom_detail_codec
from modal_proto.api_grpc import ModalClientBase
from modal_proto.task_command_router_grpc import TaskCommandRouterBase

from tests.fakes.modal.account import Account
from tests.fakes.modal.control import Control
from tests.fakes.modal.dispatch import Calls, Service
from tests.fakes.modal.faults import Fault, Faults
from tests.fakes.modal.router import Router
from tests.fakes.modal.sandbox import Sandbox
from tests.fakes.modal.tunnels import make_certificate
from tests.fakes.modal.wishes import Wishes


class Fake:
    def __init__(self, account: Account, url: str, wishes: Wishes) -> None:
        self.url = url
        self._account = account
        self._wishes = wishes
        self._calls = Calls()
        self._faults = Faults()

    @property
    def environ(self) -> dict[str, str]:
        """What a process that uses the SDK needs to talk to this fake, and to nothing else."""
        token_id, token_secret = self._wishes.token or ("ak-fake", "as-fake")
        return {
            "MODAL_SERVER_URL": self.url,
            "MODAL_TOKEN_ID": token_id,
            "MODAL_TOKEN_SECRET": token_secret,
            "MODAL_CONFIG_PATH": "/nonexistent/modal.toml",
            "MODAL_MAX_THROTTLE_WAIT": "60",
            "MODAL_DISABLE_API_PROXY": "1",
        }

    @property
    def calls(self) -> Counter[str]:
        """How often each RPC was called; `clear()` starts anew."""
        return self._calls.counts

    @property
    def unknown(self) -> list[str]:
        """RPCs that were answered UNIMPLEMENTED."""
        return self._calls.unknown

    def fail(
        self,
        rpc: str,
        *,
        times: int = 1,
        status: str | None = "UNAVAILABLE",
        after: bool = False,
        delay: float = 0.0,
        hang: bool = False,
        retry_after: float | None = None,
        message: str = "a fault was asked for",
    ) -> None:
        """See `Fault`. The SDK itself repeats UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, INTERNAL
        and UNKNOWN (three times on the control plane, ten on the router); the others reach the
        caller at once."""
        if rpc not in Control.__dict__ and rpc not in Router.__dict__:
            raise ValueError(f"the fake has no RPC {rpc!r}")
        self._faults.add(Fault(rpc, times, status, after, delay, hang, retry_after, message))

    def delay(self, rpc: str, seconds: float, times: int = 1) -> None:
        self.fail(rpc, times=times, status=None, delay=seconds)

    def hang(self, rpc: str, times: int = 1) -> None:
        self.fail(rpc, times=times, status=None, hang=True)

    def clear_faults(self) -> None:
        self._faults.clear()

    def expire_router_tokens(self) -> None:
        self._account.tokens.expire_router_tokens()

    def skip(self, seconds: float) -> None:
        """Move the clock forward by which lifetimes, idle times and snapshots end."""
        self._account.clock.skip(seconds)

    def running(self) -> list[Sandbox]:
        return self._account.running()

    def sandbox(self, sandbox_id: str) -> Sandbox:
        """Running or ended. Raises GRPCError."""
        return self._account.find(sandbox_id)

    def snapshots(self) -> dict[str, float | None]:
        """Image ids that can be restored, and when they expire (unix seconds; None: never)."""
        return self._account.images.snapshots()

    def expire(self, image_id: str) -> None:
        """End one snapshot's time to live now."""
        self._account.images.expire(image_id)

    async def terminate(self, sandbox_id: str) -> None:
        """As if the provider had ended it."""
        await self._account.terminate(self._account.find(sandbox_id))

    async def damage_snapshot(self, image_id: str) -> None:
        """It is still known, but no sandbox can be started from it."""
        await self._account.images.damage(image_id)

    def processes(self) -> list[tuple[str, str]]:
        """(sandbox id, command line) of what runs now: of ended sandboxes everything, of running
        ones without their process 1."""
        ours = self._account.sandboxes
        found = []
        for process in psutil.Process().children(recursive=True):
            folder = Path("/proc", str(process.pid))
            try:
                environ = _beginning(folder / "environ")
                command = _beginning(folder / "cmdline").replace(b"\0", b" ").decode().strip()
            except OSError:
                continue  # ended meanwhile, or another user's
            for variable in environ.split(b"\0"):
                name, _, value = variable.decode("utf-8", "replace").partition("=")
                if name == "MODAL_SANDBOX_ID" and value in ours:
                    if ours[value].result is None and "/__modal/init.py" in command:
                        continue
                    found.append((value, command))
        return found

    def services(self) -> list[Service]:
        return [
            Service(ModalClientBase, Control(self._account, self.url), self._faults, self._calls),
            Service(TaskCommandRouterBase, Router(self._account), self._faults, self._calls),
        ]


def _beginning(file: Path) -> bytes:
    """A process may declare gigabytes of its memory to be these."""
    with file.open("rb") as opened:
        return opened.read(1 << 16)


class _Server(Server):
    """grpclib leaves open connections to the clients to close; a fake that ends closes them."""

    def __init__(self, handlers: Collection[Service]) -> None:
        super().__init__(handlers, status_details_codec=custom_detail_codec)
        self._protocols: WeakSet[H2Protocol] = WeakSet()

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._protocols.add(protocol)
        return protocol

    def hang_up(self) -> None:
        for protocol in self._protocols:
            protocol.connection.close()


@asynccontextmanager
async def running_fake(
    wishes: Wishes | None = None, *, port: int = 0, state: Path | None = None
) -> AsyncIterator[Fake]:
    """A fake that ends, with every process it started, when the block does."""
    wishes = wishes or Wishes()
    with tempfile.TemporaryDirectory(prefix="modal-fake-", ignore_cleanup_errors=False) as folder:
        Path(folder).chmod(0o755)
        tls = await make_certificate(Path(folder))
        account = Account(state or Path(folder, "state"), wishes, tls)
        with socket.create_server(("127.0.0.1", port)) as listener:
            # asyncio sets it only where it opened the socket itself; each answer would wait 40 ms
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            fake = Fake(account, url, wishes)
            server = _Server(fake.services())
            await server.start(sock=listener)
            try:
                yield fake
            finally:
                server.close()
                await account.close()
                server.hang_up()
                await server.wait_closed()
