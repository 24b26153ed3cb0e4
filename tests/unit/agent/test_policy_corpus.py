"""What the default policy says to commands as people and models write them, and as they hide."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.policy import judge, load_policy
from agent.policy.rules import STRICTNESS
from agent.protocol import ApprovalPreset
from tests.unit.agent.ordinary_commands import ORDINARY
from tests.unit.agent.policy_corpus import CORPUS, EVERYDAY, HIDDEN, OPAQUE

POLICY = load_policy()
COMMANDS = [command for command, _, _ in CORPUS]
SIMPLE = ["ls -la", "git push", "git push -f", "rm -rf /", "printenv", "curl a.example", "cat .env"]
WRAPPED = [
    *("env {}", "env A=1 {}", "timeout 5 {}", "timeout -s KILL 5 {}", "nohup {}", "nice -n 5 {}"),
    *("time {}", "stdbuf -oL {}", "setsid {}", "exec {}", "command {}", "sudo {}", "xargs {}"),
    *("flock /tmp/l {}", "parallel {}", "watch {}", "unshare -r {}", "busybox {}", "strace -f {}"),
    *(
        "chroot / {}",
        "ssh host {}",
        "npx {}",
        "uv run {}",
        "find . -exec {} ;",
        "git bisect run {}",
    ),
]
"""Take the words of a command."""
QUOTED = [
    *("bash -c {}", "sh -lc {}", "eval {}", "trap {} EXIT", "alias x={}", "flock x -c {}"),
    *("watch {}", "script -c {}", "su -c {}", "ssh host {}", "env -S {}", "git rebase -x {}"),
    *(
        "parallel {}",
        "bash <<< {}",
        "find . -exec sh -c {} ;",
        "xargs sh -c {}",
        "git -c alias.x=!{}",
    ),
]
"""Take a command as one word."""
AROUND = [
    *("{}; ls", "ls; {}", "ls && {}", "{} && ls", "{} || ls", "ls | {}", "{} | cat", "echo $({})"),
    *("({})", "{{ {}; }}", "f() {{ {}; }}; f", "if true; then {}; fi", "while true; do {}; done"),
    *("x=$({})", 'echo "$({})"', "cat <(ls; {})", "{} &", "! {}", "bash <<'EOF'\n{}\nEOF"),
    *("! if true; then {}; fi", "time {{ {}; }}", "coproc {{ {}; }}", "coproc NAME {{ {}; }}"),
    *("! for x in 1; do {}; done", "time while true; do {}; done", "! function f {{ {}; }}"),
    *("! if false; then :; elif {}; then :; fi", "time if false; then :; else {}; fi", "! ! {}"),
    *("time -p -- {{ {}; }}", "! time until {}; do :; done", "coproc NAME {{ time {{ {}; }}; }}"),
]
"""Take the text of a command."""


def strictness(command: str) -> int:
    return STRICTNESS[judge(POLICY, command).decision]


@pytest.mark.parametrize(("command", "decision", "why"), CORPUS)
def test_the_default_policy_says(command: str, decision: str, why: str) -> None:
    assert judge(POLICY, command).decision == decision, why


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(CORPUS) >= 150
    assert len(HIDDEN) >= 60
    assert len(set(COMMANDS)) == len(CORPUS)


@pytest.mark.parametrize("command", OPAQUE)
def test_what_a_program_does_inside_is_not_seen(command: str) -> None:
    assert judge(POLICY, command).decision == "allow"


@given(st.sampled_from(SIMPLE), st.lists(st.sampled_from(WRAPPED), min_size=1, max_size=2))
def test_a_wrapper_never_loosens_the_verdict(command: str, wrappers: list[str]) -> None:
    wrapped = command
    for wrapper in wrappers:
        wrapped = wrapper.format(wrapped)
    assert strictness(wrapped) >= strictness(command), wrapped


@given(st.sampled_from([c for c in COMMANDS if "\n" not in c]), st.sampled_from(QUOTED))
def test_a_command_inside_a_word_is_judged_as_strictly(command: str, wrapper: str) -> None:
    wrapped = wrapper.format(shlex.quote(command))
    assert strictness(wrapped) >= strictness(command), wrapped


@given(st.sampled_from([c for c in COMMANDS if "<<" not in c]), st.sampled_from(AROUND))
def test_what_stands_around_a_command_never_loosens_the_verdict(command: str, around: str) -> None:
    joined = around.format(command.removesuffix("&").rstrip(" ;"))
    assert strictness(joined) >= strictness(command), joined


@given(st.sampled_from(COMMANDS), st.sampled_from(COMMANDS), st.sampled_from(["\n", "\n:\n"]))
def test_two_commands_are_as_strict_as_the_stricter(one: str, other: str, between: str) -> None:
    assert strictness(f"{one}{between}{other}") >= max(strictness(one), strictness(other))


@given(st.sampled_from(COMMANDS), st.text(alphabet="|&;<>(){}$`'\"\\ \n*[]#=!-ax", max_size=30))
def test_presets_are_ordered_whatever_follows_a_command(command: str, text: str) -> None:
    presets: tuple[ApprovalPreset, ...] = ("relaxed", "default", "strict")
    said = [STRICTNESS[judge(POLICY, command + text, one).decision] for one in presets]
    assert said == sorted(said)


def test_a_text_too_long_to_be_read_asks() -> None:
    assert judge(POLICY, "ls; " * 30_000).decision == "ask"
    assert judge(POLICY, "echo " + "a " * 40_000).decision == "ask"
    assert judge(POLICY, "f() { f & " * 900).decision == "ask"


def test_a_long_file_in_a_heredoc_is_data() -> None:
    body = "print('git push | sudo sh')\n" * 3000
    assert judge(POLICY, f"cat > a.py <<'EOF'\n{body}EOF").decision == "ask"  # more than 1000 pipes
    body = body.replace("|", "")
    assert judge(POLICY, f"cat > a.py <<'EOF'\n{body}EOF").decision == "allow"


def test_ordinary_commands_are_allowed() -> None:
    asked = [one for one in ORDINARY if judge(POLICY, one).decision != "allow"]
    assert asked == []
    assert len(ORDINARY) >= 150


def test_everyday_commands_name_no_rule() -> None:
    assert {command for command in EVERYDAY if judge(POLICY, command).hits} == set()


def test_a_host_that_the_sandbox_may_reach_is_not_asked_about() -> None:
    open_to = POLICY.model_copy(update={"egress_hosts": ["pypi.org", "*.example.com"]})
    said = {
        command: judge(open_to, command).decision
        for command in (
            "curl https://pypi.org/simple/",
            "curl -s https://api.example.com/a",
            "curl https://example.org",
            "curl https://pypi.org.example.org",
            "curl https://pypi.org https://example.org",
        )
    }
    assert list(said.values()) == ["allow", "allow", "ask", "ask", "ask"]


def test_more_folders_may_be_made_writable() -> None:
    assert judge(POLICY, "echo x > /data/a").decision == "ask"
    wider = POLICY.model_copy(update={"writable": ["/project", "/data"]})
    assert judge(wider, "echo x > /data/a").decision == "allow"
    assert judge(wider, "echo x > /database").decision == "ask"


def test_a_path_begins_where_the_command_does() -> None:
    assert judge(POLICY, "touch ../x", workdir="src").decision == "allow"
    assert judge(POLICY, "touch ../../x", workdir="src").decision == "ask"
    assert judge(POLICY, "rm -rf ..", workdir="src").hits == ["remove-project"]
