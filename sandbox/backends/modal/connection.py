"""Owns the one client of this process, and what it has looked up: app, image, sandboxes.

The SDK runs in a thread of its own, so the client serves every event loop. Credentials come from
our settings alone, never from the machine's `~/.modal.toml`.
"""

import os
from collections import OrderedDict

os.environ.setdefault("MODAL_CONFIG_PATH", os.devnull)  # read by the SDK when it is imported

import modal
from modal.config import DEFAULT_SERVER_URL
from modal_proto import api_pb2

from sandbox.backends.modal.failures import deadline
from sandbox.errors import Fatal, Retryable, SandboxGone
from sandbox.image import base_image
from sandbox.settings import Settings

CONNECT_SECONDS = 20.0
LOOK_SECONDS = 30.0
BUILD_SECONDS = 900.0
"""The first use of a new image version builds it."""
HANDLES_KEPT = 256


class Connection:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: modal.Client | None = None
        self._app: modal.App | None = None
        self._image: modal.Image | None = None
        self._handles: OrderedDict[str, modal.Sandbox] = OrderedDict()

    async def client(self) -> modal.Client:
        if self._client is None:
            opened = await self._open()
            if self._client is None:
                self._client = opened
            else:  # another call was faster
                await opened.close.aio()
        return self._client

    async def app(self) -> modal.App:
        """The app sandboxes live in; looked up, never deployed."""
        if self._app is None:
            client = await self.client()
            async with deadline("look up the app", LOOK_SECONDS):
                self._app = await modal.App.lookup.aio(
                    self._settings.modal_app, client=client, create_if_missing=True
                )
        return self._app

    async def image(self) -> modal.Image:
        """What a sandbox without a snapshot starts from."""
        if self._image is None:
            app = await self.app()
            async with deadline("build the sandbox image", BUILD_SECONDS):
                self._image = await base_image().build.aio(app)
        return self._image

    async def has_image(self, image_id: str) -> bool:
        client, app = await self.client(), await self.app()
        try:
            async with deadline("find a snapshot", LOOK_SECONDS):
                await modal.Image.from_id(image_id, client=client).build.aio(app)
        except SandboxGone:
            return False
        return True

    def forget_lookups(self) -> None:
        """The app or the image was deleted meanwhile."""
        self._app = None
        self._image = None

    # --- sandboxes ----------------------------------------------------------------------------

    def remember(self, sandbox: modal.Sandbox) -> None:
        self._handles[sandbox.object_id] = sandbox
        self._handles.move_to_end(sandbox.object_id)
        while len(self._handles) > HANDLES_KEPT:
            self._handles.popitem(last=False)

    async def sandbox(self, sandbox_id: str) -> modal.Sandbox:
        """Raises SandboxGone when it has ended, as far as this process knows."""
        known = self._handles.get(sandbox_id)
        return known if known is not None else await self.look(sandbox_id)

    async def look(self, sandbox_id: str) -> modal.Sandbox:
        """Ask Modal, whatever is remembered. Raises SandboxGone when it has ended."""
        self._handles.pop(sandbox_id, None)
        client = await self.client()
        async with deadline("find the sandbox", LOOK_SECONDS):
            sandbox = await modal.Sandbox.from_id.aio(sandbox_id, client=client)
        if sandbox.returncode is not None:
            raise SandboxGone("The sandbox has ended; what it held is in its last snapshot.")
        self.remember(sandbox)
        return sandbox

    def forget(self, sandbox_id: str) -> None:
        self._handles.pop(sandbox_id, None)

    async def gone_or_retryable(self, sandbox_id: str, doubt: Exception) -> SandboxGone | Retryable:
        """What a failed call meant. The SDK says "not found" of some it merely cannot reach, so
        only Modal's own word on the sandbox counts."""
        try:
            await self.look(sandbox_id)
        except (SandboxGone, Retryable) as answer:
            return answer
        return Retryable(f"The sandbox runs, but gave no answer to go by: {doubt}")

    async def aclose(self) -> None:
        client, self._client = self._client, None
        self.forget_lookups()
        while self._handles:
            _, sandbox = self._handles.popitem()
            await sandbox.detach.aio()  # type: ignore[no-untyped-call]  # closes our connection to it; it runs on
        if client is not None:
            await client.close.aio()

    async def _open(self) -> modal.Client:
        settings = self._settings
        token = (settings.modal_token_id, settings.modal_token_secret.get_secret_value())
        if not all(token):
            raise Fatal(
                "MODAL_TOKEN_ID and MODAL_TOKEN_SECRET are not set: create a token at modal.com, "
                "Settings, API tokens."
            )
        os.environ.setdefault("MODAL_MAX_THROTTLE_WAIT", "60")  # else a busy server blocks for ever
        url = settings.modal_server_url or DEFAULT_SERVER_URL
        client = modal.Client(url, api_pb2.CLIENT_TYPE_CLIENT, token)
        try:
            async with deadline("answer", CONNECT_SECONDS):
                await client.__aenter__()  # type: ignore[no-untyped-call]
        except BaseException:
            await client.close.aio()
            raise
        return client
