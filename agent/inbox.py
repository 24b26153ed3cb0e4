"""Owns taking each message once, whichever thread its delivery names.

Slack may deliver one gesture twice with different timestamps; the engine drops a second request of
the same idempotency key, but only within one service and key. So all messages pass here, keyless.
"""

from datetime import timedelta

from restate import Context, Service

from agent import calls
from agent import protocol as p
from agent.retries import PROMPT
from agent.secrets import redact

inbox = Service(
    p.INBOX,
    invocation_retry_policy=PROMPT,
    journal_retention=timedelta(0),  # it begins with what people wrote, secrets of ours included
)


@inbox.handler()
async def take(ctx: Context, message: p.UserMessage) -> p.Nothing:
    """Hand it on to its session, which drops what it knows already. A secret of ours that somebody
    wrote goes no further than here."""
    clean = message.model_copy(update={"text": redact(message.text)})
    calls.send(ctx, p.ON_MESSAGE, message.thread.key, clean)
    return p.Nothing()
