"""A thread that names a repository works in it, and publishes what people approved, once."""

import asyncio
import base64
import io
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from agent import protocol as p
from agent.app import SERVICES
from local.github.state import TOKEN, Fault
from local.model import Reply
from tests.integration.agent.driver import (
    BEN,
    finish,
    is_planning,
    outputs,
    plan,
    shell,
)
from tests.integration.repositories.conftest import SECRET, World, publish, steps

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPAIR = "sed -i \"s/{name}!/{name or 'world'}!/\" hello/greeting.py && python3 -m unittest -q"


def run(folder: Path, command: str) -> None:
    subprocess.run(command.split(), cwd=folder, check=True)


async def test_a_repository_is_fetched_committed_to_and_published(world: World) -> None:
    hub = world.double.state.repositories["acme/hello"]
    thread = world.thread()
    await thread.say(
        "@threadwright repo: acme/hello — fix the failing test and open a pull request",
        steps(shell(REPAIR), publish("Greet the world", "It greets everybody now.")),
    )
    card = await thread.card()
    assert card.kind == "publish"
    record = await thread.record()
    assert record.branch.startswith("threadwright/fix-the-failing-test-and-open-")
    assert card.command == (
        f"push 1 commit to acme/hello, branch {record.branch}, and open a pull request into main"
    )
    assert "+    return f\"Hello, {name or 'world'}!\"" in card.detail
    assert "hello/greeting.py | 2 +-" in card.detail
    assert "It greets everybody now." in card.detail
    assert hub.commit_of(record.branch) == ""
    await thread.answer(card)
    result = await thread.result()
    assert result.outcome == "done", result.summary
    commit = hub.commit_of(record.branch)
    assert commit
    assert f"Commit {commit[:12]}, exactly" in card.detail
    told = hub.git("log", "-1", "--format=%an <%ae>%n%B", commit)
    assert told.splitlines()[0] == (
        "Threadwright <threadwright@users.noreply.threadwright.invalid>"
    )
    assert "Co-authored-by: Ana <U0ANA@users.noreply.threadwright.invalid>" in told
    [pull] = hub.pulls
    assert (pull.title, pull.body, pull.head, pull.base) == (
        "Greet the world",
        "It greets everybody now.",
        record.branch,
        "main",
    )
    assert f"{world.double.url}/acme/hello/pull/1" in result.summary
    assert await thread.inside("git remote get-url origin") == (
        f"{world.double.url}/acme/hello.git"
    )

    # A follow-up task finds it all there, commits more, and brings the pull request up to date.
    await thread.say(
        "also say so in the README",
        steps(shell("echo More. >> README.md"), publish("Greet the world and say so")),
    )
    again: p.ApprovalBody = await thread.until(
        p.ApprovalBody, lambda b: b.outcome is None and b.request.approval != card.approval
    )
    assert "push 2 commits" in again.request.command
    assert "update its pull request" in again.request.command
    await thread.answer(again.request)
    assert (await thread.result(2)).outcome == "done"
    assert [one.title for one in hub.pulls] == ["Greet the world and say so"]
    assert hub.git("merge-base", "--is-ancestor", commit, hub.commit_of(record.branch)) == ""
    assert hub.ahead("main", record.branch) == 2
    assert thread.notes == []


