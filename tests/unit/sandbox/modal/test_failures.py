"""How the errors of Modal's SDK become ours."""

import asyncio

import pytest
from modal import exception

from sandbox.backends.modal.failures import deadline
from sandbox.errors import Fatal, Retryable, SandboxError, SandboxGone


@pytest.mark.parametrize(
    ("raised", "meant"),
    [
        (exception.NotFoundError("x"), SandboxGone),
        (exception.ConflictError("x"), SandboxGone),
        (exception.InvalidError("x"), Fatal),
        (exception.AuthError("x"), Fatal),
        (exception.PermissionDeniedError("x"), Fatal),
        (exception.UnimplementedError("x"), Fatal),
        (exception.DataLossError("x"), Fatal),
        (exception.ImageBuildError("x", image_id="im-1"), Fatal),
        (exception.ServiceError("x"), Retryable),
        (exception.InternalError("x"), Retryable),
        (exception.InternalFailure("x"), Retryable),
        (exception.ConnectionError("x"), Retryable),
        (exception.ResourceExhaustedError("x"), Retryable),
        (exception.TimeoutError("x"), Retryable),
        (exception.ExecTimeoutError("x"), Retryable),
        (exception.ClientClosed(1), Retryable),
        (OSError("x"), Retryable),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_every_error_of_the_sdk_has_its_meaning(
    raised: Exception, meant: type[SandboxError]
) -> None:
    with pytest.raises(meant, match=r"^Modal.* do the thing|token.*MODAL_TOKEN_ID") as caught:
        async with deadline("do the thing", 5):
            raise raised
    assert str(caught.value).endswith(".")


async def test_an_existing_name_is_left_to_whoever_creates() -> None:
    with pytest.raises(exception.AlreadyExistsError):
        async with deadline("start a sandbox", 5):
            raise exception.AlreadyExistsError("taken")


async def test_a_call_that_hangs_ends_at_its_deadline() -> None:
    with pytest.raises(Retryable, match=r"did not answer within 0 s"):
        async with deadline("answer", 0.01):
            await asyncio.Event().wait()


async def test_a_cancel_passes_through() -> None:
    async def hang() -> None:
        async with deadline("answer", 5):
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_login_in_an_url_is_not_told() -> None:
    with pytest.raises(Retryable) as caught:
        async with deadline("answer", 5):
            raise exception.ConnectionError("no route to https://me:secret@proxy:80/x\nmore")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
