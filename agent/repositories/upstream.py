"""Owns what is done with the repository at its host: look, fetch, take in a bundle, compare, push.

Each function works in one `workshop` and may run twice. What git says on failure is told in a
sentence of ours; its own words name addresses and are kept from people.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from agent import settings
from agent.repositories.git import Git, GitProblem, Ran, TooLarge
from agent.repositories.naming import Named, is_branch
from agent.repositories.refusals import raise_for

COMMIT = re.compile(r"[0-9a-f]{40}")
HEADER_BYTES = 64 << 10
DIFF_BYTES = 4 << 20
READ_BYTES = 1 << 18

BASE = "refs/heads/base"
NEW = "refs/heads/new"
RUN_BY_GITHUB = (".github/workflows/", ".github/actions/")

DIFF = (
    "diff",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


@dataclass(frozen=True)
class Heads:
    """What stands at the host; ids of commits, empty for what is not there."""

    base: str
    """Branch to start from."""
    commit: str
    ours: str = ""
    """Commit of the branch that we push to."""
    taken: frozenset[str] = frozenset()
    """Names of branches that begin as that one."""


@dataclass(frozen=True)
class Change:
    """What would be published."""

    commit: str
    count: int
    """Commits that the base does not have."""
    stat: str
    diff: str
    workflows: tuple[str, ...] = ()
    """Changed files that GitHub runs by itself, with the repository's own rights."""
    passing: tuple[str, ...] = ()
    """Files that commits touch and the difference does not show: they are published all the
    same."""

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.diff.encode()).hexdigest()


def url_of(named: Named) -> str:
    return f"{settings.current().github_url}/{named.full_name}.git"


async def look(git: Git, named: Named, ours: str = "") -> Heads:
    """Raises GitProblem or Unavailable."""
    wanted = [f"refs/heads/{branch}" for branch in (named.branch, ours and f"{ours}*") if branch]
    ran = await git.run("ls-remote", "--symref", url_of(named), "HEAD", *wanted)
    raise_for(ran, named)
    commits: dict[str, str] = {}
    base = named.branch
    for line in ran.text.splitlines():
        value, _, ref = line.partition("\t")
        if value.startswith("ref: refs/heads/") and ref == "HEAD":
            base = base or value.removeprefix("ref: refs/heads/")
        elif COMMIT.fullmatch(value):
            commits[ref] = value
    commit = commits.get(f"refs/heads/{named.branch}" if named.branch else "HEAD", "")
    if named.branch and not commit:
        raise GitProblem(f"{named.full_name} has no branch `{named.branch}`.")
    if not commit:
        raise GitProblem(f"{named.full_name} has no commits yet: push a first one to it.")
    if not is_branch(base):
        raise GitProblem(f"The default branch of {named.full_name} has a name I cannot use.")
    taken = frozenset(
        ref.removeprefix("refs/heads/") for ref in commits if ref.startswith(f"refs/heads/{ours}")
    )
    return Heads(base, commit, commits.get(f"refs/heads/{ours}", ""), taken)


async def fetch(git: Git, named: Named, branch: str, ref: str) -> str:
    """Bring one branch with its history into the workshop; returns its commit."""
    ran = await git.run(
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        url_of(named),
        f"+refs/heads/{branch}:{ref}",
    )
    raise_for(ran, named)
    return await git.must("rev-parse", "--verify", f"{ref}^{{commit}}")


async def bundle(git: Git, refs: Iterable[str]) -> Path:
    path = git.folder / "fetched.bundle"
    await git.must("bundle", "create", "--quiet", str(path), *refs)
    return path


def pieces(path: Path) -> AsyncIterator[bytes]:
    async def read() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(READ_BYTES):
                yield piece

    return read()


async def take_in(git: Git, path: Path, ref: str) -> str:
    """Unpack a bundle that strangers made, and set `NEW` to its one branch; returns the commit.

    Its objects go through the checks of git's `--strict`, which older versions do not apply to
    bundles by themselves; so the header is read here and git is given the pack alone.

    Raises GitProblem.
    """
    with path.open("rb") as file:
        commit = _read_header(file.read(HEADER_BYTES), ref)
        verified = await git.run("bundle", "verify", "--quiet", str(path))
        if verified.code != 0:
            raise GitProblem(
                "The project's history does not go on from the repository's: it was rewritten in "
                "the sandbox."
            )
        file.seek(_pack_at(path))
        ran = await git.run(
            "index-pack",
            "--stdin",
            "--fix-thin",
            "--strict",
            f"--max-input-size={git.most_bytes}",
            stdin=file.fileno(),
        )
    if ran.code != 0:
        raise GitProblem("The project's history holds what git's checks refuse; nothing was taken.")
    await git.must("rev-list", "--objects", "--quiet", commit, "--not", BASE)
    await git.must("update-ref", NEW, commit)
    return commit


def _pack_at(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES).index(b"\n\n") + 2


def _read_header(head: bytes, ref: str) -> str:
    """The commit of the bundle's one reference. Raises GitProblem for any other bundle."""
    lines, end, _ = head.partition(b"\n\n")
    signature, *rows = lines.decode("ascii", "replace").split("\n")
    refs = [row for row in rows if not row.startswith("-")]
    commit, _, name = refs[0].partition(" ") if len(refs) == 1 else ("", "", "")
    if not end or signature != "# v2 git bundle" or name != ref or not COMMIT.fullmatch(commit):
        raise GitProblem("What came out of the sandbox is not the bundle that was asked for.")
    return commit


class Rewritten(GitProblem):
    """The branch that the work began from no longer holds the commit that it began from."""


async def must_hold(git: Git, base: str, branch: str) -> None:
    """Raises Rewritten when `BASE`, which is that branch, does not go on from `base`."""
    if (await git.run("merge-base", "--is-ancestor", base, BASE)).code != 0:
        raise Rewritten(f"{branch} was rewritten at the host meanwhile: publish again.")


async def compare(git: Git, base: str) -> Change:
    """`NEW` against where it left `BASE`.

    Args:
        base: commit that the work began from; `NEW` must go on from it.
    """
    if (await git.run("merge-base", "--is-ancestor", base, NEW)).code != 0:
        raise GitProblem("The project's history does not go on from where it began.")
    fork = await git.run("merge-base", BASE, NEW)
    if fork.code != 0:
        raise GitProblem("The project's history has nothing in common with the repository's.")
    count = int(await git.must("rev-list", "--count", f"{BASE}..{NEW}"))
    try:
        stat = await git.run(*DIFF, "--stat=100", "--stat-count=200", fork.text, NEW)
        diff = await git.run(*DIFF, fork.text, NEW, output_bytes=DIFF_BYTES)
    except TooLarge:
        raise GitProblem(
            f"The changes are larger than {DIFF_BYTES >> 20} MB: nobody could read them before "
            "they are published. Publish less at once."
        ) from None
    if stat.code or diff.code:
        raise GitProblem("Git cannot compare the project with the repository.")
    commit = await git.must("rev-parse", NEW)
    changed = await _names(git, *DIFF, "--name-only", "-z", fork.text, NEW)
    touched = await _names(git, "log", "-c", "--format=", "--name-only", "-z", f"{BASE}..{NEW}")
    workflows = tuple(name for name in changed if name.casefold().startswith(RUN_BY_GITHUB))
    passing = tuple(name for name in touched if name not in changed)
    text = diff.out.decode("utf-8", "backslashreplace")
    shown = stat.out.decode("utf-8", "backslashreplace")
    return Change(commit, count, shown, text, workflows, passing)


async def _names(git: Git, *arguments: str) -> list[str]:
    ran = await git.run(*arguments, output_bytes=DIFF_BYTES)
    if ran.code != 0:
        raise GitProblem("Git cannot compare the project with the repository.")
    names = ran.out.decode("utf-8", "backslashreplace").split("\0")
    return sorted({name for name in names if name})


async def holds(git: Git, secrets: list[bytes]) -> bool:
    """Whether a secret stands in any commit that would be published, also one taken back later."""
    if not secrets:
        return False
    longest = max(map(len, secrets))
    tail = b""
    shown = ("log", "--patch", "--text", "-m", "--format=raw", "--no-ext-diff", "--no-textconv")
    async with aclosing(git.pieces(*shown, f"{BASE}..{NEW}")) as pieces:
        async for piece in pieces:
            tail += piece
            if any(secret in tail for secret in secrets):
                return True
            tail = tail[-longest:]
    return False


async def is_ours(git: Git, named: Named, branch: str, there: str, pushed: str) -> bool:
    """Whether what stands at the host under our branch's name may be replaced by `NEW`."""
    if there in ("", pushed):
        return True
    await fetch(git, named, branch, "refs/heads/there")
    ran = await git.run("merge-base", "--is-ancestor", "refs/heads/there", NEW)
    return ran.code == 0


async def push(git: Git, named: Named, branch: str, commit: str, there: str) -> None:
    """Put `commit` under the branch's name, if that still is at `there` (empty: is not there)."""
    ran = await git.run(
        "push",
        "--porcelain",
        "--no-verify",
        f"--force-with-lease=refs/heads/{branch}:{there}",
        url_of(named),
        f"{commit}:refs/heads/{branch}",
    )
    if ran.code == 0:
        return
    raise_for(Ran(ran.code, ran.out, f"{ran.said} {ran.text}"), named)
