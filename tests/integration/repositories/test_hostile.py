"""What a repository, a bundle out of a sandbox or a failing host may try; no engine is needed."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent import secrets
from agent.repositories import github, inside, showing, upstream
from agent.repositories.git import Git, GitProblem, Unavailable, environment, workshop
from agent.repositories.github import Busy
from agent.repositories.naming import Named
from local.github import Double, running_github
from local.github.state import READ_TOKEN, TOKEN, Fault, Repository
from tests.integration.repositories.conftest import put_settings

HELLO = Named(owner="acme", name="hello", branch="main")
OURS = "threadwright/x-123456"


@pytest.fixture
async def double(tmp_path: Path) -> AsyncIterator[Double]:
    async with running_github(tmp_path / "github") as running:
        put_settings({"OPENAI_API_KEY": "none", **running.settings})
        yield running


@pytest.fixture
def hello(double: Double) -> Repository:
    return double.state.repositories["acme/hello"]


class Clone:
    """A project as it is in a sandbox, where anything can be done to it."""

    def __init__(self, folder: Path, hub: Repository) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "-q", str(hub.folder), str(folder)], check=True)
        self.run("git config user.name x && git config user.email x@example.invalid")

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", script], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def bundle(self, what: str = f"^origin/main {inside.PUBLISHED}") -> Path:
        self.run(f"git update-ref {inside.PUBLISHED} HEAD && git bundle create -q b.bundle {what}")
        return self.folder / "b.bundle"


@pytest.fixture
def clone(tmp_path: Path, hello: Repository) -> Clone:
    return Clone(tmp_path / "clone", hello)


async def examined(git: Git, clone: Clone) -> upstream.Change:
    base = await upstream.fetch(git, HELLO, "main", upstream.BASE)
    await upstream.take_in(git, clone.bundle(), inside.PUBLISHED)
    return await upstream.compare(git, base)


async def test_files_cannot_hide_a_change_from_those_who_approve_it(clone: Clone) -> None:
    clone.run("echo '* -diff' > .gitattributes; echo 'evil()' >> hello/greeting.py;"
              "git add -A; git commit -qm x")  # fmt: skip
    async with workshop() as git:
        change = await examined(git, clone)
    assert "+evil()" in change.diff


async def test_what_github_would_run_and_what_only_the_history_holds_is_called_out(
    clone: Clone,
) -> None:
    clone.run("mkdir -p .github/workflows; echo 'on: push' > .github/workflows/x.yml;"
              "echo a > '`b<'; git add -A; git commit -qm x;"
              "git rm -q '`b<'; git commit -qm y")  # fmt: skip
    async with workshop() as git:
        change = await examined(git, clone)
    assert change.workflows == (".github/workflows/x.yml",)
    assert change.passing == ("`b<",)
    said = showing.warning(change)
    assert "GitHub runs by itself: `.github/workflows/x.yml`." in said
    assert "takes them back: `?b?`." in said


async def test_names_of_files_are_told_apart_whatever_is_in_them(clone: Clone) -> None:
    """A line break in a name makes no second name, and letters of all scripts can be read."""
    clone.run("echo a > $'x\\ny'; echo ä > grüße.txt; git add -A; git commit -qm x;"
              "git rm -q $'x\\ny'; touch x y; git add -A; git commit -qm y")  # fmt: skip
    async with workshop() as git:
        change = await examined(git, clone)
    assert change.passing == ("x\ny",)
    assert "+++ b/grüße.txt" in change.diff
    assert "grüße.txt" in change.stat
    assert "`x?y`" in showing.warning(change)


async def test_contents_of_lfs_stay_the_names_that_they_are(clone: Clone) -> None:
    clone.run("echo '*.bin filter=lfs diff=lfs merge=lfs -text' > .gitattributes;"
              "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:1\\n' > a.bin;"
              "git add -A; git commit -qm x")  # fmt: skip
    async with workshop() as git:
        diff = (await examined(git, clone)).diff
    assert "+oid sha256:1" in diff


async def test_links_submodules_and_binaries_are_named_and_nothing_of_them_is_followed(
    clone: Clone,
) -> None:
    clone.run(f"ln -s /etc/passwd leak; printf 'a\\0b' > blob; git add -A;"
              f"git update-index --add --cacheinfo 160000,{'1' * 40},sub;"
              "git commit -qm x")  # fmt: skip
    async with workshop() as git:
        diff = (await examined(git, clone)).diff
    assert "new file mode 120000" in diff
    assert "+/etc/passwd" in diff
    assert "root:" not in diff
    assert "+Subproject commit 1111" in diff
    assert "Binary files /dev/null and b/blob differ" in diff


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not a bundle",
        b"# v2 git bundle\n\n",
        b"# v2 git bundle\n" + b"1" * 40 + b" refs/heads/main\n\nPACK",
        b"# v2 git bundle\n" + b"1" * 40 + b" refs/threadwright/publish\n\nPACKnonsense",
        b"# v3 git bundle\n@filter=blob:none\n" + b"1" * 40 + b" refs/threadwright/publish\n\n",
        b"# v2 git bundle\n" + b"x" * 100_000,
    ],
)
async def test_what_is_no_bundle_of_ours_is_refused(
    tmp_path: Path, double: Double, broken: bytes
) -> None:
    path = tmp_path / "b.bundle"
    path.write_bytes(broken)
    async with workshop() as git:
        await upstream.fetch(git, HELLO, "main", upstream.BASE)
        with pytest.raises(GitProblem):
            await upstream.take_in(git, path, inside.PUBLISHED)
        assert (await git.run("rev-parse", "--verify", "-q", upstream.NEW)).code != 0


async def test_objects_that_gits_checks_refuse_are_not_taken(clone: Clone) -> None:
    """A file named .git in a tree would be written over somebody's repository."""
    clone.run("blob=$(echo evil | git hash-object -w --stdin);"
              "tree=$(printf '100644 blob %s\\t.GIT' $blob | git mktree);"
              "git reset -q --soft $(git commit-tree $tree -p HEAD -m x)")  # fmt: skip
    async with workshop() as git:
        with pytest.raises(GitProblem, match="checks refuse"):
            await examined(git, clone)


