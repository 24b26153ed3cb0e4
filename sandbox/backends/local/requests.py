"""Owns requests to the supervisors of this machine's sandboxes, and what their silence means."""

import re
from typing import Any

from sandbox.backends.answers import NONSENSE
from sandbox.backends.local import channel
from sandbox.backends.local.channel import NotRunning
from sandbox.backends.local.host import Host
from sandbox.backends.local.programs.inside.joblog import MARK_BYTES
from sandbox.backends.local.programs.outside.service import VERSION
from sandbox.errors import Fatal, SandboxGone
from sandbox.protocol import SandboxRef

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
ANSWER_SECONDS = 60.0


class Requests:
    """Raises, all methods: what the supervisor answered with (see `sandbox.errors`)."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def call(
        self,
        ref: SandboxRef,
        op: str,
        body: bytes = b"",
        answer_within: float = ANSWER_SECONDS,
        **fields: Any,
    ) -> tuple[channel.Header, bytes]:
        """Of this start of the sandbox, and no later one. Raises SandboxGone when it has ended."""
        header = {"op": op, "generation": ref.generation, **fields}
        try:
            answer, data = await self.ask(ref.name, header, body, answer_within)
        except NotRunning:
            raise SandboxGone("The sandbox has ended; its files are kept.") from None
        if len(data) > fields.get("limit", 0) + MARK_BYTES:
            raise Fatal(NONSENSE)
        return answer, data

    async def ask(
        self,
        name: str,
        header: channel.Header,
        body: bytes = b"",
        answer_within: float = ANSWER_SECONDS,
    ) -> tuple[channel.Header, bytes]:
        """Raises NotRunning."""
        header = {"version": VERSION, **header}
        return await channel.ask(self._host.box(checked(name)), header, body, answer_within)

    async def end(self, name: str, header: channel.Header) -> None:
        """The supervisor hangs up without an answer once everything has ended."""
        try:
            await self.ask(name, {"op": "stop", **header})
        except (NotRunning, SandboxGone):
            return


def checked(name: str) -> str:
    """It becomes a folder. Raises Fatal."""
    if not NAME.fullmatch(name):
        raise Fatal(f"{name!r} is no name of a sandbox: use small letters, digits and dashes.")
    return name
