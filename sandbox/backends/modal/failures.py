"""Owns what goes wrong between Modal and us: a deadline around every call, and the table that turns
the SDK's errors into ours.

The order of the table matters: `ConflictError` is an `InvalidError`, and Modal's `TimeoutError` and
`ConnectionError` are not Python's.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from grpclib.exceptions import GRPCError, StreamTerminatedError
from modal import exception

from sandbox.errors import Fatal, Retryable, SandboxError, SandboxGone

SHOWN_CHARACTERS = 200
LOGIN = re.compile(r"//[^/@\s]+@")


@asynccontextmanager
async def deadline(purpose: str, seconds: float) -> AsyncIterator[None]:
    """Bound the calls inside; `purpose` completes "Modal did not …".

    Raises:
        SandboxGone: the thing the call was about does not exist any more.
        Retryable: nobody answered, or not now.
        Fatal: the same call will fail again.
        AlreadyExistsError: as the SDK raised it; only a create has to expect it.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except exception.AlreadyExistsError:
        raise
    except TimeoutError as error:
        raise Retryable(f"Modal did not {purpose} within {seconds:.0f} s.") from error
    except (exception.Error, GRPCError, StreamTerminatedError, OSError) as error:
        raise translated(error, purpose) from error


def translated(error: Exception, purpose: str) -> SandboxError:
    told = _told(error)
    match error:
        case exception.NotFoundError() | exception.ConflictError():
            return SandboxGone(f"Modal did not {purpose}: it has ended or was deleted{told}.")
        case exception.AuthError():
            return Fatal(
                "Modal refuses the token: set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET to a valid one "
                f"(modal.com, Settings, API tokens){told}."
            )
        case exception.PermissionDeniedError():
            return Fatal(f"Modal's token does not allow to {purpose}{told}.")
        case (
            exception.InvalidError()
            | exception.UnimplementedError()
            | exception.DataLossError()
            | exception.VersionError()
            | exception.RequestSizeError()
            | exception.RemoteError()
        ):
            return Fatal(f"Modal refused to {purpose}{told}.")
        case exception.ResourceExhaustedError():
            return Retryable(f"Modal is busy or at a limit and did not {purpose}{told}.")
        case _:
            return Retryable(f"Modal could not be reached to {purpose}{told}.")


def _told(error: Exception) -> str:
    """What the SDK says, as the end of a sentence; one line, and never a login of a URL."""
    text = LOGIN.sub("//", " ".join(str(error).split()))[:SHOWN_CHARACTERS].rstrip(". ")
    return f" ({text})" if text else ""