async def test_a_rewritten_history_is_not_taken(clone: Clone) -> None:
    clone.run("git checkout -q --orphan other; git commit -qm x")
    clone.bundle(inside.PUBLISHED)
    async with workshop() as git:
        base = await upstream.fetch(git, HELLO, "main", upstream.BASE)
        await upstream.take_in(git, clone.folder / "b.bundle", inside.PUBLISHED)
        with pytest.raises(GitProblem, match="does not go on from where it began"):
            await upstream.compare(git, base)


async def test_a_move_that_was_cut_off_ends_as_it_began(
    tmp_path: Path, clone: Clone, hello: Repository
) -> None:
    """Its script runs here as it does in a sandbox, but for the folders."""
    published = clone.run("echo p > p; git add -A; git commit -qm p; git rev-parse HEAD")
    clone.run(
        "echo u > u; git add -A; git commit -qm u; echo 'done acme/hello' > .git/threadwright"
    )
    onto = hello.commit({"p": "p\n"}, "Squashed")
    hello.git("branch", "base", "main")
    bundle = tmp_path / "base.bundle"
    hello.git("bundle", "create", "-q", str(bundle), "refs/heads/base")
    place = inside.Place("acme/hello", "", f"{OURS}-2", "main", "main", str(bundle), move=1)
    script = inside.move(place, [published], "Left\n")
    script = script.replace(inside.HOME, f"{tmp_path}/home").replace("/project", str(clone.folder))
    clone.run("echo left > left")
    clone.run(script[: script.rindex("printf %s 'done")])
    assert "move" not in (clone.folder / ".git/threadwright").read_text()
    clone.run("rm p")  # as a checkout that was cut off
    assert clone.run(script).endswith(f"moved {onto} 2 0")
    assert clone.run("git log --format=%s").splitlines()[:3] == ["Left", "u", "Squashed"]
    assert clone.run("git status --short; git branch --show-current") == f"{OURS}-2"
    assert (clone.folder / ".git/threadwright").read_text() == "done acme/hello\nmove 1\n"


