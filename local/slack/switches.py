"""Owns what tests ask of the workspace itself: faults, weather, limits, installs, HTTP mode, looks.

The routes are below `/local/`, beside the gestures of people (`people.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import ClientError, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.slack.errors import Refused
from local.slack.faults import Fault, Weather
from local.slack.http_mode import HttpSpec
from local.slack.installs import InstallSpec
from local.slack.rates import RateSpec
from local.slack.signing import Forgery
from local.slack.state import Json
from local.slack.transport import Delivery, EnvelopeType
from local.slack.workspace import Admin, Workspace

ModelT = TypeVar("ModelT", bound=BaseModel)


class Parcel(BaseModel):
    """Any payload, sent to the app as if the workspace had made it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    envelope: EnvelopeType
    payload: Json
    forgery: Forgery | None = None
    """HTTP mode: signed wrongly in this way."""

    times: int = Field(default=1, ge=1, le=10)
    """HTTP mode: the very same request so often, signature and all; a replay from the second on."""

    @property
    def kind(self) -> str:
        event = self.payload.get("event")
        kind = event.get("type") if isinstance(event, dict) else self.payload.get("type")
        return str(kind or self.payload.get("command") or "")


async def set_fault(ws: Workspace, request: web.Request) -> Json:
    ws.faults.arm(await read_body(request, Fault))
    return {}


async def clear_faults(ws: Workspace, _request: web.Request) -> Json:
    ws.faults.clear()
    return {}


async def set_weather(ws: Workspace, request: web.Request) -> Json:
    ws.faults.set_weather(await read_body(request, Weather))
    return ws.faults.weather_json()


async def show_weather(ws: Workspace, _request: web.Request) -> Json:
    return ws.faults.weather_json()


async def clear_weather(ws: Workspace, _request: web.Request) -> Json:
    ws.faults.set_weather(None)
    return ws.faults.weather_json()


async def set_limits(ws: Workspace, request: web.Request) -> Json:
    ws.rates.set(await read_body(request, RateSpec))
    return ws.rates.as_json()


async def show_limits(ws: Workspace, _request: web.Request) -> Json:
    return ws.rates.as_json()


async def set_install(ws: Workspace, request: web.Request) -> Json:
    ws.install(await read_body(request, InstallSpec))
    return {}


async def set_http(ws: Workspace, request: web.Request) -> Json:
    await ws.use_http(await read_body(request, HttpSpec))
    return {}


async def set_admin(ws: Workspace, request: web.Request) -> Json:
    ws.decide(await read_body(request, Admin))
    return {}


async def show_admin(ws: Workspace, _request: web.Request) -> Json:
    return {"admin": ws.admin.model_dump(), "tokens_leaked": ws.tokens_leaked}


async def reconnect_app(ws: Workspace, _request: web.Request) -> Json:
    await ws.sockets.ask_to_reconnect()
    return {}


async def list_calls(ws: Workspace, request: web.Request) -> Json:
    return ws.calls.as_json(request.query.get("method"))


async def count_unacked(ws: Workspace, _request: web.Request) -> Json:
    deliveries = ws.deliveries
    return {
        "unacked": deliveries.unacked,
        "sent": deliveries.sent,
        "given_up": deliveries.given_up,
        "connections": len(ws.sockets),
    }


async def deliver(ws: Workspace, request: web.Request) -> Json:
    """Once, without retries. `acked` and the app's `answer`; over HTTP also status and text."""
    parcel = await read_body(request, Parcel)
    delivery = Delivery(parcel.kind, parcel.envelope, parcel.payload)
    if ws.http is not None:
        return await _over_http(ws, delivery, parcel)
    if parcel.forgery is not None or parcel.times > 1:
        raise Refused("A socket carries no signature: forgeries and replays need HTTP mode.")
    try:
        answer = await ws.deliveries.ask(parcel.kind, parcel.envelope, parcel.payload)
    except Refused as refusal:
        return {"acked": False, "answer": None, "reason": str(refusal)}
    return {"acked": True, "answer": answer}


async def _over_http(ws: Workspace, delivery: Delivery, parcel: Parcel) -> Json:
    if ws.http is None:
        raise Refused("The workspace is not in HTTP mode.")
    try:
        async with asyncio.timeout(ws.limits.ack_seconds * parcel.times):
            answers = await ws.http.forge(delivery, parcel.forgery, parcel.times)
    except (TimeoutError, ClientError) as error:
        return {"acked": False, "answer": None, "reason": f"{type(error).__name__}", "answers": []}
    shown = [{"status": status, "text": text} for status, text in answers]
    acked = all(200 <= status < 300 for status, _ in answers)
    return {"acked": acked, "answer": None, "answers": shown}


async def read_body(request: web.Request, model: type[ModelT]) -> ModelT:
    """Raises Refused with the first thing that is wrong."""
    if request.content_type != "application/json":
        raise Refused("Send the body as application/json.")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(f"{place}: {first['msg']}.") from error


ROUTES: tuple[tuple[str, str, Callable[[Workspace, web.Request], Awaitable[Json]]], ...] = (
    ("GET", "/local/calls", list_calls),
    ("GET", "/local/unacked", count_unacked),
    ("POST", "/local/faults", set_fault),
    ("DELETE", "/local/faults", clear_faults),
    ("POST", "/local/weather", set_weather),
    ("GET", "/local/weather", show_weather),
    ("DELETE", "/local/weather", clear_weather),
    ("POST", "/local/limits", set_limits),
    ("GET", "/local/limits", show_limits),
    ("POST", "/local/install", set_install),
    ("POST", "/local/http", set_http),
    ("POST", "/local/admin", set_admin),
    ("GET", "/local/admin", show_admin),
    ("POST", "/local/reconnect", reconnect_app),
    ("POST", "/local/deliver", deliver),
)
