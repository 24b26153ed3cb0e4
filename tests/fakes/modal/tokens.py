"""Owns who may call: the token pair of an account, and the short-lived tokens made from it."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping

from grpclib import Status

from tests.fakes.modal.faults import refusal
from tests.fakes.modal.wishes import Wishes


class Tokens:
    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._key = secrets.token_bytes(32)
        self._router_epoch = 0

    def check_account(self, metadata: Mapping[str, str]) -> None:
        pair = (metadata.get("x-modal-token-id", ""), metadata.get("x-modal-token-secret", ""))
        if not all(pair) or (self._wishes.token is not None and pair != self._wishes.token):
            raise refusal(Status.UNAUTHENTICATED, "Token ID or secret is wrong")

    def auth(self) -> str:
        return self._mint("auth", self._wishes.auth_token_seconds)

    def check_auth(self, metadata: Mapping[str, str]) -> None:
        self._check(metadata.get("x-modal-auth-token", ""), "auth")

    def router(self, task_id: str) -> str:
        return self._mint(self._router_subject(task_id), self._wishes.router_token_seconds)

    def check_router(self, metadata: Mapping[str, str], task_id: str) -> None:
        kind, _, token = metadata.get("authorization", "").partition(" ")
        self._check(token if kind == "Bearer" else "", self._router_subject(task_id))

    def expire_router_tokens(self) -> None:
        self._router_epoch += 1

    def _router_subject(self, task_id: str) -> str:
        return f"router {self._router_epoch} {task_id}"

    def _mint(self, subject: str, seconds: int) -> str:
        claims = {"sub": subject, "exp": time.time() + seconds}
        unsigned = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{unsigned}.{self._signature(unsigned)}"

    def _check(self, token: str, subject: str) -> None:
        unsigned, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(unsigned)):
            raise refusal(Status.UNAUTHENTICATED, "The token is missing or not ours")
        payload = unsigned.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["sub"] != subject or claims["exp"] < time.time():
            raise refusal(Status.UNAUTHENTICATED, "The token has expired or is for something else")

    def _signature(self, text: str) -> str:
        return _base64(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _encode(value: dict[str, object]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
