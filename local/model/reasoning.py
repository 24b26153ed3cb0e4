"""Owns the fake ciphertext of reasoning items: sealed when sent, checked when shown again.

Nothing secret is in it. The seal lets the server notice, without remembering anything, that a
client changed it or cut it short.
"""

import base64
import hashlib
import secrets

from local.model.refusal import Refusal

_HEAD = "gAAAAA"
_BYTES = 1100  # a real reasoning item is about 1.5 KB
_SEAL_BYTES = 16


def seal() -> str:
    """Ciphertext for one reasoning item."""
    payload = secrets.token_bytes(_BYTES)
    return _HEAD + base64.urlsafe_b64encode(_seal_of(payload) + payload).decode()


def check(ciphertext: object) -> None:
    """Raises Refusal when it is not, letter by letter, what `seal` made."""
    if not isinstance(ciphertext, str) or not _intact(ciphertext):
        raise Refusal(
            "The encrypted content of a reasoning item could not be verified.",
            code="invalid_encrypted_content",
            param="input",
        )


def _intact(ciphertext: str) -> bool:
    try:
        raw = base64.b64decode(ciphertext.removeprefix(_HEAD), altchars=b"-_", validate=True)
    except ValueError:
        return False
    seal, payload = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
    return ciphertext.startswith(_HEAD) and seal == _seal_of(payload)


def _seal_of(payload: bytes) -> bytes:
    return hashlib.sha256(b"threadwright demo" + payload).digest()[:_SEAL_BYTES]
