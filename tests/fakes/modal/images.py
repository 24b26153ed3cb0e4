"""Owns images: definitions that are "built" at once, and snapshots with their expiry."""

import dataclasses
import hashlib
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grpclib import Status
from modal_proto import api_pb2

from tests.fakes.modal.clock import Clock
from tests.fakes.modal.faults import refusal
from tests.fakes.modal.host import Host

BUILT = "im-B"
"""Built images are named by their definition. The SDK keeps its default image's id for the life of
a process, longer than a fake may live: such an id is taken for a plain image."""


@dataclass
class Image:
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    folders: tuple[str, ...] = ()
    """Made by its build."""
    tree: Path | None = None
    """What a snapshot holds; None: a base image."""
    expires_at: float | None = None


class Images:
    def __init__(self, host: Host, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._known: dict[str, Image] = {}
        self._snapshots: dict[str, str] = {}
        """Request id of a snapshot to its image: a repeat makes no second one."""

    def build(self, definition: api_pb2.Image) -> str:
        bases = [base.image_id for base in definition.base_images]
        base = self.find(bases[0]) if bases else Image()
        digest = hashlib.sha256(definition.SerializeToString(deterministic=True)).hexdigest()
        image_id = f"{BUILT}{digest[:22]}"
        self._known[image_id] = _built(base, definition.dockerfile_commands)
        return image_id

    def find(self, image_id: str) -> Image:
        image = self._known.get(image_id)
        if image is None and image_id.startswith(BUILT):
            return Image()
        if image is None:
            raise refusal(Status.NOT_FOUND, f"Image {image_id} not found")
        if image.expires_at is not None and image.expires_at <= self._clock.now():
            raise refusal(Status.NOT_FOUND, f"Image {image_id} has expired")
        return image

    def snapshots(self) -> dict[str, float | None]:
        """Those that can be used, with their expiry."""
        now = self._clock.now()
        return {
            image_id: image.expires_at
            for image_id, image in self._known.items()
            if image.tree is not None and (image.expires_at is None or image.expires_at > now)
        }

    async def snapshot(self, request_id: str, source: Path, of: Image, ttl_seconds: int) -> str:
        if request_id in self._snapshots:
            return self._snapshots[request_id]
        image_id = f"im-{secrets.token_hex(11)}"
        tree = self._host.image(image_id)
        await self._host.copy(source, tree)
        self._known[image_id] = Image(
            of.environment,
            of.workdir,
            tree=tree,
            expires_at=None if ttl_seconds == -1 else self._clock.now() + ttl_seconds,
        )
        self._snapshots[request_id] = image_id
        return image_id

    async def unpack(self, image: Image, root: Path, folders: Iterable[str]) -> None:
        """Make `root` what the image holds. Raises OSError."""
        if image.tree is None:
            self._host.make_root(root, (*image.folders, *folders))
        else:
            await self._host.copy(image.tree, root)

    async def damage(self, image_id: str) -> None:
        tree = self.find(image_id).tree
        if tree is None:
            raise ValueError(f"{image_id} is no snapshot")
        await self._host.delete(tree)

    def expire(self, image_id: str) -> None:
        """As if its time to live had passed."""
        self._known[image_id] = dataclasses.replace(self.find(image_id), expires_at=0.0)

    async def delete(self, image_id: str) -> None:
        image = self.find(image_id)
        self._known.pop(image_id, None)
        if image.tree is not None:
            await self._host.delete(image.tree)


def _built(base: Image, commands: Iterable[str]) -> Image:
    """Only what decides how commands start: `ENV`, `WORKDIR`. The machine's programs are there."""
    environment = dict(base.environment)
    workdir, folders = base.workdir, list(base.folders)
    for command in commands:
        word, _, rest = command.strip().partition(" ")
        if word.upper() == "ENV":
            for assignment in shlex.split(rest):
                key, _, value = assignment.partition("=")
                environment[key] = value
        elif word.upper() == "WORKDIR":
            workdir = shlex.split(rest)[0]
            folders.append(workdir)
    return Image(environment, workdir, tuple(folders))
