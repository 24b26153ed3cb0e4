"""What the fake refuses. Requests go past the SDK here, which refuses most of it by itself."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import modal
import pytest
from grpclib import GRPCError, Status
from grpclib.client import Channel
from modal.exception import AuthError, ResourceExhaustedError
from modal_proto import api_pb2
from modal_proto import task_command_router_pb2 as router_pb2
from modal_proto.api_grpc import ModalClientStub
from modal_proto.task_command_router_grpc import TaskCommandRouterStub

from tests.fakes.modal import Fake, Wishes
from tests.integration.modal_fake.conftest import User, new_user, run

NewFake = Callable[[Wishes], Coroutine[Any, Any, Fake]]
Access = api_pb2.NetworkAccess
PORTS = api_pb2.PortSpecs(ports=[api_pb2.PortSpec(port=80)])
ACCOUNT = {"x-modal-token-id": "ak", "x-modal-token-secret": "as"}


@pytest.fixture
async def channel(fake: Fake) -> AsyncIterator[Channel]:
    channel = Channel("127.0.0.1", int(fake.url.rpartition(":")[2]))
    yield channel
    channel.close()


async def create(
    channel: Channel, tags: dict[str, str] | None = None, **definition: Any
) -> api_pb2.SandboxCreateV2Response:
    stub = ModalClientStub(channel)
    token = (await stub.AuthTokenGet(api_pb2.AuthTokenGetRequest(), metadata=ACCOUNT)).token
    app = await stub.AppGetOrCreate(
        api_pb2.AppGetOrCreateRequest(
            app_name="raw", object_creation_type=api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
        ),
        metadata=ACCOUNT,
    )
    image = await stub.ImageGetOrCreate(api_pb2.ImageGetOrCreateRequest(), metadata=ACCOUNT)
    given = {"timeout_secs": 60, "image_id": image.image_id, **definition}
    request = api_pb2.SandboxCreateV2Request(
        app_id=app.app_id,
        definition=api_pb2.Sandbox(**given),
        tags=[api_pb2.SandboxTag(tag_name=k, tag_value=v) for k, v in (tags or {}).items()],
    )
    created: api_pb2.SandboxCreateV2Response = await stub.SandboxCreateV2(
        request, metadata={**ACCOUNT, "x-modal-auth-token": token}
    )
    return created


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "with space"},
        {"name": "x" * 65},
        {"name": "ap-0123456789abcdefghijAB"},
        {"timeout_secs": 0},
        {"timeout_secs": 86401},
        {"workdir": "project"},
        {"entrypoint_args": ["x" * 40000, "y" * 30000]},
        {"network_access": Access(network_access_type=Access.BLOCKED), "open_ports": PORTS},
        {"network_access": Access(network_access_type=Access.OPEN, allowed_cidrs=["10.0.0.0/8"])},
        {"network_access": Access(network_access_type=Access.ALLOWLIST, allowed_cidrs=["10.0/99"])},
        {"network_access": Access(network_access_type=Access.ALLOWLIST, allowed_domains=["a b"])},
        {"inbound_cidr_allowlist": ["nowhere"]},
        {"open_ports": api_pb2.PortSpecs(ports=[api_pb2.PortSpec(port=70000)])},
        {"tags": {"owner": "two words"}},
        {"tags": {"owner": "x" * 64}},
    ],
)
async def test_a_request_against_the_rules_is_refused_and_starts_nothing(
    channel: Channel, fake: Fake, definition: dict[str, Any]
) -> None:
    with pytest.raises(GRPCError) as refused:
        await create(channel, **definition)
    assert refused.value.status is Status.INVALID_ARGUMENT
    assert fake.running() == []


async def test_arguments_of_one_exec_may_be_64_kib_in_all(channel: Channel) -> None:
    sandbox = await create(channel)
    metadata = {"authorization": f"Bearer {sandbox.command_router_access.jwt}"}
    router = TaskCommandRouterStub(channel)

    def request(length: int) -> router_pb2.TaskExecStartRequest:
        return router_pb2.TaskExecStartRequest(
            task_id=sandbox.task_id, exec_id=f"e{length}", command_args=["true", "x" * length]
        )

    await router.TaskExecStart(request((1 << 16) - 4), metadata=metadata)
    with pytest.raises(GRPCError) as refused:
        await router.TaskExecStart(request((1 << 16) - 3), metadata=metadata)
    assert refused.value.status is Status.INVALID_ARGUMENT


async def test_a_router_token_opens_its_own_sandbox_only(channel: Channel, fake: Fake) -> None:
    one, two = await create(channel), await create(channel)
    router = TaskCommandRouterStub(channel)
    request = router_pb2.TaskExecStartRequest(
        task_id=one.task_id, exec_id="e", command_args=["true"]
    )
    for token in ("Basic x", "Bearer forged", f"Bearer {two.command_router_access.jwt}"):
        with pytest.raises(GRPCError) as refused:
            await router.TaskExecStart(request, metadata={"authorization": token})
        assert refused.value.status is Status.UNAUTHENTICATED
    await router.TaskExecStart(
        request, metadata={"authorization": f"Bearer {one.command_router_access.jwt}"}
    )


async def test_calls_of_the_second_kind_need_the_short_lived_token(channel: Channel) -> None:
    with pytest.raises(GRPCError) as refused:
        await ModalClientStub(channel).SandboxListV2(
            api_pb2.SandboxListRequest(), metadata={**ACCOUNT, "x-modal-auth-token": "a.b.c"}
        )
    assert refused.value.status is Status.UNAUTHENTICATED


async def test_unknown_rpcs_are_unimplemented_and_listed(channel: Channel, fake: Fake) -> None:
    with pytest.raises(GRPCError) as refused:
        await ModalClientStub(channel).VolumeList(api_pb2.VolumeListRequest(), metadata=ACCOUNT)
    assert refused.value.status is Status.UNIMPLEMENTED
    assert fake.unknown == ["VolumeList"]


async def test_stdin_is_written_once_whatever_is_repeated(channel: Channel) -> None:
    sandbox = await create(channel)
    router = TaskCommandRouterStub(channel)
    metadata = {"authorization": f"Bearer {sandbox.command_router_access.jwt}"}
    named: dict[str, Any] = {"task_id": sandbox.task_id, "exec_id": "e"}
    start = router_pb2.TaskExecStartRequest(
        **named,
        command_args=["cat"],
        stdout_config=router_pb2.TASK_EXEC_STDOUT_CONFIG_PIPE,
    )
    for _ in range(2):
        await router.TaskExecStart(start, metadata=metadata)
    for offset, data, eof in [(0, b"one ", False), (0, b"one two ", False), (8, b"three", True)]:
        await router.TaskExecStdinWrite(
            router_pb2.TaskExecStdinWriteRequest(**named, offset=offset, data=data, eof=eof),
            metadata=metadata,
        )
    read = router_pb2.TaskExecStdioReadRequest(
        **named, offset=4, file_descriptor=router_pb2.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDOUT
    )
    replies = await router.TaskExecStdioRead(read, metadata=metadata)
    assert b"".join(reply.data for reply in replies) == b"two three"


async def test_only_the_accounts_token_pair_is_accepted(
    fakes: NewFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = await fakes(Wishes(token=("ak-right", "as-right")))
    user = await new_user(fake, monkeypatch)
    await user.create()
    wrong = await modal.Client.from_credentials.aio("ak-right", "as-wrong")
    with pytest.raises(AuthError):
        await modal.App.lookup.aio("boxes", create_if_missing=True, client=wrong)
    await wrong.close.aio()
    await user.client.close.aio()


async def test_creations_beyond_the_rate_are_refused_and_the_names_stay_free(
    fakes: NewFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = await fakes(Wishes(creation_burst=2, creations_per_second=0.01))
    user = await new_user(fake, monkeypatch)
    for name in ("one", "two"):
        await user.create(name=name)
    with pytest.raises(ResourceExhaustedError, match="too fast"):
        await user.create(name="three")
    assert [sandbox.name for sandbox in fake.running()] == ["one", "two"]
    await user.client.close.aio()


async def test_an_account_runs_so_many_sandboxes_at_once(
    fakes: NewFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = await fakes(Wishes(max_running=1))
    user = await new_user(fake, monkeypatch)
    first = await user.create()
    with pytest.raises(ResourceExhaustedError, match="as many"):
        await user.create()
    await first.terminate.aio()
    await user.create()
    await user.client.close.aio()


async def test_apps_are_made_only_when_asked_for(user: User) -> None:
    with pytest.raises(modal.exception.NotFoundError):
        await modal.App.lookup.aio("nothing", client=user.client)


async def test_secrets_reach_commands_and_are_not_in_a_snapshot(user: User) -> None:
    secret = modal.Secret.from_dict({"KEY": "hidden"})
    sandbox = await user.create(secrets=[secret])
    assert await run(sandbox, "echo $KEY") == (0, b"hidden\n")
    image = await sandbox.snapshot_filesystem.aio(timeout=50, ttl=60)
    restored = await user.create(image=user.snapshot(image.object_id))
    assert await run(restored, "echo $KEY $COLOUR") == (0, b"deep red\n")


async def test_an_outbound_policy_can_be_replaced_only_by_one_of_its_kind(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create(outbound_domain_allowlist=["host.org"])
    await sandbox._experimental_set_outbound_network_policy.aio(
        outbound_domain_allowlist=["*.io.net"]
    )
    policy = fake.sandbox(sandbox.object_id).definition.network_access
    assert list(policy.allowed_domains) == ["*.io.net"]
    with pytest.raises(modal.exception.ConflictError):
        await sandbox._experimental_set_outbound_network_policy.aio()
    blocked = await user.create(block_network=True)
    with pytest.raises(modal.exception.ConflictError):
        await blocked._experimental_set_outbound_network_policy.aio(outbound_cidr_allowlist=[])
