"""Owns the Web API's door: who calls, with which scopes, which method, and what is written down.

The methods themselves are in `methods/`; they know nothing of HTTP.
"""

from aiohttp import web

from local.slack import seed
from local.slack.arguments import Arguments, read_arguments
from local.slack.errors import SlackError
from local.slack.faults import Fault
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
            method = self._admit(request, arguments, name, headers)
            fault = self._ws.faults.take(name, "ratelimited", "error", "error_after_commit")
            if fault is not None and fault.kind != "error_after_commit":
                answer, status = _failure(fault, headers)
            else:
                answer = self._run(method, arguments)
                if fault is not None:
                    answer, status = _failure(fault, headers)
        except SlackError as error:
            answer = error.as_json()
        logged = {k: v for k, v in arguments.values.items() if k != "token"}
        self._ws.calls.record(name, logged, answer)
        return web.json_response(answer, status=status, headers=headers)

    def _admit(
        self, request: web.Request, arguments: Arguments, name: str, headers: dict[str, str]
    ) -> Method:
        """The method, when it exists and this token may call it."""
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        headers["x-accepted-oauth-scopes"] = ",".join(method.scopes)
        token = _bearer(request) or arguments.text("token")
        if not token:
            raise SlackError("not_authed")
        if token not in (seed.BOT_TOKEN, seed.APP_TOKEN):
            raise SlackError("invalid_auth")
        if (token == seed.APP_TOKEN) != method.for_app_token:
            raise SlackError("not_allowed_token_type")
        if not method.for_app_token:
            for scope in method.scopes:
                Call(self._ws, arguments).require_scope(scope)
        return method

    def _run(self, method: Method, arguments: Arguments) -> Json:
        answer = {"ok": True, **method.run(Call(self._ws, arguments))}
        warnings = [*arguments.warnings, *answer.get("response_metadata", {}).get("warnings", [])]
        if warnings:
            metadata = {**answer.get("response_metadata", {}), "warnings": warnings}
            answer |= {"warning": ",".join(warnings), "response_metadata": metadata}
        return answer


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def _failure(fault: Fault, headers: dict[str, str]) -> tuple[Json, int]:
    if fault.kind == "ratelimited":
        headers["retry-after"] = str(fault.retry_after)
        return {"ok": False, "error": "ratelimited"}, 429
    if fault.kind == "error" and fault.error is not None:
        return {"ok": False, "error": fault.error}, 200
    return {"ok": False, "error": fault.error or "service_unavailable"}, fault.status
