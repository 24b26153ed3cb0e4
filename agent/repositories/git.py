"""Owns running the git program in this process: on what strangers wrote, with our credential.

Each use has a folder of its own that is gone afterwards; `sweep` takes away those of processes that
were killed. No configuration but ours is read, nothing of a repository is run, only one protocol is
spoken and no redirection followed. The credential is given to git in its environment: it is in no
argument, address, file or message.
"""

import asyncio
import base64
import fcntl
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent import settings

log = logging.getLogger(__name__)

PREFIX = "threadwright-git-"
SECONDS = 600.0
MEMORY_KB = 4 << 20
OUTPUT_BYTES = 1 << 20
ERROR_BYTES = 8 << 10
PIECE_BYTES = 1 << 16
MISSING = (
    "The program git is missing where the agent runs: an operator can install it "
    "(Debian: apt install git)."
)

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.bigFileThreshold": "16m",
    "core.pager": "cat",
    "core.quotePath": "false",  # names of files as people write them
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "init.templateDir": "",
    "init.defaultBranch": "main",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "transfer.fsckObjects": "true",
    "transfer.unpackLimit": "1",  # one pack, whose size the kernel bounds
    # Harmless faults that old programs left in the history of well-known repositories.
    "fetch.fsck.badTimezone": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
    "protocol.allow": "never",
}
_LIMITED = 'ulimit -f "$1" && ulimit -v "$2" && ulimit -c 0 && shift 2 && exec "$@"'
"""By a shell, because code of ours between fork and exec is not safe beside threads."""


class GitProblem(Exception):
    """It cannot be done, however often it is tried; one sentence for people."""


class Unavailable(Exception):
    """The other side does not answer now. The same may work in a moment."""


class TooLarge(GitProblem):
    """More than what is taken."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    said: str
    """What it wrote on standard error, shortened."""

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "replace").strip()


class Git:
    """One bare repository in a folder of its own.

    Args:
        most_bytes: what any file of it may grow to; the kernel ends a git that goes on.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.repository = folder / "repository.git"
        self.most_bytes = most_bytes
        self._program = shutil.which("git", path=settings.inherited().get("PATH"))

    async def run(
        self, *arguments: str, stdin: int | None = None, output_bytes: int = OUTPUT_BYTES
    ) -> Ran:
        """Run to the end.

        Raises:
            GitProblem: there is no git, or it took too long.
            TooLarge: it printed more than `output_bytes`, or wrote more than it may.
        """
        collected = bytearray()
        async with self._running(arguments, stdin) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            errors = asyncio.create_task(_tail(process.stderr))
            while piece := await process.stdout.read(PIECE_BYTES):
                collected += piece
                if len(collected) > output_bytes:
                    errors.cancel()
                    raise TooLarge("Git has more to say than can be taken.")
            said, code = await errors, await process.wait()
        if code != 0 and self._is_full():
            raise TooLarge(f"It is larger than the {self.most_bytes >> 20} MB that may be taken.")
        return Ran(code, bytes(collected), said)

    def _is_full(self) -> bool:
        """Whether the kernel ended a git, or a helper of it, that went on writing."""
        near = self.most_bytes - PIECE_BYTES
        unfinished = [*self.repository.rglob("tmp_*"), *self.folder.glob("*.bundle*")]
        return any(path.lstat().st_size >= near for path in unfinished)

    async def pieces(self, *arguments: str) -> AsyncGenerator[bytes, None]:
        """What it prints, while it prints. Raises GitProblem, also when it ends badly."""
        async with self._running(arguments, None) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            errors = asyncio.create_task(_tail(process.stderr))
            while piece := await process.stdout.read(PIECE_BYTES):
                yield piece
            if await process.wait() != 0:
                raise GitProblem(f"Git could not read what was made: {await errors}")
            await errors

    async def must(self, *arguments: str, stdin: int | None = None) -> str:
        """As `run`, for what can only fail by what it is given."""
        ran = await self.run(*arguments, stdin=stdin)
        if ran.code != 0:
            raise GitProblem(f"Git refuses what was made ({arguments[0]}): {ran.said[:300]}")
        return ran.text

    @asynccontextmanager
    async def _running(
        self, arguments: tuple[str, ...], stdin: int | None
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Killed with all its helpers on the way out, and after `SECONDS`."""
        if self._program is None:
            raise GitProblem(MISSING)
        limits = [str(self.most_bytes // 512), str(MEMORY_KB)]
        command = ["/bin/sh", "-c", _LIMITED, "git", *limits, self._program, *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env=environment(self.folder, self.repository),
            stdin=asyncio.subprocess.DEVNULL if stdin is None else stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                yield process
        except TimeoutError:
            raise GitProblem(f"It took longer than {SECONDS / 60:.0f} minutes.") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())


async def _tail(stream: asyncio.StreamReader) -> str:
    kept = b""
    while piece := await stream.read(PIECE_BYTES):
        kept = (kept + piece)[-ERROR_BYTES:]
    return " ".join(kept.decode("utf-8", "replace").split())


@asynccontextmanager
async def workshop() -> AsyncIterator[Git]:
    """An empty bare repository, gone on the way out."""
    now = settings.current()
    with _folder() as folder:
        git = Git(folder, now.repository_mb << 20)
        await git.must("init", "--quiet", "--bare", str(git.repository))
        attributes = git.repository / "info" / "attributes"
        attributes.parent.mkdir(exist_ok=True)
        # A file of the repository could otherwise have its changes shown as those of a binary.
        attributes.write_text("* !diff !text !filter !merge !ident !export-ignore\n")
        yield git


@contextmanager
def _folder() -> Iterator[Path]:
    """Locked while it is in use, so that it is known for left behind when its process is gone."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        held = _lock(folder)
        if held is not None:
            break  # else a sweep came between the two lines above
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(held)


def sweep(parent: Path | None = None) -> int:
    """Remove the folders of processes that were killed; how many. Those in use are left alone."""
    removed = 0
    for folder in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        if (held := _lock(folder)) is None:
            continue
        removed += _remove(folder)
        os.close(held)
    return removed


def _remove(folder: Path) -> bool:
    try:
        shutil.rmtree(folder)
    except OSError as error:  # a helper of a killed git may still write there
        log.warning("%s could not be removed, the next start tries again: %s", folder, error)
        return False
    return True


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the folder's lock; None when another process does, or it is not
    a folder of ours. The kernel gives the lock back when its process ends, however it ends."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(held).st_uid != os.geteuid():
            raise PermissionError(folder)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(held), folder.lstat()):
            raise FileNotFoundError(folder)
    except OSError:
        os.close(held)
        return None
    return held


def environment(home: Path, repository: Path) -> dict[str, str]:
    """All that a git of ours sees: no file of a user or a machine is read."""
    now = settings.current()
    scheme = urlsplit(now.github_url).scheme
    config = {**_CONFIG, f"protocol.{scheme}.allow": "always"}
    if now.github_token is not None:
        pair = f"x-access-token:{now.github_token.get_secret_value()}".encode()
        header = f"Authorization: Basic {base64.b64encode(pair).decode()}"
        config[f"http.{now.github_url.rstrip('/')}/.extraHeader"] = header
    numbered = {
        f"GIT_CONFIG_{part}_{n}": value
        for n, pair_of in enumerate(config.items())
        for part, value in zip(("KEY", "VALUE"), pair_of, strict=True)
    }
    return {
        **settings.inherited(),
        "LC_ALL": "C",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_DIR": str(repository),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_COUNT": str(len(config)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": scheme,
        "GIT_PROTOCOL_FROM_USER": "0",
        **numbered,
    }
