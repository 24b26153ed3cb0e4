"""Which commands need a person."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.policy import DEFAULT_POLICY, Policy, PolicyError, Rule, judge, load_policy
from agent.protocol import ApprovalPreset

POLICY = load_policy()


def test_the_policy_that_is_shipped_bears_out_its_own_examples() -> None:
    load_policy(DEFAULT_POLICY)


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


@pytest.mark.parametrize(
    ("command", "relaxed", "default", "strict"),
    [
        ("git status", "allow", "allow", "allow"),
        ("timeout 9 python3 -m pytest -q 2>&1 | tail -3", "allow", "allow", "allow"),
        ("rm notes.txt", "allow", "allow", "ask"),
        ("cat a > b", "allow", "allow", "ask"),
        ("find . -name x -delete", "allow", "allow", "ask"),
        ("find . $HOW", "allow", "allow", "ask"),
        ("./ls", "allow", "allow", "ask"),
        ("LD_PRELOAD=./x.so ls", "allow", "ask", "ask"),
        ("git -c core.pager=./x log", "allow", "allow", "ask"),
        ("git reset --hard", "allow", "ask", "ask"),
        ("git push origin main", "ask", "ask", "ask"),
        ("sudo ls", "ask", "ask", "deny"),
        ("git push -f", "deny", "deny", "deny"),
        ("# nothing runs", "allow", "allow", "allow"),
    ],
)
def test_a_preset_asks_more_or_less(command: str, relaxed: str, default: str, strict: str) -> None:
    presets: tuple[ApprovalPreset, ...] = ("relaxed", "default", "strict")
    said = [judge(POLICY, command, preset).decision for preset in presets]
    assert said == [relaxed, default, strict]


@pytest.mark.parametrize(
    "command",
    [
        "bash -o pipefail -c 'git push'",
        "bash +x -c 'git push'",
        "timeout -s KILL 5 git push",
        "timeout --signal KILL 5 git push",
        "env -u X git push",
        "env -S 'git push'",
        "xargs -I {} git push {}",
        "coproc git push",
        "trap 'git push' EXIT",
        "find . -exec git push ;",
        "git pu\\\nsh origin",
        "git > /dev/null push",
        "git $WHAT",
        "git $(echo push)",
        "$(echo git) push",
        "$'git' push",
    ],
)
def test_a_command_is_not_hidden_by_how_it_is_written(command: str) -> None:
    assert judge(POLICY, command).decision == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "find . $(echo -delete)",
        "find . $'-delete'",
        "find . -{delete,print}",
        "echo -delete | xargs find .",
        "xargs -I ls rm ls",
        "$(echo rm) ls",
        "PATH=/tmp; ls",
        "for PATH in /tmp; do ls; done",
        "export 'PATH=/tmp'; ls",
        "export $(cat names); ls",
        "printf -v PATH /tmp; ls",
        "echo x > 1",
        "ls > /dev/null -R",
    ],
)
def test_strict_does_not_take_for_reading_what_only_looks_like_it(command: str) -> None:
    assert judge(POLICY, command).decision in ("allow", "ask")
    assert judge(POLICY, command, "strict").decision == "ask"


@pytest.mark.parametrize("command", ["bash -c", "sh -c", "bash -o", "eval", "xargs -I", "nice -n"])
def test_half_a_command_is_judged_too(command: str) -> None:
    assert judge(POLICY, command).decision == "allow"


WORDS = [
    "bash",
    "env",
    "xargs",
    "find",
    "git",
    "trap",
    "-c",
    "-o",
    "-I",
    "-u",
    "-exec",
    ";",
    "'x y'",
]


@given(st.lists(st.sampled_from([*WORDS, "$X", "$(ls)", "{a,b}", ">", "--", "A=1"]), max_size=8))
def test_any_command_line_gets_a_verdict(words: list[str]) -> None:
    assert judge(POLICY, " ".join(words)).decision in ("allow", "ask", "deny")


def test_under_strict_the_card_says_that_approvals_are_strict() -> None:
    assert "approvals are strict here" in judge(POLICY, "rm notes.txt", "strict").reason


def test_one_command_that_is_named_does_not_cover_another() -> None:
    rule = Rule(id="ls", decision="allow", reason="lists", argv=["ls"])
    policy = Policy(default="ask", rules=[rule])
    assert judge(policy, "ls").decision == "allow"
    assert judge(policy, "ls; make").decision == "ask"


def test_four_eyes_are_wanted_only_when_a_rule_that_wants_them_asks() -> None:
    ship = Rule(id="ship", decision="ask", four_eyes=True, reason="ships", argv=["ship"])
    push = Rule(id="push", decision="ask", reason="pushes", argv=["push"])
    stop = Rule(id="stop", decision="deny", reason="stops", argv=["stop"])
    policy = Policy(rules=[ship, push, stop])
    wanted = {text: judge(policy, text).four_eyes for text in ("push", "ship", "push; ship")}
    assert wanted == {"push": False, "ship": True, "push; ship": True}
    assert not judge(policy, "ship; stop").four_eyes


def test_a_loaded_policy_carries_no_examples_into_journals() -> None:
    assert POLICY.examples == []
    assert not any(rule.match or rule.not_match for rule in POLICY.rules)
    assert not any(entry.match or entry.not_match for entry in POLICY.read_only)


def test_text_that_once_crashed_the_grammar_is_judged() -> None:
    assert judge(POLICY, "{\U000ac5e5_\U0002076c").decision in ("allow", "ask")
    assert judge(POLICY, "git push \U000ac5e5").decision == "ask"


@given(st.text())
def test_any_text_gets_a_verdict_and_a_stricter_preset_never_a_looser_one(text: str) -> None:
    orders = {"allow": 0, "ask": 1, "deny": 2}
    said = [orders[judge(POLICY, text, x).decision] for x in ("relaxed", "default", "strict")]
    assert said == sorted(said)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not toml =", "cannot be read"),
        ("version = 1\nrulez = []", "rulez"),
        (
            '[[rules]]\nid = "x"\ndecision = "ask"\nreason = "r"\nargv = ["ls"]\nmatch = ["cat"]',
            "wrong: rule 'x' should match 'cat'",
        ),
        (
            '[[read_only]]\nargv = ["find"]\nnot_match = ["find . -delete"]',
            r"read_only \['find'\] should not match 'find . -delete'",
        ),
        (
            'default = "ask"\n[[examples]]\npreset = "relaxed"\nallow = ["ls"]',
            "under 'relaxed' it says ask, not allow, to 'ls'",
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