async def test_a_secret_in_any_commit_is_found_also_when_taken_back(clone: Clone) -> None:
    clone.run("echo password-of-ours > a; git add -A; git commit -qm x; git rm -q a;"
              "echo b > b; git add -A; git commit -qm y")  # fmt: skip
    async with workshop() as git:
        change = await examined(git, clone)
        assert "password-of-ours" not in change.diff
        assert await upstream.holds(git, [b"password-of-ours"])
        assert not await upstream.holds(git, [b"password-of-theirs"])


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "GITHUB_TOKEN"])
async def test_each_secret_of_ours_is_found_in_whatever_way_it_is_written(
    clone: Clone, double: Double, name: str
) -> None:
    value = "xoxb-2041-" + "Qz8/+k" * 4
    put_settings({"OPENAI_API_KEY": "none", **double.settings})
    clone.run(f"printf '_auth=%s' \"$(printf %s 'u:{value}' | base64 -w0)\" > .npmrc;"
              f"git add -A; git commit -qm 'see {value.encode().hex()}'")  # fmt: skip
    async with workshop() as git:
        await examined(git, clone)
        assert not await upstream.holds(git, secrets.unpublishable())
    clone.run("git commit -q --amend -m x")
    async with workshop() as git:
        await examined(git, clone)
        put_settings({"OPENAI_API_KEY": "none", **double.settings, name: value})
        assert await upstream.holds(git, secrets.unpublishable())


async def test_no_configuration_hook_or_other_protocol_reaches_our_git(
    tmp_path: Path, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    ran = tmp_path / "ran"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {ran}\n")
    evil.chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {tmp_path}\n\tfsmonitor = {evil}\n[url "ext::{evil}"]\n'
        f"\tinsteadOf = {double.url}\n"
    )
    for name, value in {"HOME": home, "GIT_CONFIG_GLOBAL": home / ".gitconfig"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("GIT_PROXY_COMMAND", str(evil))
    async with workshop() as git:
        assert await upstream.fetch(git, HELLO, "main", upstream.BASE)
        for url in (f"ext::{evil}", f"file://{tmp_path}", str(tmp_path), "ssh://localhost/x"):
            done = await git.run("fetch", url)
            assert done.code != 0
            assert "not allowed" in done.said
    assert not ran.exists()


async def test_our_token_is_in_no_argument_address_or_message(
    tmp_path: Path, double: Double
) -> None:
    """A git that is asked to show what it was given; it stays in its environment."""
    put_settings({"OPENAI_API_KEY": "none", **double.settings, "GITHUB_TOKEN": "wrong-" + "t" * 20})
    async with workshop() as git:
        with pytest.raises(GitProblem) as refused:
            await upstream.look(git, HELLO)
        files = [path for path in git.folder.rglob("*") if path.is_file()]
        assert not any(b"t" * 20 in path.read_bytes() for path in files)
    assert "GITHUB_TOKEN" in str(refused.value)
    assert "t" * 20 not in str(refused.value)
    assert set(environment(tmp_path, tmp_path)) & set(os.environ) <= {"PATH", "HOME", "LC_ALL"} | {
        name for name in os.environ if name.upper().endswith(("_PROXY", "CERT_FILE", "CAINFO"))
    } | {"SSL_CERT_DIR"}


async def test_a_branch_that_somebody_else_pushed_is_not_overwritten(
    clone: Clone, hello: Repository
) -> None:
    clone.run("echo b > b; git add -A; git commit -qm x")
    theirs = hello.commit({"theirs": "1"}, "Theirs", OURS)
    async with workshop() as git:
        change = await examined(git, clone)
        assert not await upstream.is_ours(git, HELLO, OURS, theirs, pushed="")
        assert await upstream.is_ours(git, HELLO, OURS, theirs, pushed=theirs)
        with pytest.raises(GitProblem, match="Somebody else changed"):
            await upstream.push(git, HELLO, OURS, change.commit, there="")
        assert hello.commit_of(OURS) == theirs
        await upstream.push(git, HELLO, OURS, change.commit, there=theirs)  # our own, rewritten
    assert hello.commit_of(OURS) == change.commit


async def test_a_protected_branch_and_a_token_without_rights_are_told(
    clone: Clone, double: Double, hello: Repository
) -> None:
    clone.run("echo b > b; git add -A; git commit -qm x")
    hello.protect(OURS)
    async with workshop() as git:
        change = await examined(git, clone)
        with pytest.raises(GitProblem, match="rules of acme/hello"):
            await upstream.push(git, HELLO, OURS, change.commit, "")
        put_settings({"OPENAI_API_KEY": "n", **double.settings, "GITHUB_TOKEN": READ_TOKEN})
        with pytest.raises(GitProblem, match="may not do this"):
            await upstream.push(git, HELLO, "threadwright/y", change.commit, "")
    async with github.connected(HELLO) as host:
        with pytest.raises(GitProblem, match="not push to it"):
            await host.check()


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "refusing to allow a Personal Access Token to create or update workflow "
            "`.github/workflows/x.yml` without `workflow` scope",
            "do not let us push this branch: refusing to allow a Personal Access Token to create "
            "or update workflow `.github/workflows/x.yml` without `workflow` scope.",
        ),
        ("push declined due to repository rule violations", "repository rule violations."),
        ("GH008: unknown Git LFS objects", "contents of LFS cannot be published"),
        ("cannot lock ref", "Somebody else changed our branch"),
    ],
)
async def test_a_refused_push_is_told_with_the_hosts_reason(
    clone: Clone, hello: Repository, reason: str, told: str
) -> None:
    clone.run("echo b > b; git add -A; git commit -qm x")
    async with workshop() as git:
        change = await examined(git, clone)
        hello.refuses = reason
        with pytest.raises(GitProblem) as refused:
            await upstream.push(git, HELLO, OURS, change.commit, "")
        hello.refuses = "Internal Server Error"
        with pytest.raises(Unavailable):
            await upstream.push(git, HELLO, OURS, change.commit, "")
        hello.refuses, hello.archived = "", True
        with pytest.raises(GitProblem, match="acme/hello is archived"):
            await upstream.push(git, HELLO, OURS, change.commit, "")
    assert told in str(refused.value)
    async with github.connected(HELLO) as host:
        with pytest.raises(GitProblem, match="acme/hello is archived"):
            await host.check()
        with pytest.raises(GitProblem, match="acme/hello is archived"):
            await host.open_pull("main", "main", "One", "1")


