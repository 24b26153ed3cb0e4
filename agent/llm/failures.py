"""Owns which failures of a model call are worth another try, and when.

The SDK's retries are off, so this table is the only owner of that decision: everything the SDK
raises (and what it lets through: error events, failed responses) becomes LLMRetry, LLMFatal or
LLMContextOverflow.
"""

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from agent.llm.types import FatalCode, LLMContextOverflow, LLMError, LLMFatal, LLMRetry

RAISED = (APIError, json.JSONDecodeError)
"""What the SDK raises while a request is made or its stream is read."""

_QUOTA_CODES = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "billing_not_active",
}
_QUOTA_ENDINGS = ("_spend_limit_exceeded", "_usage_limit_exceeded")
_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error"}
_OVERFLOW_WORDS = ("maximum context length", "context window", "context size")
_TRANSIENT_CODES = {"server_error", "rate_limit_exceeded"}
_RETRY_STATUS = {408, 409, 429}

_FATAL: dict[int, tuple[FatalCode, str]] = {
    401: ("auth", "The API key was refused; check OPENAI_API_KEY"),
    403: ("forbidden", "The API key may not use this model or project; ask its owner for access"),
    404: ("model_or_url", "Unknown model or address; check LLM_MODEL and OPENAI_BASE_URL"),
}


class ReasoningRefused(LLMFatal):
    """The server cannot read earlier reasoning: another model or organisation wrote it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "bad_request")


def translate(error: Exception) -> LLMError:
    """The failure as this package tells it. Raises `error` itself when it is none of `RAISED`."""
    match error:
        case APITimeoutError():
            return LLMRetry("The model's server was silent for too long.")
        case APIConnectionError():
            cause = error.__cause__
            return LLMRetry(f"The connection to the model's server failed ({_name(cause)}).")
        case APIStatusError():
            return _of_status(error)
        case APIError():
            return of_error(error.code, error.type, error.message)
        case json.JSONDecodeError():
            return LLMRetry("The model's server sent broken JSON.")
    raise error


def of_error(code: str | None, kind: str | None, message: str) -> LLMError:
    """An error told inside a 200 answer: an `error` event of the stream. Transient unless it says
    otherwise."""
    return _by_code(code, kind, message) or LLMRetry(
        f"The model's server broke off ({code or kind or 'no code'}: {message})."
    )


def of_failed_response(error: Mapping[str, object]) -> LLMError | None:
    """A response of status "failed"; None when the model will not answer, which is an answer."""
    code, message = str(error.get("code") or "server_error"), str(error.get("message") or "")
    if code in _TRANSIENT_CODES:
        return LLMRetry(f"The model's server failed ({code}: {message}).")
    return _by_code(code, None, message)


def _of_status(error: APIStatusError) -> LLMError:
    status, message = error.status_code, error.message
    told = _by_code(error.code, error.type, message)
    if told is not None:
        return told
    if status in _RETRY_STATUS or status >= 500:
        after = retry_after(error.response.headers)
        return LLMRetry(f"The model's server is busy or failing ({status}: {message}).", after)
    if status == 413 or (status == 400 and any(w in message.lower() for w in _OVERFLOW_WORDS)):
        return LLMContextOverflow(f"The history does not fit the model's window ({message}).")
    if error.code == "invalid_encrypted_content" or (
        status == 400 and "encrypted content" in message and "verified" in message
    ):
        return ReasoningRefused(f"The model's server cannot read earlier reasoning ({message}).")
    code, sentence = _FATAL.get(status, ("bad_request", "The model's server refused the request"))
    return LLMFatal(f"{sentence} ({status}: {message}).", code)


def _by_code(code: str | None, kind: str | None, message: str) -> LLMError | None:
    for name in (code, kind):
        if name in _OVERFLOW_CODES:
            return LLMContextOverflow(f"The history does not fit the model's window ({message}).")
        if name in _QUOTA_CODES or (name or "").endswith(_QUOTA_ENDINGS):
            sentence = "The API key's account has no budget left; add credit or raise its limit"
            return LLMFatal(f"{sentence} ({message}).", "quota")
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError):
        return None


def _name(cause: BaseException | None) -> str:
    return type(cause).__name__ if cause is not None else "unknown cause"
