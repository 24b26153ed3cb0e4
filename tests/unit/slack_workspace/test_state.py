"""The workspace's data: timestamps, threads, who sees what, and what passes with time."""

from local.slack.seed import seeded_state
from local.slack.shapes import message_json, sessions_json
from local.slack.state import AgentSession, Message, State, StatusLine


def said(state: State, text: str, thread_ts: str | None = None) -> Message:
    message = Message("C0BUILD", state.next_ts(), "U0ANA", text, thread_ts)
    state.add(message)
    return message


def test_timestamps_never_repeat_and_always_grow() -> None:
    state = seeded_state()
    given = [state.next_ts() for _ in range(2000)]
    assert len(set(given)) == 2000
    assert sorted(given, key=float) == given
    assert all(len(ts) == 17 and ts[10] == "." for ts in given)


def test_a_root_counts_the_replies_everybody_sees() -> None:
    state = seeded_state()
    root = said(state, "root")
    first, last = said(state, "one", root.ts), said(state, "two", root.ts)
    state.add(Message("C0BUILD", state.next_ts(), "U0BOT", "psst", root.ts, visible_to="U0ANA"))
    shown = message_json(state, root, "http://x", metadata=False)
    assert (shown["thread_ts"], shown["reply_count"], shown["latest_reply"]) == (
        root.ts,
        2,
        last.ts,
    )
    state.remove(last)
    shown = message_json(state, root, "http://x", metadata=False)
    assert (shown["reply_count"], shown["latest_reply"]) == (1, first.ts)


def test_public_channels_are_open_to_colleagues_but_not_to_guests() -> None:
    state = seeded_state()
    quiet, direct = state.channels["C0QUIET"], state.channels["D0ANA"]
    assert state.can_see("U0BEN", quiet)
    assert not state.can_see("U0OTTO", quiet)
    assert not state.can_see("U0BEN", direct)


def test_a_session_left_processing_for_an_hour_clears_itself() -> None:
    state = seeded_state()
    session = AgentSession("C0BUILD", "1.0", "processing", since=1000.0)
    assert state.session_status(session, 1000.0 + 3599) == "processing"
    assert state.session_status(session, 1000.0 + 3601) == "active"


def test_a_status_line_fades() -> None:
    state = seeded_state()
    state.status_lines["C0BUILD", "1.0"] = StatusLine("is thinking…", until=120.0)
    assert [one["text"] for one in sessions_json(state, 119.0)] == ["is thinking…"]
    assert sessions_json(state, 121.0) == []
