"""A thread goes on when the host has moved on: merged, closed, pushed to by others, rewritten."""

import pytest

from agent import protocol as p
from agent.app import SERVICES
from agent.repositories.fetching import branch_of
from tests.integration.agent.driver import shell
from tests.integration.repositories.conftest import Thread, World, publish, steps

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def card_after(thread: Thread, *earlier: p.ApprovalRequest) -> p.ApprovalRequest:
    keys = [one.approval for one in earlier]
    body: p.ApprovalBody = await thread.until(
        p.ApprovalBody, lambda b: b.outcome is None and b.request.approval not in keys
    )
    return body.request


async def test_after_a_merge_the_thread_goes_on_with_a_branch_and_a_pull_request_of_its_own(
    world: World,
) -> None:
    hub = world.double.state.create("acme/merged", {"a": "1\n2\n3\n4\n5\n"})
    thread = world.thread()
    later = shell("echo extra > extra")  # not part of the pull request when it is merged
    await thread.say("repo: acme/merged", steps(shell("sed -i s/1/one/ a"), publish("One"), later))
    await thread.answer(first := await thread.card())
    await thread.result()
    ours = (await thread.record()).branch
    hub.commit({"others": "o"}, "Others")
    hub.merge(1, "squash")
    hub.delete(ours)
    hub.git("branch", f"{ours}-2", "main")  # somebody's
    await thread.say("and two", steps(shell("cat others && sed -i s/2/two/ a"), publish("Two")))
    card = await card_after(thread, first)
    assert card.command == (
        f"push 2 commits to acme/merged, branch {ours}-3, and open a pull request into main"
    )
    assert "+two" in card.detail
    assert "+extra" in card.detail
    assert "+one" not in card.detail
    assert thread.notes == [
        f"Pull request #1 was merged. The work goes on from `main` as it is now, on the branch "
        f"`{ours}-3`; publishing it opens another one. 1 commit of this thread is carried over."
    ]
    await thread.answer(card)
    assert (await thread.result(2)).outcome == "done"
    assert [(one.title, one.head, one.state) for one in hub.pulls] == [
        ("One", ours, "closed"),
        ("Two", f"{ours}-3", "open"),
    ]
    assert hub.ahead("main", f"{ours}-3") == 2
    assert hub.commit_of(f"{ours}-2") == hub.commit_of("main")
    assert (await thread.record()).pull_request.endswith("/pull/2")


async def test_what_others_pushed_is_taken_in_and_a_merge_while_people_think_is_noticed(
    world: World,
) -> None:
    hub = world.double.state.create("acme/shared", {"a": "a"})
    thread = world.thread()
    await thread.say("repo: acme/shared", steps(shell("echo b > b"), publish("B")))
    await thread.answer(first := await thread.card())
    await thread.result()
    ours = (await thread.record()).branch
    hub.commit({"review": "r"}, "From the review", ours)
    hub.follow()
    again = publish("C")
    await thread.say("more", steps(shell("cat review; echo c > c"), again, again))
    second = await card_after(thread, first)
    assert "push 3 commits" in second.command
    assert "update its pull request" in second.command
    assert thread.notes == [f"Somebody else pushed to `{ours}`: the project has that now."]
    hub.merge(1, "squash")
    await thread.answer(second)
    third = await card_after(thread, first, second)
    assert f"push 1 commit to acme/shared, branch {ours}-2, and open" in third.command
    assert "+++ b/c" in third.detail
    assert "+++ b/b" not in third.detail
    assert "+++ b/review" not in third.detail
    await thread.answer(third)
    assert (await thread.result(2)).outcome == "done"
    assert "Pull request #1 was merged" in thread.notes[1]
    assert [(one.title, one.state) for one in hub.pulls] == [("B", "closed"), ("C", "open")]


