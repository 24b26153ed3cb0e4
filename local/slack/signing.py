"""Owns Slack's signature of a request: v0, an HMAC over the time and the body."""

import hashlib
import hmac
import time
from typing import Literal

from local.slack import seed

Forgery = Literal["bad_signature", "stale", "unsigned", "bad_timestamp"]
"""A wrong secret; ten minutes old; no signature; a time that is no number."""

STALE_SECONDS = 600


def signed_headers(body: bytes, forgery: Forgery | None = None) -> dict[str, str]:
    """The two headers; a forgery makes them wrong in one way."""
    timestamp = str(int(time.time()))
    secret = seed.SIGNING_SECRET
    if forgery == "stale":
        timestamp = str(int(timestamp) - STALE_SECONDS)
    elif forgery == "bad_timestamp":
        timestamp = "yesterday"
    elif forgery == "bad_signature":
        secret = "somebody else's secret"
    headers = {"x-slack-request-timestamp": timestamp}
    if forgery != "unsigned":
        base = b"v0:" + timestamp.encode() + b":" + body
        digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
        headers["x-slack-signature"] = f"v0={digest}"
    return headers
