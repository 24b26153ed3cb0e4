"""Owns what is checked of a request before anything answers it: its key, its form, its model."""

import json
from typing import Literal

from aiohttp import web

from local.model import chat_wire, strict
from local.model.refusal import Json, Refusal, require
from local.model.reply import MODEL_NAME

Api = Literal["responses", "chat"]

MODELS = (
    "gpt-6.2-sol", "gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-astra", "gpt-6-luna",
    "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-5.5", MODEL_NAME,
)  # fmt: skip


def check_key(request: web.Request) -> None:
    """Raises Refusal."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message = "You didn't provide an API key: send it as 'Authorization: Bearer KEY'."
        raise Refusal(message, 401, code="invalid_api_key")


def json_object(raw: str) -> Json:
    """Raises Refusal."""
    try:
        body = json.loads(raw)
    except json.JSONDecodeError as error:
        raise Refusal(f"The body is not JSON: {error}.") from None
    require(isinstance(body, dict), "The body must be a JSON object.")
    return dict(body)


def checked(body: Json, api: Api) -> Json:
    """The request in Responses form. Raises Refusal."""
    model = body.get("model")
    if model not in MODELS:
        message = f"The model '{model}' does not exist or you do not have access to it."
        raise Refusal(message, 404, param="model", code="model_not_found")
    if api == "chat":
        return chat_wire.to_responses(body)
    if isinstance(body.get("input"), str):
        body = {**body, "input": [{"role": "user", "content": body["input"]}]}
    strict.check(body)
    return body
