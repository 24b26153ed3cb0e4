"""The policy's reading of shell commands against bash itself.

Commands are composed from the shell's syntax and run by the real bash, where nothing but stubs can
be found. Whenever `git push` was really run, the policy must not have allowed it. Far more of them
than the suite has time for:

    POLICY_ORACLE=20000 .venv/bin/python -m pytest tests/unit/agent/test_policy_oracle.py
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from agent.policy import judge, load_policy
from tests.unit.agent.oracle.shell import Oracle
from tests.unit.agent.oracle.syntax import commands
from tests.unit.agent.policy_corpus import MISREAD, PUSHES_UNSEEN

POLICY = load_policy()
HOW_MANY = int(os.environ.get("POLICY_ORACLE", "400"))

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle.running() as running:
        yield running


def test_the_oracle_knows_a_push_from_what_only_looks_like_one(oracle: Oracle) -> None:
    assert oracle.pushes("git push")
    assert oracle.pushes("git -C . push & exit")
    assert not oracle.pushes("echo git push")
    assert not oracle.pushes("git commit -m push")
    assert not oracle.pushes("git -C push status")


def test_what_was_once_misread_runs_and_is_asked_about(oracle: Oracle) -> None:
    assert [command for command in MISREAD if not oracle.pushes(command)] == []
    assert [command for command in MISREAD if judge(POLICY, command).decision == "allow"] == []


def test_what_is_said_to_be_unseen_runs_and_is_not_seen(oracle: Oracle) -> None:
    assert [command for command in PUSHES_UNSEEN if not oracle.pushes(command)] == []
    said = {judge(POLICY, command).decision for command in PUSHES_UNSEEN}
    assert said == {"allow"}


@settings(max_examples=HOW_MANY)
@given(command=commands())
def test_what_runs_a_push_is_never_allowed(oracle: Oracle, command: str) -> None:
    if judge(POLICY, command).decision == "allow":
        assert not oracle.pushes(command)
