"""How errors of the sandbox cross a real journal."""

from pathlib import Path

import pytest
import restate

from sandbox.errors import FileProblem, SandboxError
from sandbox.journal import effect
from sandbox.protocol import Done
from tests.fakes.restate import running_engine
from tests.polling import until

HALF_A_LETTER = "no \ud83d here"
ERRORS: dict[str, Exception] = {
    "told": FileProblem(HALF_A_LETTER),
    "unforeseen": OSError(HALF_A_LETTER),
}


came: list[str] = []
reader = restate.Service("Reader")


@reader.handler()
async def read(ctx: restate.Context, which: str) -> None:
    async def fail() -> Done:
        raise ERRORS[which]

    try:
        await effect(ctx, "read", fail, Done, attempts=2)
    except SandboxError as error:
        came.append(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize(
    ("which", "wanted"), [("told", "FileProblem: no ? here"), ("unforeseen", "Unreachable: ")]
)
async def test_half_a_letter_in_an_error_is_no_wait_without_end(
    tmp_path: Path, which: str, wanted: str
) -> None:
    """A name of a file may hold one; a journal takes none."""
    came.clear()
    async with running_engine(tmp_path / "restate") as engine, engine.serve([reader]):
        await engine.send("Reader/read", which)
        await until(lambda: bool(came), 20)
    assert came[0].startswith(wanted)