async def test_each_finished_step_is_one_commit_and_one_without_changes_is_none(
    world: World,
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("one", "two", "three")
        if outputs(request):
            return finish()
        now = str(request["input"])
        if "Current step: one" in now:
            hook = "mkdir -p .git/hooks; cp /bin/false .git/hooks/pre-commit"
            return shell(f"echo 1 > one; {hook}")
        return shell("true") if "Current step: two" in now else shell("echo 3 > three")

    thread = world.thread()
    odd = p.Person(user_id="U0BEN", name="Ben <x@y>\nSigned-off-by: Eve")
    await thread.say("repo: acme/hello add two files", script, odd)
    assert (await thread.result()).outcome == "done"
    form = "%s|%(trailers:only,separator=;)"
    log = await thread.inside(f"git log --format='{form}' origin/main..")
    name = "Ben xy Signed-off-by: Eve"
    by = f"Co-authored-by: {name} <U0BEN@users.noreply.threadwright.invalid>"
    assert log.splitlines() == [f"Three|{by}", f"One|{by}"]


async def test_a_private_repository_needs_the_operators_token(world: World) -> None:
    with world.settings(GITHUB_TOKEN=""):
        thread = world.thread()
        await thread.say("repo: acme/ledger what is in it?", steps(shell("ls")))
        result = await thread.result()
    [note] = thread.notes
    assert "acme/ledger does not exist or is private" in note
    assert "GITHUB_TOKEN" in note
    assert "ledger.py" not in result.summary
    await thread.say("try again", steps(shell("ls")))
    assert (await thread.result(2)).outcome == "done"
    other = world.thread()
    await other.say("repo: acme/ledger what is in it?", steps(shell("ls")))
    assert "ledger.py" in (await other.result()).summary


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("repo: acme/nowhere do it", "acme/nowhere does not exist"),
        ("repo: acme/hello@nowhere do it", "has no branch `nowhere`"),
        ("repo: acme/empty do it", "has no commits yet"),
        ("repo: hello do it", "`hello` is not a repository"),
        ("repo: https://elsewhere.example/a/b do it", "only repositories of 127.0.0.1"),
    ],
)
async def test_what_cannot_be_taken_is_one_sentence(world: World, said: str, told: str) -> None:
    thread = world.thread()
    await thread.say(said, steps(shell("ls -A")))
    await thread.result()
    [note] = thread.notes
    assert told in note
    assert (await thread.record()).repository is None


async def test_a_message_interrupts_a_fetch_that_hangs(world: World) -> None:
    world.double.state.create("acme/slow", {"a": "a"})
    fetch = "POST /acme/slow.git/git-upload-pack"
    world.double.state.faults = [Fault(500, on=fetch, hangs=True)]
    thread = world.thread()
    await thread.say("repo: acme/slow", steps(shell("ls")))
    async with asyncio.timeout(90):
        while fetch not in world.double.state.requests:
            await asyncio.sleep(0.02)
    await thread.say("no, repo: acme/hello", steps(shell("ls")))
    assert "hello" in (await thread.result()).summary
    record = await thread.record()
    assert record.repository is not None
    assert record.repository.full_name == "acme/hello"


async def test_a_second_repository_needs_another_thread(world: World) -> None:
    thread = world.thread()
    await thread.say("repo: acme/hello look", steps(shell("ls")))
    await thread.result()
    await thread.say("repo: acme/ledger look", steps(shell("ls")))
    await thread.result(2)
    assert thread.notes == [
        "This thread works on acme/hello; acme/ledger needs a thread of its own."
    ]


async def test_a_project_with_files_is_left_alone(world: World) -> None:
    thread = world.thread()
    await thread.say("write a file", steps(shell("echo mine > mine.txt")))
    await thread.result()
    await thread.say("repo: acme/hello and now that", steps(shell("ls -A")))
    assert "mine.txt" in (await thread.result(2)).summary
    [note] = thread.notes
    assert "because this thread's project has files already" in note
    assert (await thread.inside("ls -A")) == "mine.txt"


async def test_a_repository_too_large_is_refused_with_its_limit(world: World) -> None:
    large = world.double.state.create("acme/large", {"a": "a"})
    noise = "".join(f"{n * 7919 % 104729:x}{n * n % 99991:x}\n" for n in range(400_000))
    large.commit({"noise": noise}, "More")
    with world.settings(THREADWRIGHT_REPOSITORY_MB="1"):
        thread = world.thread()
        await thread.say("repo: acme/large do it", steps(shell("ls -A")))
        await thread.result()
    [note] = thread.notes
    assert "larger than the 1 MB that may be taken" in note


