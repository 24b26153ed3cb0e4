"""Owns the errors a sandbox backend may raise. A command that fails or times out is a value, not
one of these."""


class SandboxError(Exception):
    """Base of everything this package raises; the message is one sentence a person can act on."""


class SandboxGone(SandboxError):
    """The sandbox does not exist any more. What it held is in its last snapshot."""


class SnapshotGone(SandboxError):
    """The snapshot asked for does not exist any more."""


class Fenced(SandboxError):
    """A write of work that was stopped. The sandbox belongs to newer work; drop the write."""


class FileProblem(SandboxError):
    """A path that cannot be used: outside the project, missing, not a regular file, or too
    large."""


class Retryable(SandboxError):
    """The backend could not be reached or was busy. The same call may work in a moment."""

    def __repr__(self) -> str:
        """What Restate makes the message of the last attempt, which people read."""
        return str(self)


class Fatal(SandboxError):
    """The backend cannot do this here, however often it is asked (setting, permission,
    platform)."""


class Unreachable(Fatal):
    """`Retryable` at every attempt. Whoever can wait for minutes may still ask again."""
