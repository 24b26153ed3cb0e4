"""What comes from Slack. A listener translates, hands over with one idempotent send, and returns.

What becomes visible in the thread afterwards comes from the session, through the `Thread` object.
"""

from slack_bolt.async_app import AsyncApp

from agent.client import SessionClient
from bot.listeners import clicks, commands, lifecycle, messages, picker, shortcuts
from bot.people import People


def register(app: AsyncApp, sessions: SessionClient) -> None:
    people = People()
    for listeners in (messages, clicks, commands, picker, shortcuts):
        listeners.register(app, sessions, people)
    lifecycle.register(app, sessions, people)  # last: it takes whatever is left
