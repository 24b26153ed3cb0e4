"""Owns which failures of a model call are worth another try, and when, and how they are told.

The SDK's retries are off, so this table is the only owner of that decision: everything the SDK
raises (and what it lets through: error events, failed responses) becomes LLMRetry, LLMFatal or
LLMContextOverflow. Their messages reach people, journals and logs: short, in one line, without the
key.
"""

import json
import math
import re
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import anyio
import httpx2  # the SDK's transport, and what it stands on
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from agent.llm.types import FatalCode, LLMContextOverflow, LLMError, LLMFatal, LLMRetry

_BROKEN = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)
"""A connection that broke while a stream was read; the last two are not mapped by the transport."""
RAISED = (APIError, json.JSONDecodeError, *_BROKEN)
"""What is raised while a request is made or its stream is read."""

_QUOTA_CODES = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "billing_not_active",
    "budget_exceeded",  # of a LiteLLM proxy
}
_QUOTA_ENDINGS = ("_spend_limit_exceeded", "_usage_limit_exceeded")
_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error"}
_OVERFLOW_WORDS = ("maximum context length", "context window", "context size")
_LIMIT_CODES = {"rate_limit_exceeded", "429"}
_TRANSIENT_CODES = {"server_error", "rate_limit_exceeded"}
_RETRY_STATUS = {408, 409, 429}

_NO_BUDGET = "The API key's account has no budget left; add credit or raise its limit"
_FATAL: dict[int, tuple[FatalCode, str]] = {
    401: ("auth", "The API key was refused; check OPENAI_API_KEY"),
    402: ("quota", _NO_BUDGET),
    403: ("forbidden", "The API key may not use this model or project; ask its owner for access"),
    404: ("model_or_url", "Unknown model or address; check LLM_MODEL, OPENAI_BASE_URL and LLM_API"),
}
_TOLD_CHARS = 300
_SECRET_CHARS = 8
_LONGEST_WAIT = 86_400.0
_KEY = re.compile(r"\b(?:sk|sess|rk)-[\w*-]{6,}|(?<=[Bb]earer )\S+")
_PAGE = re.compile(r"<!doctype|<html|<head|<body", re.IGNORECASE)


class ReasoningRefused(LLMFatal):
    """The server cannot read earlier reasoning: another model or organisation wrote it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "bad_request")


def translate(error: Exception) -> LLMError:
    """The failure as this package tells it. Raises `error` itself when it is none of `RAISED`."""
    match error:
        case APITimeoutError() | httpx2.TimeoutException():
            return LLMRetry("The model's server was silent for too long.")
        case APIConnectionError():
            return _connection_failed(error.__cause__ or error)
        case httpx2.RequestError() | ssl.SSLError() | anyio.EndOfStream():
            return _connection_failed(error)
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
    told = _by_code(code, kind, message)
    if told is not None:
        return told
    if _is_overflow(message):
        return _overflow(message)
    sentence = f"The model's server broke off ({code or kind or 'no code'}: {plain(message)})."
    return LLMRetry(sentence, limited=bool({str(code), str(kind)} & _LIMIT_CODES))


def of_failed_response(error: Mapping[str, object]) -> LLMError | None:
    """A response of status "failed"; None when the model will not answer, which is an answer."""
    code, message = str(error.get("code") or "server_error"), str(error.get("message") or "")
    if code in _TRANSIENT_CODES:
        sentence = f"The model's server failed ({code}: {plain(message)})."
        return LLMRetry(sentence, limited=code in _LIMIT_CODES)
    return _by_code(code, None, message)


def _of_status(error: APIStatusError) -> LLMError:
    status = error.status_code
    raw = error.message.removeprefix(f"Error code: {status}").removeprefix(" - ")
    told = _by_code(error.code, error.type, raw)
    if told is not None:
        return told
    message = plain(raw)
    if status in _RETRY_STATUS or status >= 500:
        after = retry_after(error.response.headers)
        sentence = f"The model's server is busy or failing ({status}: {message})."
        return LLMRetry(sentence, after, limited=status == 429)
    if status == 413 or (status == 400 and _is_overflow(raw)):
        return _overflow(raw)
    if error.code == "invalid_encrypted_content" or (
        status == 400 and "encrypted content" in raw and "verified" in raw
    ):
        return ReasoningRefused(f"The model's server cannot read earlier reasoning ({message}).")
    code, sentence = _FATAL.get(status, ("bad_request", "The model's server refused the request"))
    return LLMFatal(f"{sentence} ({status}: {message}).", code)


def _by_code(code: str | None, kind: str | None, message: str) -> LLMError | None:
    for name in map(str, (code, kind)):  # some servers number their codes
        if name in _OVERFLOW_CODES:
            return _overflow(message)
        if name in _QUOTA_CODES or name.endswith(_QUOTA_ENDINGS):
            return LLMFatal(f"{_NO_BUDGET} ({plain(message)}).", "quota")
    return None


def _is_overflow(message: str) -> bool:
    return any(words in message.lower() for words in _OVERFLOW_WORDS)


def _overflow(message: str) -> LLMError:
    return LLMContextOverflow(f"The history does not fit the model's window ({plain(message)}).")


def plain(message: str) -> str:
    """What a server says, fit to be shown: one line, bounded, no web page, nothing like a key."""
    if _PAGE.search(message[:2000]):
        return "it answered with a web page"
    start = message[: 4 * _TOLD_CHARS]
    line = " ".join(_KEY.sub("[key]", start).split())
    line = line.rstrip(".") or "it gives no reason"
    return line if len(line) <= _TOLD_CHARS else f"{line[:_TOLD_CHARS]}…"


def without_secret(error: LLMError, secret: str) -> LLMError:
    """The same failure, its message without `secret`: servers echo the key they were sent. A key
    too short to be one ("local") is left alone."""
    if len(secret) < _SECRET_CHARS:
        return error
    told = str(error).replace(secret, "[key]")
    for length in range(len(secret) - 1, _SECRET_CHARS - 1, -1):  # where `plain` cut it
        told = told.replace(f"{secret[:length]}…", "[key]…")
    error.args = (told,)
    return error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most a day: `retry-after-ms`, or `retry-after` in seconds or as a
    date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return min(max(0.0, seconds), _LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT)


def _connection_failed(cause: BaseException) -> LLMRetry:
    return LLMRetry(f"The connection to the model's server failed ({type(cause).__name__}).")
