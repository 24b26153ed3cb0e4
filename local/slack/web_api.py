"""Owns the Web API's door: who calls, with which scopes, which method, and what is written down.

The methods themselves are in `methods/`; they know nothing of HTTP.
"""

from aiohttp import web

from local.slack import seed
from local.slack.arguments import Arguments, read_arguments
from local.slack.errors import RateLimited, SlackError
from local.slack.faults import Fault
from local.slack.installs import Installation
from local.slack.methods import METHODS
from local.slack.methods.call import Call, Method
from local.slack.state import Json
from local.slack.workspace import Workspace


class WebApi:
    """Answers `/api/<method>`."""

    def __init__(self, workspace: Workspace) -> None:
        self._ws = workspace

    async def handle(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        arguments = Arguments({})
        status = 200
        headers = {"x-oauth-scopes": ",".join(self._ws.manifest.granted_scopes)}
        try:
            arguments = await read_arguments(request)
            method, install = self._admit(request, arguments, name, headers)
            wait = self._ws.rates.retry_after(
                install.team.id, name, str(arguments.values.get("channel", ""))
            )
            if wait is not None:
                raise RateLimited(wait)
            fault = self._ws.faults.take(
                name,
                *("ratelimited", "error", "error_after_commit"),
                arguments=str(arguments.values),
            )
            if fault is not None and fault.kind != "error_after_commit":
                answer, status = _failure(fault, headers)
            else:
                answer = self._run(method, arguments, install)
                if fault is not None:
                    answer, status = _failure(fault, headers)
        except RateLimited as limited:
            answer, status = _rate_limited(limited.seconds, headers)
        except SlackError as error:
            answer = error.as_json()
        logged = {k: v for k, v in arguments.values.items() if k != "token"}
        self._ws.calls.record(name, logged, answer)
        return web.json_response(answer, status=status, headers=headers)

    def _admit(
        self, request: web.Request, arguments: Arguments, name: str, headers: dict[str, str]
    ) -> tuple[Method, Installation]:
        """The method, when it exists and this token may call it; and whose token it is."""
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
        token = _bearer(request) or arguments.text("token")
        if not token:
            raise SlackError("not_authed")
        if token not in (seed.BOT_TOKEN, seed.SECOND_BOT_TOKEN, seed.APP_TOKEN):
            raise SlackError("invalid_auth")
        if (token == seed.APP_TOKEN) != method.for_app_token:
            raise SlackError("not_allowed_token_type")
        install = self._installation(token)
        if not method.for_app_token:
            for scope in method.scopes:
                Call(self._ws, arguments, install).require_scope(scope)
        return method, install

    def _installation(self, token: str) -> Installation:
        """The app's own token speaks for the first installation, as far as it speaks for any."""
        for install in self._ws.installs:
            if token in (install.token, seed.APP_TOKEN):
                return install
        raise SlackError("account_inactive" if token == seed.BOT_TOKEN else "invalid_auth")

    def _run(self, method: Method, arguments: Arguments, install: Installation) -> Json:
        answer = {"ok": True, **method.run(Call(self._ws, arguments, install))}
        warnings = [*arguments.warnings, *answer.get("response_metadata", {}).get("warnings", [])]
        if warnings:
            metadata = {**answer.get("response_metadata", {}), "warnings": warnings}
            answer |= {"warning": ",".join(warnings), "response_metadata": metadata}
        return answer


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def _rate_limited(seconds: int, headers: dict[str, str]) -> tuple[Json, int]:
    headers["retry-after"] = str(seconds)
    return {"ok": False, "error": "ratelimited"}, 429


def _failure(fault: Fault, headers: dict[str, str]) -> tuple[Json, int]:
    if fault.kind == "ratelimited":
        return _rate_limited(fault.retry_after, headers)
    if fault.kind == "error" and fault.error is not None:
        return {"ok": False, "error": fault.error}, 200
    return {"ok": False, "error": fault.error or "service_unavailable"}, fault.status
