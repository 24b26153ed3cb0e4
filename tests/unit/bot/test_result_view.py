"""How the end of a task looks."""

import json
from typing import Any

from agent import protocol as p
from bot.views import render
from tests.unit.bot.shown import ANA, BEN, THREAD, buttons, kinds, texts
from tests.unit.bot.slack_rules import parsed_texts


def result(**more: Any) -> p.ResultBody:
    given_: dict[str, Any] = {
        "task": f"{THREAD.key}/1",
        "outcome": "done",
        "summary": "The CLI works.",
        "files": ["todo.py", "test_todo.py"],
        "checks": ["pytest -q: 12 passed"],
        "asked_by": [ANA, BEN],
        "seconds": 95.0,
        "usage": p.Usage(input=30_000, output=4_100, cost_usd=0.123),
        "model": "demo",
        "downloadable": True,
        "continue_hint": "Reply here to go on.",
    }
    return p.ResultBody(**(given_ | more))


def test_a_result_says_the_outcome_first_then_files_checks_and_what_it_took() -> None:
    message = render(result(), THREAD.key)
    said = list(parsed_texts(message.blocks))
    assert said[0] == "*Done.* The CLI works."
    assert said[1] == "*Files*\n`todo.py`, `test_todo.py`"
    assert said[2] == "*Checks*\n• pytest -q: 12 passed"
    assert said[3:] == [
        "Reply here to go on.",
        "Asked by ana, ben · 1 min 35 s · 34,100 tokens · $0.12 · demo",
    ]
    assert buttons(message) == [("Download project", THREAD.key)]
    assert kinds(message)[-1] == "context_actions"
    assert message.text == "Done. The CLI works."


def test_a_result_says_who_asked_what() -> None:
    one = [p.Asked(by=ANA, text="build a\nURL shortener <!here>")]
    said = list(parsed_texts(render(result(asked=one), THREAD.key).blocks))
    assert "Asked by ana: build a URL shortener &lt;!here&gt;" in said
    assert not any(line.startswith("Asked by ana, ben") for line in said)
    many = [p.Asked(by=(ANA, BEN)[n % 2], text=f"wish {n}") for n in range(9)]
    said = list(parsed_texts(render(result(asked=many), THREAD.key).blocks))
    assert (
        "Asked:\n• ana: wish 0\n• and 5 more\n• ana: wish 6\n• ben: wish 7\n• ana: wish 8"
    ) in said


def test_an_unknown_price_is_said_not_guessed() -> None:
    message = render(result(usage=p.Usage(input=1, output=1, cost_usd=None)), THREAD.key)
    assert "· price unknown ·" in json.dumps(message.blocks, ensure_ascii=False)


def test_a_result_offers_what_there_is_to_open_and_only_on_the_web() -> None:
    links = [
        p.Link(label="Pull request 12", url="https://github.com/a/b/pull/12"),
        p.Link(label="evil.com", url="https://x.example/"),
        p.Link(label="x", url="javascript:alert(1)"),
    ]
    said = texts(render(result(links=links), THREAD.key))
    assert (
        "*To open*\n• <https://github.com/a/b/pull/12|Pull request 12>\n• <https://x.example/>"
    ) in said


def test_a_known_part_of_a_price_is_told_beside_the_unknown_one() -> None:
    usage = p.Usage(input=1, output=1, cost_usd=None, known_usd=0.12)
    assert "$0.12 and calls of unknown price" in json.dumps(
        render(result(usage=usage), THREAD.key).blocks
    )


def test_an_answer_has_no_headline_and_no_download() -> None:
    body = result(outcome="answered", summary="42.", files=[], checks=[], downloadable=False)
    message = render(body, THREAD.key)
    assert message.text == "42."
    assert buttons(message) == []


def test_a_plain_answer_does_not_repeat_its_question() -> None:
    once = [p.Asked(by=ANA, text="what can you do?")]
    said = texts(render(result(outcome="answered", asked=once), THREAD.key))
    assert not any("what can you do?" in line for line in said)
    twice = [*once, p.Asked(by=BEN, text="and how?")]
    said = texts(render(result(outcome="answered", asked=twice), THREAD.key))
    assert "Asked:\n• ana: what can you do?\n• ben: and how?" in said
