"""Owns that Restate's calls reach a living process where several serve the same handlers.

Restate sends new calls to the address that registered last, also when nothing listens there any
more, and what a process had begun waits for that process. So each of them looks after the others:
when the newest address is dead it registers itself, and it takes over what a dead one had begun.
With one address before all of them there is nothing to look after.
"""

import asyncio
import logging
from collections import defaultdict
from typing import Any

import aiohttp

from agent.endpoint import register

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""For each answer."""
DEAD_AFTER_LOOKS = 2
"""In a row: a process that is only being restarted is back by then."""
_BACKING_OFF = (
    "select id, last_attempt_deployment_id as deployment from sys_invocation_state "
    "where retry_count > 0 and not in_flight and last_attempt_deployment_id is not null"
)
"""Kept in the engine's memory, so it is cheap to ask however long the history is."""
_PAUSED = (
    "select id, pinned_deployment_id as deployment from sys_invocation "
    "where status = 'paused' and pinned_deployment_id is not null and target_service_name = '{}'"
)


class Deployment:
    """This process as Restate knows it.

    Args:
        admin_url: of Restate.
        url: where Restate reaches this process.
        service: name of a durable service that every such process serves.
        look_seconds: between two looks at the others.
    """

    def __init__(
        self,
        admin_url: str,
        url: str,
        service: str,
        auth_token: str | None = None,
        look_seconds: float = 2.0,
    ) -> None:
        self._admin = admin_url.rstrip("/")
        self._url = url.rstrip("/")
        self._service = service
        self._auth_token = auth_token
        self._look_seconds = look_seconds
        self._silent: dict[str, int] = {}
        """Looks in a row at which nothing answered, by address."""
        self._looked = False

    async def register(self) -> None:
        """Raises EndpointError."""
        await register(self._admin, self._url, auth_token=self._auth_token)

    async def keep(self) -> None:
        """Look again and again until cancelled. Raises EndpointError."""
        headers = {"authorization": f"Bearer {self._auth_token}"} if self._auth_token else {}
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
            while True:
                await asyncio.sleep(self._look_seconds)
                try:
                    await self._look(http)
                except (aiohttp.ClientError, TimeoutError) as error:  # tried again at the next look
                    log.debug("Restate's admin API: %s: %s", type(error).__name__, error)

    async def _look(self, http: aiohttp.ClientSession) -> None:
        service = await self._get(http, f"/services/{self._service}")
        if service is None:  # Restate has lost what it knew
            await self.register()
            return
        newest = str(service["deployment_id"])
        if await self._is_dead(http, newest):
            log.warning("nothing answers where Restate sends new calls: registering instead")
            await self.register()
            return
        queries = [_BACKING_OFF]
        if not self._looked:  # a process may have died between pausing and resuming one
            queries.append(_PAUSED.format(self._service))
        stuck = await self._ask(http, queries)
        self._looked = True
        for deployment, invocations in stuck.items():
            if deployment != newest and await self._is_dead(http, deployment):
                log.warning("taking over %d calls of a dead process", len(invocations))
                for invocation in invocations:
                    await self._move(http, invocation)

    async def _is_dead(self, http: aiohttp.ClientSession, deployment: str) -> bool:
        known = await self._get(http, f"/deployments/{deployment}") or {}
        address = str(known.get("uri", "")).rstrip("/")
        ours = self._service in (service["name"] for service in known.get("services", []))
        if not ours or not address or address == self._url:
            return False
        try:
            async with http.get(f"{address}/health"):
                self._silent.pop(address, None)  # whatever it answers, it is there
        except (aiohttp.ClientConnectionError, TimeoutError):
            self._silent[address] = self._silent.get(address, 0) + 1
        return self._silent.get(address, 0) >= DEAD_AFTER_LOOKS

    async def _move(self, http: aiohttp.ClientSession, invocation: str) -> None:
        """Have it go on at the newest address: only a paused one may change its address, and one
        that has not begun has none to change."""
        path = f"{self._admin}/invocations/{invocation}"
        async with http.patch(f"{path}/pause") as response:
            log.debug("pause %s: %d", invocation, response.status)
        for resume in (f"{path}/resume?deployment=latest", f"{path}/resume"):
            for _ in range(10):  # the pause takes effect a moment later
                async with http.patch(resume) as response:
                    if response.status < 300 or response.status == 404:
                        return
                await asyncio.sleep(0.1)

    async def _ask(self, http: aiohttp.ClientSession, queries: list[str]) -> dict[str, set[str]]:
        """Ids of invocations by deployment."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for query in queries:
            async with http.post(
                f"{self._admin}/query",
                json={"query": query},
                headers={"accept": "application/json"},
            ) as response:
                response.raise_for_status()
                for row in (await response.json())["rows"]:
                    found[row["deployment"]].add(row["id"])
        return found

    async def _get(self, http: aiohttp.ClientSession, path: str) -> dict[str, Any] | None:
        async with http.get(self._admin + path) as response:
            if response.status == 404:
                return None
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer
