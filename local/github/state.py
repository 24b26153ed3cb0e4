"""Owns what the double knows: repositories as bare folders, tokens, pull requests, faults."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

TOKEN = "ghp_localThreadwrightMayWrite0000000001"
READ_TOKEN = "ghp_localThreadwrightMayRead00000000002"
BOT = "threadwright-bot"

Right = Literal["none", "read", "write"]

_HOOK = """#!/bin/sh
while read -r old new ref; do
  if grep -qxF "$ref" protected 2>/dev/null; then
    echo "error: GH006: Protected branch update failed for $ref."
    exit 1
  fi
done
"""
_AT = "2026-01-05T09:00:00Z"
GIT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Mira Castell",
    "GIT_AUTHOR_EMAIL": "mira@example.invalid",
    "GIT_COMMITTER_NAME": "Mira Castell",
    "GIT_COMMITTER_EMAIL": "mira@example.invalid",
    "GIT_AUTHOR_DATE": _AT,
    "GIT_COMMITTER_DATE": _AT,
    "LC_ALL": "C",
}


@dataclass
class Pull:
    number: int
    title: str
    body: str
    head: str
    base: str
    author: str
    state: Literal["open", "closed"] = "open"
    head_commit: str = ""
    """Of the head while it was open; what is pushed to the branch later is not part of it."""
    merge_commit: str = ""
    """Empty for one that was not merged."""


@dataclass
class Repository:
    owner: str
    name: str
    folder: Path
    private: bool = False
    archived: bool = False
    pulls: list[Pull] = field(default_factory=list)
    refuses: str = ""
    """Reason for which every push is refused, as a rule of the host words it."""

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def default_branch(self) -> str:
        return self.git("symbolic-ref", "--short", "HEAD")

    def git(self, *arguments: str, stdin: str | None = None) -> str:
        """What git prints. Raises CalledProcessError."""
        done = subprocess.run(
            ["git", "--git-dir", str(self.folder), *arguments],
            env=GIT,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
        )
        return done.stdout.strip()

    def commit_of(self, branch: str) -> str:
        """Empty for a branch that is not there."""
        ref = f"refs/heads/{branch}"
        return self.git("for-each-ref", "--format=%(objectname)", ref)

    def branches(self) -> dict[str, str]:
        rows = self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
        pairs = (row.split(" ") for row in rows.splitlines())
        return {ref.removeprefix("refs/heads/"): commit for ref, commit in pairs}

    def ahead(self, base: str, head: str) -> int:
        return int(self.git("rev-list", "--count", f"refs/heads/{base}..refs/heads/{head}"))

    def commit(self, files: dict[str, str], message: str, branch: str = "main") -> str:
        """A commit of these files on top of the branch; for seeds and for tests."""
        parent = self.commit_of(branch)
        index = {"GIT_INDEX_FILE": str(self.folder / "index.new")}
        if parent:
            _run(self.folder, ["read-tree", parent], index)
        for path, text in files.items():
            blob = self.git("hash-object", "-w", "--stdin", stdin=text)
            row = f"100644,{blob},{path}"
            _run(self.folder, ["update-index", "--add", "--cacheinfo", row], index)
        tree = _run(self.folder, ["write-tree"], index)
        (self.folder / "index.new").unlink()
        parents = ["-p", parent] if parent else []
        made = self.git("commit-tree", tree, *parents, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", made)
        return made

    def merge(self, number: int, how: Literal["merge", "squash"] = "merge") -> str:
        """As somebody does it on the page; the branch stays."""
        one = self.pulls[number - 1]
        base = self.commit_of(one.base)
        tree = self.git("merge-tree", "--write-tree", base, one.head_commit)
        parents = ["-p", base] + (["-p", one.head_commit] if how == "merge" else [])
        words = f"{one.title} (#{number})" if how == "squash" else f"Merge pull request #{number}"
        one.merge_commit = self.git("commit-tree", tree, *parents, "-m", words)
        one.state = "closed"
        self.git("update-ref", f"refs/heads/{one.base}", one.merge_commit)
        return one.merge_commit

    def delete(self, branch: str) -> None:
        self.git("update-ref", "-d", f"refs/heads/{branch}")
        self.follow()

    def follow(self) -> None:
        """Open pull requests follow their branches: closed without them, merged when their base
        holds all of the head."""
        for one in self.pulls:
            if one.state == "closed":
                continue
            head = self.commit_of(one.head)
            if not head or not self.commit_of(one.base):
                one.state = "closed"
                continue
            one.head_commit = head
            if self.ahead(one.base, one.head) == 0:
                one.state, one.merge_commit = "closed", self.commit_of(one.base)

    def protect(self, branch: str) -> None:
        with (self.folder / "protected").open("a") as file:
            file.write(f"refs/heads/{branch}\n")


def _run(folder: Path, arguments: list[str], more: dict[str, str]) -> str:
    done = subprocess.run(
        ["git", "--git-dir", str(folder), *arguments],
        env=GIT | more,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@dataclass
class Fault:
    """The next request whose method and path hold `on` is answered so instead."""

    status: int
    on: str = "/api/"
    retry_after: int | None = None
    reset: int = 2
    """Seconds until a rate limit ends that does not say `retry-after`."""
    hangs: bool = False
    """There is no answer at all, until the client gives up."""
    after: bool = False
    """It is done first, and its answer is lost."""


@dataclass
class State:
    folder: Path
    repositories: dict[str, Repository] = field(default_factory=dict)
    """By full name in small letters."""
    moved: dict[str, str] = field(default_factory=dict)
    """Earlier full names, in small letters, to the ones that hold."""
    tokens: dict[str, Right] = field(
        default_factory=lambda: dict[str, Right]({TOKEN: "write", READ_TOKEN: "read"})
    )
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Method and path of each, in order."""
    limited: int = 0
    """Requests that were turned away for their number."""

    def create(
        self, full_name: str, files: dict[str, str] | None = None, *, private: bool = False
    ) -> Repository:
        owner, _, name = full_name.partition("/")
        folder = self.folder / owner / f"{name}.git"
        folder.mkdir(parents=True)
        command = ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder)]
        subprocess.run(command, env=GIT, check=True)
        hook = folder / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK)
        hook.chmod(0o755)
        repository = Repository(owner, name, folder, private)
        self.repositories[full_name.lower()] = repository
        if files is not None:
            repository.commit(files, "First version")
            repository.protect("main")
        return repository

    def rename(self, old: str, new: str) -> None:
        repository = self.repositories.pop(old.lower())
        repository.owner, _, repository.name = new.partition("/")
        self.repositories[new.lower()] = repository
        self.moved[old.lower()] = repository.full_name

    def find(self, full_name: str, right: Right) -> Repository | None:
        """None also for one that this right may not see."""
        found = self.repositories.get(full_name.lower())
        return None if found is None or (found.private and right == "none") else found

    def right_of(self, token: str | None) -> Right | None:
        """None for a token that nobody was given."""
        return "none" if token is None else self.tokens.get(token)