async def test_a_branch_that_is_gone_is_no_host_that_cannot_be_reached(double: Double) -> None:
    async with workshop() as git:
        with pytest.raises(GitProblem, match="no longer there"):
            await upstream.fetch(git, HELLO, "gone", upstream.BASE)


async def test_a_moved_or_gone_repository_is_told(double: Double) -> None:
    double.state.rename("acme/hello", "acme/hi")
    async with workshop() as git, github.connected(HELLO) as host:
        with pytest.raises(GitProblem, match="has moved"):
            await upstream.look(git, HELLO)
        assert await host.name() == "acme/hi"
    async with github.connected(Named(owner="acme", name="gone")) as host:
        with pytest.raises(GitProblem, match="is gone"):
            await host.check()


async def test_one_pull_request_whatever_answers_are_lost(
    double: Double, hello: Repository
) -> None:
    hello.commit({"b": "b"}, "B", OURS)
    double.state.faults.append(Fault(502, on="POST /api/v3/repos/acme/hello/pulls", after=True))
    async with github.connected(HELLO) as host:
        with pytest.raises(Unavailable):
            await host.open_pull(OURS, "main", "One", "1")
        assert len(hello.pulls) == 1
        first = await host.open_pull(OURS, "main", "One", "1")
        again = await host.open_pull(OURS, "main", "Two", "2")
    assert first == again
    assert [(one.title, one.body) for one in hello.pulls] == [("Two", "2")]


async def test_rate_limits_say_when_to_come_back(double: Double, hello: Repository) -> None:
    faults = [Fault(403), Fault(429, retry_after=7), Fault(403, retry_after=9)]
    double.state.faults = [*faults, Fault(429, reset=900)]
    waits = []
    async with github.connected(HELLO) as host:
        for _ in range(4):
            with pytest.raises(Busy) as busy:
                await host.check()
            waits.append(busy.value.seconds)
        await host.check()
    assert waits[1:3] == [7, 9]
    assert 1 <= waits[0] <= 3
    assert 890 <= waits[3] <= 901


async def test_what_github_refuses_is_told_with_its_reason(
    double: Double, hello: Repository
) -> None:
    hello.git("branch", OURS, "main")
    async with github.connected(HELLO) as host:
        with pytest.raises(Unavailable, match="does not know of threadwright/late yet"):
            await host.open_pull("threadwright/late", "main", "One", "1")
        with pytest.raises(GitProblem, match="No commits between main and"):
            await host.open_pull(OURS, "main", "One", "1")
    assert TOKEN not in "".join(double.state.requests)
