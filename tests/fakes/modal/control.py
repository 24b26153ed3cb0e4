"""Owns the client API: start-up, apps, images, secrets, and the life of sandboxes."""

# ruff: noqa: N802  # methods are named like the RPCs they answer
from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from typing import Any

from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]  # it has no stubs
from grpclib import Status
from modal_proto import api_pb2

from tests.fakes.modal import rules
from tests.fakes.modal.account import Account
from tests.fakes.modal.dispatch import Metadata
from tests.fakes.modal.faults import refusal
from tests.fakes.modal.sandbox import Sandbox

IMAGE_BUILDER = "2025.06"
SUCCESS = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
PAGE = 50


class Control:
    def __init__(self, account: Account, url: str) -> None:
        self._account = account
        self._url = url
        self._created: dict[str, asyncio.Future[Sandbox]] = {}
        """By idempotency key: a repeat of a creation gets what the first one made."""

    async def ClientHello(self, _: Empty, metadata: Metadata) -> api_pb2.ClientHelloResponse:
        self._account.tokens.check_account(metadata)
        return api_pb2.ClientHelloResponse(image_builder_version=IMAGE_BUILDER)

    async def AuthTokenGet(self, _: Any, metadata: Metadata) -> api_pb2.AuthTokenGetResponse:
        self._account.tokens.check_account(metadata)
        return api_pb2.AuthTokenGetResponse(token=self._account.tokens.auth())

    async def EnvironmentGetOrCreate(
        self, request: api_pb2.EnvironmentGetOrCreateRequest, metadata: Metadata
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        self._account.tokens.check_account(metadata)
        settings = api_pb2.EnvironmentSettings(image_builder_version=IMAGE_BUILDER)
        name = request.deployment_name or "main"
        return api_pb2.EnvironmentGetOrCreateResponse(
            environment_id="en-1",
            metadata=api_pb2.EnvironmentMetadata(name=name, settings=settings),
        )

    async def AppGetOrCreate(
        self, request: api_pb2.AppGetOrCreateRequest, metadata: Metadata
    ) -> api_pb2.AppGetOrCreateResponse:
        self._account.tokens.check_account(metadata)
        rules.check_name(request.app_name)
        apps = self._account.apps
        if request.app_name not in apps:
            if request.object_creation_type != api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING:
                raise refusal(Status.NOT_FOUND, f"App {request.app_name} not found")
            apps[request.app_name] = f"ap-{secrets.token_hex(11)}"
        return api_pb2.AppGetOrCreateResponse(app_id=apps[request.app_name])

    async def ImageGetOrCreate(
        self, request: api_pb2.ImageGetOrCreateRequest, metadata: Metadata
    ) -> api_pb2.ImageGetOrCreateResponse:
        self._account.tokens.check_account(metadata)
        image_id = self._account.images.build(request.image)
        return api_pb2.ImageGetOrCreateResponse(
            image_id=image_id, result=SUCCESS, metadata=api_pb2.ImageMetadata()
        )

    async def ImageFromId(
        self, request: api_pb2.ImageFromIdRequest, metadata: Metadata
    ) -> api_pb2.ImageFromIdResponse:
        self._account.tokens.check_account(metadata)
        self._account.images.find(request.image_id)
        return api_pb2.ImageFromIdResponse(
            image_id=request.image_id, metadata=api_pb2.ImageMetadata()
        )

    async def ImageDelete(self, request: api_pb2.ImageDeleteRequest, metadata: Metadata) -> Empty:
        self._account.tokens.check_account(metadata)
        await self._account.images.delete(request.image_id)
        return Empty()

    async def SecretGetOrCreate(
        self, request: api_pb2.SecretGetOrCreateRequest, metadata: Metadata
    ) -> api_pb2.SecretGetOrCreateResponse:
        self._account.tokens.check_account(metadata)
        if request.object_creation_type != api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL:
            raise refusal(Status.UNIMPLEMENTED, "The fake has no named secrets")
        secret_id = f"st-{secrets.token_hex(11)}"
        self._account.secrets[secret_id] = dict(request.env_dict)
        return api_pb2.SecretGetOrCreateResponse(secret_id=secret_id)

    async def SandboxCreateV2(
        self, request: api_pb2.SandboxCreateV2Request, metadata: Metadata
    ) -> api_pb2.SandboxCreateV2Response:
        self._check(metadata)
        key = metadata.get("x-idempotency-key", "")
        known = self._created.get(key)
        if known is None:
            known = asyncio.ensure_future(self._account.create(request))
            if key:
                self._created[key] = known
                known.add_done_callback(lambda done: self._forget_failure(key, done))
        # Creation goes on when the caller hangs up: a lost answer is not a lost sandbox.
        sandbox = await asyncio.shield(known)
        return api_pb2.SandboxCreateV2Response(
            sandbox_id=sandbox.sandbox_id,
            task_id=sandbox.task_id,
            metadata=_handle(sandbox),
            tunnels=_tunnels(sandbox, unencrypted_too=False),
            command_router_access=api_pb2.CommandRouterAccess(
                url=self._url, jwt=self._account.tokens.router(sandbox.task_id)
            ),
        )

    def _forget_failure(self, key: str, done: asyncio.Future[Sandbox]) -> None:
        if done.cancelled() or done.exception() is not None:
            del self._created[key]

    async def SandboxGetFromNameV2(
        self, request: api_pb2.SandboxGetFromNameRequest, metadata: Metadata
    ) -> api_pb2.SandboxGetFromNameResponse:
        self._check(metadata)
        app_id = self._account.apps.get(request.app_name, "")
        sandbox = self._account.named(app_id, request.sandbox_name, request.include_terminated)
        if sandbox is None:
            raise refusal(Status.NOT_FOUND, f"No sandbox {request.sandbox_name} runs")
        return api_pb2.SandboxGetFromNameResponse(
            sandbox_id=sandbox.sandbox_id, metadata=_handle(sandbox)
        )

    async def SandboxGetFromName(
        self, request: api_pb2.SandboxGetFromNameRequest, metadata: Metadata
    ) -> api_pb2.SandboxGetFromNameResponse:
        """Sandboxes of the first kind, which the SDK asks for too; there are none."""
        self._account.tokens.check_account(metadata)
        raise refusal(Status.NOT_FOUND, f"No sandbox {request.sandbox_name} runs")

    async def SandboxWaitV2(
        self, request: api_pb2.SandboxWaitRequest, metadata: Metadata
    ) -> api_pb2.SandboxWaitResponse:
        self._check(metadata)
        sandbox = self._account.find(request.sandbox_id)
        if sandbox.result is None and request.timeout > 0:
            try:
                async with asyncio.timeout(request.timeout):
                    await sandbox.ended.wait()
            except TimeoutError:
                pass  # it still runs: the answer says so
        return api_pb2.SandboxWaitResponse(result=sandbox.result, metadata=_handle(sandbox))

    async def SandboxTerminateV2(
        self, request: api_pb2.SandboxTerminateRequest, metadata: Metadata
    ) -> api_pb2.SandboxTerminateResponse:
        self._check(metadata)
        sandbox = self._account.find(request.sandbox_id)
        before = sandbox.result
        await self._account.terminate(sandbox)
        return api_pb2.SandboxTerminateResponse(existing_result=before)

    async def SandboxListV2(
        self, request: api_pb2.SandboxListRequest, metadata: Metadata
    ) -> api_pb2.SandboxListResponse:
        self._check(metadata)
        wanted = {tag.tag_name: tag.tag_value for tag in request.tags}
        before = request.before_timestamp or float("inf")
        found = [
            sandbox
            for sandbox in self._account.running(request.app_id or None)
            if wanted.items() <= sandbox.tags.items() and sandbox.created_at < before
        ]
        found.sort(key=lambda sandbox: sandbox.created_at, reverse=True)
        return api_pb2.SandboxListResponse(sandboxes=[_info(sandbox) for sandbox in found[:PAGE]])

    async def SandboxTagsGetV2(
        self, request: api_pb2.SandboxTagsGetRequest, metadata: Metadata
    ) -> api_pb2.SandboxTagsGetResponse:
        self._check(metadata)
        sandbox = self._account.find(request.sandbox_id)
        return api_pb2.SandboxTagsGetResponse(tags=_tags(sandbox))

    async def SandboxTagsSetV2(
        self, request: api_pb2.SandboxTagsSetRequest, metadata: Metadata
    ) -> Empty:
        self._check(metadata)
        sandbox = self._account.find(request.sandbox_id)
        sandbox.tags = rules.check_tags(request.tags)
        return Empty()

    async def SandboxGetTunnelsV2(
        self, request: api_pb2.SandboxGetTunnelsRequest, metadata: Metadata
    ) -> api_pb2.SandboxGetTunnelsResponse:
        self._check(metadata)
        sandbox = self._account.find(request.sandbox_id)
        await sandbox.settled.wait()
        if sandbox.result is not None:
            raise refusal(Status.NOT_FOUND, f"Sandbox {request.sandbox_id} has ended")
        return api_pb2.SandboxGetTunnelsResponse(
            result=SUCCESS, tunnels=_tunnels(sandbox, unencrypted_too=True)
        )

    async def SandboxGetTaskIdV2(
        self, request: api_pb2.SandboxGetTaskIdRequest, metadata: Metadata
    ) -> api_pb2.SandboxGetTaskIdResponse:
        self._check(metadata)
        sandbox = self._account.find(request.sandbox_id)
        await sandbox.settled.wait()
        if sandbox.result is not None:
            raise refusal(Status.FAILED_PRECONDITION, "Sandbox already finished")
        return api_pb2.SandboxGetTaskIdResponse(task_id=sandbox.task_id)

    async def SandboxGetCommandRouterAccess(
        self, request: api_pb2.SandboxGetCommandRouterAccessRequest, metadata: Metadata
    ) -> api_pb2.SandboxGetCommandRouterAccessResponse:
        self._check(metadata)
        account = self._account
        sandbox = (
            account.find(request.sandbox_id)
            if request.sandbox_id
            else account.find_task(request.task_id)
        )
        if sandbox.result is not None:
            raise refusal(Status.NOT_FOUND, "Sandbox already finished")
        return api_pb2.SandboxGetCommandRouterAccessResponse(
            url=self._url, jwt=account.tokens.router(sandbox.task_id)
        )

    def _check(self, metadata: Metadata) -> None:
        self._account.tokens.check_account(metadata)
        self._account.tokens.check_auth(metadata)


def _handle(sandbox: Sandbox) -> api_pb2.SandboxHandleMetadata:
    return api_pb2.SandboxHandleMetadata(result=sandbox.result, app_id=sandbox.app_id)


def _tags(sandbox: Sandbox) -> list[api_pb2.SandboxTag]:
    return [api_pb2.SandboxTag(tag_name=k, tag_value=v) for k, v in sandbox.tags.items()]


def _info(sandbox: Sandbox) -> api_pb2.SandboxInfo:
    return api_pb2.SandboxInfo(
        id=sandbox.sandbox_id,
        created_at=sandbox.created_at,
        task_info=api_pb2.TaskInfo(id=sandbox.task_id, started_at=sandbox.created_at),
        app_id=sandbox.app_id,
        tags=_tags(sandbox),
        name=sandbox.name,
        image_id=sandbox.definition.image_id,
        timeout_secs=sandbox.definition.timeout_secs,
        idle_timeout_secs=sandbox.definition.idle_timeout_secs,
        metadata=_handle(sandbox),
    )


def _tunnels(sandbox: Sandbox, unencrypted_too: bool) -> Iterable[api_pb2.TunnelData]:
    for port, tunnel in sandbox.tunnels.items():
        host, outside = tunnel.address
        if not tunnel.unencrypted:
            yield api_pb2.TunnelData(host=host, port=outside, container_port=port)
        elif unencrypted_too:
            yield api_pb2.TunnelData(
                host=host,
                port=outside,
                unencrypted_host=host,
                unencrypted_port=outside,
                container_port=port,
            )
