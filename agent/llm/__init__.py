"""The model, behind one interface: `llm_for(...).turn(Request(...)) -> Turn`.

Read `types.py` first, then `responses.py` (the default API), `chat.py` (compatibility),
`background.py` (answers that are asked for later), `events.py` (how a stream is read),
`failures.py` (what is worth another try), `bounds.py` (how much an answer may be) and `counting.py`
(its tokens). Nothing here keeps state, reads settings or retries.
"""

from typing import Literal

from agent.llm.background import BackgroundLLM
from agent.llm.bounds import OUTPUT_TOKENS
from agent.llm.chat import ChatLLM
from agent.llm.connection import OPENAI_URL, Endpoint, default_api
from agent.llm.counting import sent_tokens
from agent.llm.images import ReadImage, Unreadable
from agent.llm.listing import model_warnings
from agent.llm.pricing import PricesError, charged, cost_usd, load_prices, priced, rate_usd
from agent.llm.responses import ResponsesLLM
from agent.llm.types import (
    LLM,
    Json,
    LLMContextOverflow,
    LLMError,
    LLMFatal,
    LLMRetry,
    Request,
    ToolCall,
    Turn,
    Usage,
    user_hash,
    without_reasoning,
)

__all__ = [
    "LLM",
    "OPENAI_URL",
    "OUTPUT_TOKENS",
    "BackgroundLLM",
    "ChatLLM",
    "Endpoint",
    "Json",
    "LLMContextOverflow",
    "LLMError",
    "LLMFatal",
    "LLMRetry",
    "PricesError",
    "ReadImage",
    "Request",
    "ResponsesLLM",
    "ToolCall",
    "Turn",
    "Unreadable",
    "Usage",
    "charged",
    "cost_usd",
    "default_api",
    "endpoint_for",
    "llm_for",
    "load_prices",
    "model_warnings",
    "priced",
    "rate_usd",
    "sent_tokens",
    "user_hash",
    "without_reasoning",
]


def llm_for(
    *,
    api_key: str,
    api: Literal["responses", "chat"] | None = None,
    base_url: str | None = None,
    idle_timeout_seconds: float = 120.0,
    connect_timeout_seconds: float = 5.0,
    output_tokens: int = OUTPUT_TOKENS,
    parallel: bool = True,
) -> LLM:
    """The model's client. Nothing is opened before the first `turn`, in the loop that runs then.

    Args:
        api_key: sent as bearer token; servers that ignore keys still need a non-empty one.
        api: None takes "responses" for OpenAI itself and Azure, "chat" for any other `base_url`.
        base_url: address up to and including `/v1`; None is OpenAI.
        idle_timeout_seconds: longest silence within an answer.
        output_tokens: most of one answer where the request names no other bound.
        parallel: False for servers that garble several tool calls in one answer.

    Raises:
        LLMFatal: the key cannot be one; sent as it is, it would look like a broken connection.
    """
    endpoint = endpoint_for(
        api_key=api_key,
        base_url=base_url,
        idle_timeout_seconds=idle_timeout_seconds,
        connect_timeout_seconds=connect_timeout_seconds,
        output_tokens=output_tokens,
        parallel=parallel,
    )
    chosen = api or default_api(base_url)
    return ResponsesLLM(endpoint) if chosen == "responses" else ChatLLM(endpoint)


def endpoint_for(
    *,
    api_key: str,
    base_url: str | None = None,
    idle_timeout_seconds: float = 120.0,
    connect_timeout_seconds: float = 5.0,
    output_tokens: int = OUTPUT_TOKENS,
    parallel: bool = True,
) -> Endpoint:
    """Where a model is served, for `BackgroundLLM`; arguments and failures are `llm_for`'s."""
    key = api_key.strip()  # keys are pasted with a newline behind them
    if not key or not key.isascii() or len(key.split()) > 1:
        raise LLMFatal("The API key is empty or holds blanks; check OPENAI_API_KEY.", "auth")
    return Endpoint(
        api_key=key,
        base_url=base_url or OPENAI_URL,
        idle_timeout_seconds=idle_timeout_seconds,
        connect_timeout_seconds=connect_timeout_seconds,
        output_tokens=output_tokens,
        parallel=parallel,
    )
