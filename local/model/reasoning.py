"""Owns the fake ciphertext of reasoning items: sealed when sent, checked when shown again.

Nothing secret is in it. The seal lets the server notice, without remembering anything, that a
client changed it, cut it, or lost the rest of the turn it belongs to.
"""

import base64
import binascii
import hashlib
import json
import secrets

from local.model.refusal import Refusal

_PADDING = 1100  # a real reasoning item is about 1.5 KB


def seal(turn: str) -> str:
    """Ciphertext of the reasoning of one turn."""
    payload = json.dumps({"turn": turn, "noise": secrets.token_hex(_PADDING // 2)}).encode()
    return "gAAAAA" + base64.urlsafe_b64encode(_digest(payload) + payload).decode()


def opened(ciphertext: object) -> str:
    """The turn it belongs to. Raises Refusal when it is not what `seal` made."""
    try:
        if not isinstance(ciphertext, str) or not ciphertext.startswith("gAAAAA"):
            raise ValueError
        raw = base64.urlsafe_b64decode(ciphertext[6:])
        if raw[:16] != _digest(raw[16:]):
            raise ValueError
        return str(json.loads(raw[16:])["turn"])
    except (ValueError, binascii.Error):
        raise Refusal(
            "The encrypted content of a reasoning item could not be verified.",
            code="invalid_encrypted_content",
            param="input",
        ) from None


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(b"threadwright demo" + payload).digest()[:16]
