"""What `python -m agent policy` prints."""

from pathlib import Path

import pytest

from agent.policy.cli import run


def test_it_says_the_verdict_and_its_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ls", "git push"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "allow ls",
        "ask   git push [git-push]: it publishes work outside the sandbox",
    ]
    assert run(["ls"]) == 0
    assert run(["--preset", "strict", "rm a"]) == 1


def test_a_wrong_file_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('[[rules]]\nid = "x"')
    assert run(["--file", str(tmp_path / "p.toml")]) == 2
    assert "is wrong at rules.0" in capsys.readouterr().err


def test_without_a_command_it_checks_the_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "all their examples hold" in capsys.readouterr().out
