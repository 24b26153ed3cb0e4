"""Which commands need a person."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.policy import PolicyError, judge, load_policy

POLICY = load_policy()


@pytest.mark.parametrize(
    ("command", "decision"),
    [
        ("python3 -m unittest -v", "allow"),
        ("git commit -m 'git push'", "allow"),
        ("echo 'rm -rf /'", "allow"),
        ("cat > notes.md <<'EOF'\ngit push\nEOF", "allow"),
        ("git push origin main", "ask"),
        ("cd /project && git -c x=y push", "ask"),
        ("bash -c 'git push'", "ask"),
        ("eval git push", "ask"),
        ("env A=1 timeout 5 git push", "ask"),
        ("echo $(git push)", "ask"),
        ("for r in a b; do git push $r; done", "ask"),
        ("$TOOL push", "ask"),
        ('bash -c "$SCRIPT"', "ask"),
        ("if then fi (", "ask"),
        ("git push -f", "deny"),
        ("ls; rm -rf /", "deny"),
        ("true && git push && rm -rf /usr", "deny"),
    ],
)
def test_the_strictest_command_in_the_text_decides(command: str, decision: str) -> None:
    assert judge(POLICY, command).decision == decision


def test_a_verdict_says_why() -> None:
    assert judge(POLICY, "git clean -fdX").reason.startswith("throws away files")


def test_text_that_once_crashed_the_grammar_is_judged() -> None:
    assert judge(POLICY, "{\U000ac5e5_\U0002076c").decision in ("allow", "ask")
    assert judge(POLICY, "git push \U000ac5e5").decision == "ask"


@given(st.text())
def test_any_text_gets_a_verdict(text: str) -> None:
    assert judge(POLICY, text).decision in ("allow", "ask", "deny")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not toml =", "cannot be read"),
        ("version = 1\nrulez = []", "rulez"),
        (
            '[[rules]]\nid = "x"\ndecision = "ask"\nreason = "r"\nargv = ["ls"]\nmatch = ["cat"]',
            "Rule 'x' .* should match 'cat'",
        ),
    ],
)
def test_a_wrong_policy_file_is_named_with_its_problem(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(PolicyError, match=complaint):
        load_policy(file)