async def test_what_does_not_fit_what_was_merged_is_kept_and_told(world: World) -> None:
    hub = world.double.state.create("acme/kept", {"a": "a\n"})
    thread = world.thread()
    later = shell("echo c > a")
    await thread.say("repo: acme/kept", steps(shell("echo b > a"), publish("B"), later))
    await thread.answer(await thread.card())
    await thread.result()
    hub.merge(1, "squash")
    hub.commit({"a": "theirs\n"}, "Theirs")
    await thread.say("look", steps(shell("cat a; git show threadwright/kept-1:a")))
    assert "theirs\\nc" in (await thread.result(2)).summary
    [note] = thread.notes
    assert "1 commit is not carried over" in note
    assert "keeps them as `threadwright/kept-1`" in note


async def test_a_closed_pull_request_is_followed_by_another_with_all_of_the_work(
    world: World,
) -> None:
    hub = world.double.state.create("acme/closed", {"a": "a"})
    thread = world.thread()
    await thread.say("repo: acme/closed", steps(shell("echo b > b"), publish("B")))
    await thread.answer(first := await thread.card())
    await thread.result()
    ours = (await thread.record()).branch
    hub.delete(ours)  # which closes it
    hub.commit({"others": "o"}, "Others")
    await thread.say("better", steps(shell("cat others; echo c > c"), publish("C")))
    await thread.answer(await card_after(thread, first))
    assert (await thread.result(2)).outcome == "done"
    assert "Pull request #1 was closed without a merge" in thread.notes[0]
    assert [(one.title, one.state) for one in hub.pulls] == [("B", "closed"), ("C", "open")]
    assert hub.git("diff", "--name-only", f"main...{ours}-2").split() == ["b", "c"]


async def test_a_base_that_was_rewritten_does_not_get_back_what_was_taken_out_of_it(
    world: World,
) -> None:
    """Nor does a new name of the repository, or somebody's branch of our name, end the thread; and
    all of it replays from its journal at every await."""
    hub = world.double.state.create("acme/rewritten", {"a": "a"})
    clean = hub.commit_of("main")
    hub.commit({"oops": "to be forgotten"}, "Oops")
    thread = world.thread()
    theirs = branch_of(thread.ref, "")
    hub.git("branch", theirs, "main")
    await world.engine.replay_always(SERVICES)
    await thread.say("repo: acme/rewritten", steps(shell("echo b > b")))
    await thread.result()
    hub.git("update-ref", "refs/heads/main", clean)
    hub.commit({"c": "c"}, "Instead")
    world.double.state.rename("acme/rewritten", "acme/renamed")
    await thread.say("publish", steps(publish("B")))
    card = await thread.card()
    assert f"push 1 commit to acme/renamed, branch {theirs}-2, and open" in card.command
    assert "oops" not in card.detail
    await thread.answer(card)
    assert (await thread.result(2)).outcome == "done"
    assert thread.notes == [
        "acme/rewritten is called acme/renamed now, and published to as that.",
        "`main` was rewritten at the host: the project goes on from `main` as it is now, on the "
        f"branch `{theirs}-2`. 1 commit of this thread is carried over.",
    ]
    assert "oops" not in hub.git("log", "--name-only", f"{theirs}-2")
    assert hub.commit_of(theirs) != hub.commit_of(f"{theirs}-2")


@pytest.mark.parametrize("told", ["$(printf %040d 1) 1", "$h $(printf %05000d 1)"])
async def test_what_code_in_the_sandbox_writes_among_our_marks_is_not_believed(
    world: World, told: str
) -> None:
    hub = world.double.state.create(f"acme/marks-{len(told)}", {"a": "a"})
    thread = world.thread()
    forged = shell(f"h=$(git rev-parse HEAD); echo 1 $h {told} 0 > .git/threadwright-move")
    await thread.say(f"repo: {hub.full_name}", steps(shell("echo b > b"), publish("B"), forged))
    await thread.answer(await thread.card())
    await thread.result()
    hub.merge(1, "merge")
    await thread.say("and now", steps(shell("cat b")))
    assert (await thread.result(2)).outcome == "done"
    assert (await thread.record()).base_commit == hub.commit_of("main")
