"""What comes from Slack. A listener translates, hands over with one idempotent send, and returns.

What becomes visible in the thread afterwards comes from the session, through the `Thread` object.
What no listener takes is answered in `bot/app.py`.
"""

from slack_bolt.async_app import AsyncApp

from agent.client import SessionClient
from bot.identity import Ourselves
from bot.listeners import (
    clicks,
    commands,
    home,
    lifecycle,
    messages,
    picker,
    preferences,
    shortcuts,
)
from bot.people import People


def register(
    app: AsyncApp, sessions: SessionClient, people: People, ourselves: Ourselves, aside: str
) -> None:
    messages.register(app, sessions, people, aside)
    lifecycle.register(app, sessions, people, ourselves)
    for listeners in (clicks, commands, picker, shortcuts, home, preferences):
        listeners.register(app, sessions, people)
