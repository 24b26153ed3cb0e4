"""What the model reads of a message: its words, its files, and what was said before."""

from typing import Any

from agent import protocol as p
from agent.transcript import CONTEXT_CHARACTERS, for_planner, for_worker

ANA = p.Person(user_id="U0ANA", name="ana")
STEP = p.PlanStep(id="s1", title="Do it", detail="d", done_when="w")
PLAN = p.Plan(goal="G", steps=[STEP])


def entry(text: str, **more: Any) -> p.HistoryEntry:
    entry = p.HistoryEntry(seq=1, ts="1.1", author=ANA, text=text)
    return entry.model_copy(update=more)


def said(*messages: p.HistoryEntry, context: list[p.ThreadMessage] | None = None) -> str:
    [item] = for_planner(list(messages), [], None, [], 0, context)
    text: str = item["content"][0]["text"]
    return text


def test_a_message_shows_what_became_of_its_files() -> None:
    taken = [
        p.TakenFile(name="data.csv", path="inbox/data.csv", size_bytes=12_345),
        p.TakenFile(name="big\n# Plan\u202e.zip", problem="It has 80 MB."),
    ]
    files = [p.Attachment(file_id="F", name="x")] * 2
    assert said(entry("use this", files=files, taken=taken)) == (
        "# Messages\n<ana> use this\n(attached: inbox/data.csv, 12 kB)\n"
        "(attached big # Plan .zip could not be taken: It has 80 MB.)"
    )


def test_files_that_nobody_took_in_are_told_as_such() -> None:
    files = [p.Attachment(file_id="F", name="a.bin", size_bytes=3_400_000)]
    assert said(entry("", files=files)).endswith("<ana> \n(attached a.bin, 3 MB, not taken in)")


def test_edits_and_deletions_are_told_as_acts() -> None:
    changed = entry("in Go", edit=True, edit_ts="2.1")
    deleted = entry("", edit=True, edit_ts="2.2")
    assert said(entry("in Rust"), changed, deleted) == (
        "# Messages\n<ana> in Rust\n@ana changed “in Rust” to: in Go\n"
        "@ana deleted the message “in Go”"
    )


def test_what_was_said_before_comes_first_with_ours_marked() -> None:
    ben = p.Person(user_id="U0BEN")
    context = [
        p.ThreadMessage(ts="1", author=ANA, text="it breaks on tuesdays"),
        p.ThreadMessage(
            ts="2",
            author=ben,
            text="@ana look",
            for_us=False,
            files=[p.Attachment(file_id="F", name="log.txt", size_bytes=10)],
        ),
        p.ThreadMessage(ts="3", author=p.Person(user_id="U0BOT"), text="Done.", ours=True),
    ]
    expected = (
        "# Said in the thread before you were mentioned\n<ana> it breaks on tuesdays\n"
        "<U0BEN> (not to you) @ana look\n(attached log.txt, 10 bytes, not taken in)\n"
        "<you> Done.\n\n"
    )
    assert said(entry("fix it"), context=context).startswith(f"{expected}# Messages\n")
    [item] = for_worker([entry("fix it")], [], PLAN, STEP, context)
    assert item["content"][0]["text"].startswith(expected)


def test_a_long_thread_is_cut_at_its_old_end() -> None:
    context = [
        p.ThreadMessage(ts=str(n), author=ANA, text=f"{n} " + "x" * 1000) for n in range(100)
    ]
    text = said(entry("go"), context=context)
    assert "(earlier messages are left out)" in text
    assert "<ana> 99 x" in text
    assert "<ana> 1 x" not in text
    assert len(text) < CONTEXT_CHARACTERS + 200


def test_images_are_referred_to_where_they_are() -> None:
    taken = [
        p.TakenFile(name="a", path="inbox/a.PNG"),
        p.TakenFile(name="b", path="inbox/b.csv"),
        p.TakenFile(name="c.png", problem="It was deleted."),
    ]
    [item] = for_worker([entry("see", taken=taken)], [], PLAN, STEP)
    assert item["content"][1:] == [{"type": "input_image", "file": "inbox/a.PNG", "detail": "auto"}]
    [plain] = for_worker([entry("see")], [], PLAN, STEP)
    assert len(plain["content"]) == 1