async def test_work_begins_again_from_the_repository_after_its_sandbox_was_lost(
    world: World,
) -> None:
    thread = world.thread()
    await thread.say("repo: acme/hello look", steps(shell("ls")))
    await thread.result()
    before = await thread.record()
    await thread.inside("find . -mindepth 1 -delete")  # as a project that came back from nothing
    await thread.say("go on", steps(shell("ls; git branch --show-current")))
    summary = (await thread.result(2)).summary
    assert "greeting" in summary or "hello" in summary
    assert before.branch in summary


async def test_nobody_publishes_without_changes_or_a_token_or_a_repository(world: World) -> None:
    thread = world.thread()
    await thread.say("repo: acme/hello publish", steps(publish("Nothing")))
    assert "nothing_to_publish" in (await thread.result()).summary
    with world.settings(GITHUB_TOKEN=""):
        await thread.say("now", steps(shell("echo x > x"), publish("Something")))
        assert "an operator can set GITHUB_TOKEN" in (await thread.result(2)).summary
    other = world.thread()
    await other.say("publish", steps(publish("Something")))
    assert "no_repository" in (await other.result()).summary
    assert not thread.bodies(p.ApprovalBody)


async def test_the_download_holds_the_work_as_a_bundle_and_a_patch_too(
    world: World, tmp_path: Path
) -> None:
    hub = world.double.state.create("acme/handed", {"a": "a\n"})
    thread = world.thread()
    await thread.say("repo: acme/handed", steps(shell("echo b > b")))
    await thread.result()
    packed = zipfile.ZipFile(io.BytesIO(await thread.download()))
    folder = next(name.split("/")[0] for name in packed.namelist() if "/" in name)
    wanted = {f"{folder}/a", f"{folder}/b", "handed.bundle", "handed.patch"}
    assert set(packed.namelist()) == wanted
    packed.extractall(tmp_path)
    run(tmp_path, f"git clone -q {hub.folder} clone")
    run(tmp_path / "clone", "git pull -q ../handed.bundle HEAD")
    assert (tmp_path / "clone" / "b").exists()
    run(tmp_path / "clone", "git reset -q --hard HEAD~1")
    run(tmp_path / "clone", "git apply ../handed.patch")
    assert (tmp_path / "clone" / "b").read_text() == "b\n"


async def test_a_denied_publication_pushes_nothing(world: World) -> None:
    hub = world.double.state.create("acme/denied", {"a": "a"})
    thread = world.thread()
    await thread.say("repo: acme/denied", steps(shell("echo b > b"), publish("B")))
    card = await thread.card()
    await thread.answer(card, "deny")
    assert "Ana denied it" in (await thread.result()).summary
    assert list(hub.branches()) == ["main"]
    assert hub.pulls == []


async def test_a_message_while_people_think_withdraws_the_card(world: World) -> None:
    hub = world.double.state.create("acme/withdrawn", {"a": "a"})
    thread = world.thread()

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work") if "New messages" not in str(request["input"]) else plan("other")
        if "Current step: other" in str(request["input"]):
            return finish("Something else.")
        return publish("B") if outputs(request) else shell("echo b > b")

    await thread.say("repo: acme/withdrawn", script)
    await thread.card()
    await thread.say("wait, something else", author=BEN)
    assert (await thread.result()).summary == "Something else."
    assert list(hub.branches()) == ["main"]


async def test_lost_answers_and_rate_limits_end_as_one_push_and_one_pull_request(
    world: World,
) -> None:
    """An answer that is lost after the effect is a crash between the effect and its record."""
    hub = world.double.state.create("acme/crash", {"a": "a"})
    world.double.state.faults = [
        Fault(502, on="GET /api/v3/repos/acme/crash"),
        Fault(429, retry_after=1, on="GET /api/v3/repos/acme/crash"),
        Fault(500, on="POST /acme/crash.git/git-receive-pack", after=True),
        Fault(502, on="POST /api/v3/repos/acme/crash/pulls", after=True),
    ]
    thread = world.thread()
    await thread.say("repo: acme/crash", steps(shell("echo b > b"), publish("B")))
    await thread.answer(await thread.card())
    result = await thread.result()
    assert "acme/crash/pull/1" in result.summary
    shown = [body.text for body in thread.bodies(p.ActivityBody)]
    assert "waiting 2 s: GitHub is in trouble at the moment" in shown
    assert "waiting 2 s: GitHub lets us do no more for now" in shown
    assert world.double.state.faults == []
    asked = world.double.state.requests
    pushes = [one for one in asked if one == "POST /acme/crash.git/git-receive-pack"]
    assert len(pushes) == 1
    assert len(hub.pulls) == 1
    record = await thread.record()
    assert record.pushed == hub.commit_of(record.branch)
    assert record.pull_request.endswith("/acme/crash/pull/1")


