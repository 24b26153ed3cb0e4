"""How attacks are run and watched: hostile programs inside, and clocks on who has to wait."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.protocol import JobState
from sandbox.settings import Settings
from tests.integration.sandbox.driver import FENCE, Box

PATIENCE_SECONDS = 20.0
"""Nobody may wait longer during an attack: those who are held by one wait for 45 s at least. What
it really took, about 0.1 s, is printed by `make attacks`; this bound leaves room for a machine that
is busy with other things."""


class Attacker(Box):
    async def python(self, program: str, *, timeout: int = 60) -> JobState:
        await self.backend.write(self.ref, "attack.py", program.encode(), FENCE)
        return await self.run("python3 attack.py", timeout=timeout)

    async def start_python(self, program: str) -> str:
        await self.backend.write(self.ref, "attack.py", program.encode(), FENCE)
        return await self.start("exec python3 attack.py")

    async def prints(self, program: str) -> str:
        """What a program prints that must succeed."""
        state = await self.python(program)
        assert state.exit_code == 0, state
        return state.chunk

    async def until_printed(self, job: str, text: str) -> None:
        async with asyncio.timeout(60):
            while text not in (state := await self.poll(job, wait=0.05)).chunk:
                assert state.exit_code is None, state


class Witness:
    """Clocks who has to wait while an attack goes on."""

    def __init__(self, record_property: Callable[[str, object], None], **watched: Box) -> None:
        self._record = record_property
        self._watched = watched

    async def look(self, looks: int = 3) -> None:
        """A command and a file operation in each watched sandbox, `looks` times."""
        waits = dict.fromkeys(self._watched, 0.0)
        for _ in range(looks):
            for who, box in self._watched.items():
                waits[who] = max(waits[who], await _wait_of(box))
        for who, seconds in waits.items():
            self._record(f"{who} waited", f"{seconds * 1000:.0f} ms")
        assert max(waits.values()) < PATIENCE_SECONDS, waits


async def _wait_of(box: Box) -> float:
    began = time.monotonic()
    state = await box.run("echo alive")
    assert "alive\n" in state.chunk, state
    await box.backend.list_files(box.ref, ".", 10)
    return time.monotonic() - began


def box_json(settings: Settings, name: str) -> dict[str, Any]:
    path = settings.state_dir / "boxes" / name / "box.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def supervisor_of(settings: Settings, name: str) -> int:
    return int(box_json(settings, name)["supervisor"]["pid"])


def process_1_of(settings: Settings, name: str) -> int:
    """Its pid outside the sandbox."""
    return int(box_json(settings, name)["sandbox"]["pid"])


def bubblewrap_of(settings: Settings, name: str) -> int:
    """The pid of the bubblewrap that waits for process 1."""
    stat = Path(f"/proc/{process_1_of(settings, name)}/stat").read_bytes()
    return int(stat.rpartition(b")")[2].split()[1])


def resident_mb(pid: int) -> int:
    """Nothing, once it ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def as_sandbox_user(settings: Settings) -> dict[str, int]:
    """Arguments of `Popen` for a process of the user that runs sandboxes."""
    return {"user": settings.uid, "group": settings.uid} if os.geteuid() == 0 else {}
