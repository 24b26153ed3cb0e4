"""The model, behind one interface: `llm_for(...).turn(Request(...)) -> Turn`.

Read `types.py` first, then `responses.py` (the default API), `chat.py` (compatibility) and
`failures.py` (what is worth another try). Nothing here keeps state, reads settings or retries.
"""

from typing import Literal

from agent.llm.chat import ChatLLM
from agent.llm.connection import OPENAI_URL, Endpoint
from agent.llm.images import ReadImage, Unreadable
from agent.llm.pricing import cost_usd, priced
from agent.llm.responses import ResponsesLLM
from agent.llm.types import (
    LLM,
    Json,
    LLMContextOverflow,
    LLMError,
    LLMFatal,
    LLMRetry,
    OnDelta,
    Request,
    ToolCall,
    Turn,
    Usage,
)

__all__ = [
    "LLM",
    "ChatLLM",
    "Endpoint",
    "Json",
    "LLMContextOverflow",
    "LLMError",
    "LLMFatal",
    "LLMRetry",
    "OnDelta",
    "ReadImage",
    "Request",
    "ResponsesLLM",
    "ToolCall",
    "Turn",
    "Unreadable",
    "Usage",
    "cost_usd",
    "llm_for",
    "priced",
]


def llm_for(
    *,
    api_key: str,
    api: Literal["responses", "chat"] | None = None,
    base_url: str | None = None,
    idle_timeout_seconds: float = 120.0,
    connect_timeout_seconds: float = 5.0,
) -> LLM:
    """The model's client. Nothing is opened before the first `turn`, in the loop that runs then.

    Args:
        api_key: sent as bearer token; servers that ignore keys still need a non-empty one.
        api: None takes "responses" for OpenAI itself and "chat" for any other `base_url`.
        base_url: address up to and including `/v1`; None is OpenAI.
        idle_timeout_seconds: longest silence within an answer.

    Raises:
        LLMFatal: the key cannot be one; sent as it is, it would look like a broken connection.
    """
    key = api_key.strip()  # keys are pasted with a newline behind them
    if not key or not key.isascii() or len(key.split()) > 1:
        raise LLMFatal("The API key is empty or holds blanks; check OPENAI_API_KEY.", "auth")
    endpoint = Endpoint(
        api_key=key,
        base_url=base_url or OPENAI_URL,
        idle_timeout_seconds=idle_timeout_seconds,
        connect_timeout_seconds=connect_timeout_seconds,
    )
    chosen = api or ("chat" if base_url else "responses")
    return ResponsesLLM(endpoint) if chosen == "responses" else ChatLLM(endpoint)
