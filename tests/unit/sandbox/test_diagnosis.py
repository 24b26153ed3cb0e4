"""Why a sandbox did not start, in a sentence with its fix."""

import pytest

from sandbox.backends.local.diagnosis import explain
from sandbox.errors import Fatal, Retryable


@pytest.mark.parametrize(
    ("stderr", "advice"),
    [
        ("bwrap: No permissions to create new namespace, likely because…", "seccomp=unconfined"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths"),
        ("Creating new namespace failed: nesting depth or max_*_namespaces", "max_user_namespaces"),
        ("bwrap: setting up uid map: Permission denied", "AppArmor profile"),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "AppArmor profile"),
        ("bwrap: setting up uid map: Operation not permitted", "ordinary user"),
        ("bwrap: Unknown option --disable-userns", "0.8 or newer"),
    ],
)
def test_a_known_failure_is_explained_with_its_fix(stderr: str, advice: str) -> None:
    error = explain(stderr)

    assert isinstance(error, Fatal)
    assert advice in str(error)
    assert stderr.split(":")[0] in str(error)
    assert "\n" not in str(error)


def test_lack_of_processes_may_pass() -> None:
    assert isinstance(
        explain("Creating new namespace failed: Resource temporarily unavailable"), Retryable
    )


def test_an_unknown_failure_is_shown_shortened() -> None:
    error = explain("x" * 5000 + "\nthe reason")

    assert isinstance(error, Fatal)
    assert str(error).endswith("the reason")
    assert len(str(error)) < 500


def test_a_sandbox_that_was_killed_while_it_started_may_be_tried_again() -> None:
    assert isinstance(explain(""), Retryable)