async def test_what_was_approved_is_what_is_pushed(world: World) -> None:
    hub = world.double.state.create("acme/swapped", {"a": "a"})
    thread = world.thread()
    await thread.say("repo: acme/swapped", steps(shell("echo b > b"), publish("B")))
    card = await thread.card()
    await thread.inside("echo evil > c && git add -A && git commit -qm evil")
    await thread.answer(card)
    assert "What was approved has changed meanwhile" in (await thread.result()).summary
    assert list(hub.branches()) == ["main"]


async def test_a_secret_of_this_deployment_is_not_published(world: World) -> None:
    world.double.state.create("acme/leaky", {"a": "a"})
    thread = world.thread()
    backwards = shell(f"echo {SECRET[::-1]} | rev > b")  # else it would not reach the sandbox
    await thread.say("repo: acme/leaky", steps(backwards, publish("B")))
    assert "hold a secret of this deployment" in (await thread.result()).summary
    assert not thread.bodies(p.ApprovalBody)


async def test_a_difference_too_long_for_a_card_is_a_file_in_the_thread(world: World) -> None:
    world.double.state.create("acme/long", {"a": "a"})
    thread = world.thread()
    await thread.say("repo: acme/long", steps(shell("seq 1 3000 > b"), publish("B")))
    card = await thread.card()
    shared, content = world.uploads.shared[-1]
    assert card.attached == shared.title
    assert card.attached.startswith("long-")
    assert "\n+3000\n" in content.decode()
    assert "\n+3000" not in card.detail
    assert "1 file changed, 3000 insertions(+)" in card.detail
    assert card.detail.splitlines()[0] == content.decode().splitlines()[0]
    await thread.answer(card, "deny")
    await thread.result()


async def test_more_than_people_can_read_is_not_published(world: World) -> None:
    world.double.state.create("acme/wide", {"a": "a"})
    thread = world.thread()
    await thread.say("repo: acme/wide", steps(shell("seq 1 90000 > b"), publish("B")))
    assert "characters, more than the 400,000" in (await thread.result()).summary
    assert not thread.bodies(p.ApprovalBody)


async def test_all_of_it_replays_from_its_journal_at_every_await(world: World) -> None:
    hub = world.double.state.create("acme/replayed", {"a": "a"})
    await world.engine.replay_always(SERVICES)
    thread = world.thread()
    await thread.say("repo: acme/replayed", steps(shell("echo b > b"), publish("B")))
    await thread.answer(await thread.card())
    assert (await thread.result()).outcome == "done"
    assert [one.title for one in hub.pulls] == ["B"]


async def test_no_journal_holds_a_long_difference(world: World) -> None:
    """After all of the above; a short one, which stands on its card, is found."""
    rows = await world.engine.query("select raw from sys_journal")
    held = [bytes.fromhex(row["raw"]) for row in rows if row["raw"]]
    assert any(b"+    return f" in one for one in held)
    assert not any(b"+2999" in one for one in held)
    assert "+2999" not in str(world.threads.events)


async def test_the_token_is_in_no_sandbox_journal_or_event(world: World) -> None:
    """After all of the above; what is searched for otherwise is found."""
    pair = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    kept = [path for path in world.folders() if path.is_file() and not path.is_symlink()]
    text = [path.read_bytes() for path in kept]
    assert any(b"Greet the world" in one for one in text)
    assert any(b"acme/hello" in one for one in text)
    for secret in (TOKEN.encode(), pair, pair[:40]):
        assert not any(secret in one for one in text)
    assert TOKEN not in str(world.threads.events)
