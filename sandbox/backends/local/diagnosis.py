"""Owns what to tell people when bubblewrap does not start here: the cause and the fix."""

from sandbox.errors import Fatal, Retryable, SandboxError

KNOWN = (
    (
        ("No permissions to create new namespace", "No permissions to creating new namespace"),
        "user namespaces are refused here, as in a default container",
        "allow them (for Docker `--security-opt seccomp=unconfined "
        "--security-opt systempaths=unconfined`)",
    ),
    (
        ("Can't mount proc",),
        "this container masks /proc",
        "start it with `--security-opt systempaths=unconfined`",
    ),
    (
        ("(ENOSPC)", "max_*_namespaces"),
        "no more namespaces may be made",
        "raise the sysctl user.max_user_namespaces, or do not start it inside another sandbox",
    ),
    (
        ("setting up uid map: Permission denied", "Failed RTM_NEWADDR"),
        "AppArmor restricts user namespaces",
        "install bubblewrap from the distribution and an AppArmor profile "
        "`profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }`",
    ),
    (
        ("setting up uid map: Operation not permitted",),
        "this process lacks the right to map users",
        "run it as an ordinary user",
    ),
    (
        ("Unknown option",),
        "bubblewrap is too old",
        "install version 0.8 or newer",
    ),
    (
        ("ModuleNotFoundError", "ImportError"),
        "the Python below /usr lacks a part of its standard library",
        "install all of python3",
    ),
)
TRANSIENT = ("Resource temporarily unavailable", "Cannot allocate memory")
SHOWN_BYTES = 300


class CannotStart(Fatal):
    """Sandboxes do not start here, for a cause that is known."""

    def __init__(self, cause: str, fix: str, said: str) -> None:
        super().__init__(f"Sandboxes cannot start: {cause}: {fix}. ({said})")
        self.cause = cause
        self.fix = fix
        self.said = said


def explain(stderr: str) -> SandboxError:
    """The error for a sandbox that did not start; `stderr` is what bubblewrap or process 1 said."""
    said = " ".join(stderr.split())[-SHOWN_BYTES:]
    for needles, cause, fix in KNOWN:
        if any(needle in stderr for needle in needles):
            return CannotStart(cause, fix, said)
    if any(needle in stderr for needle in TRANSIENT):
        return Retryable(f"A sandbox did not start for lack of processes or memory: {said}")
    if not said:  # whoever cannot start says why; this one was killed, as a full machine does
        return Retryable("A sandbox was killed while it started.")
    return Fatal(f"Sandboxes cannot start on this machine: {said}")
