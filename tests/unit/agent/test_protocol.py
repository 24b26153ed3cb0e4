"""The names on the wire are those of the code that serves them."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from agent import protocol as p
from agent.app import SERVICES
from agent.endpoint import Durable
from bot.files import AttachedFiles
from bot.identity import Ourselves
from bot.people import People
from bot.reader import build_reader
from bot.settings import Settings
from bot.slack_api import SlackApi
from bot.thread import build_thread
from bot.upload import build_upload
from bot.workspace import workspace

HANDLERS = [value for value in vars(p).values() if isinstance(value, p.Handler)]


def served() -> dict[str, Durable]:
    api = SlackApi(AsyncWebClient("xoxb-1"))
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    no_session: Any = None
    files = AttachedFiles(Settings.load(tokens), AsyncWebClient("xoxb-1"), no_session)
    everything: list[Durable] = [
        *SERVICES,
        build_thread(api),
        workspace,
        build_upload(api),
        files.service(),
        build_reader(Ourselves(AsyncWebClient("xoxb-1")), People(), "//"),
    ]
    return {service.name: service for service in everything}


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda h: f"{h.service}.{h.name}")
def test_every_named_handler_is_served_with_the_shape_it_is_called_with(
    handler: p.Handler[p.Nothing, p.Nothing],
) -> None:
    function = served()[handler.service].handlers[handler.name].fn
    parameters = list(inspect.signature(function).parameters.values())
    assert parameters[1].annotation is handler.input
    assert inspect.signature(function).return_annotation is handler.output


def test_a_session_key_is_read_back_as_it_was_written() -> None:
    ref = p.ThreadRef(team="T1", channel="C1", root_ts="1700.000100")
    assert ref.key == "T1:C1:1700.000100"
    assert p.ThreadRef.parse(ref.key) == ref


@given(st.text())
def test_what_is_no_session_key_is_refused(text: str) -> None:
    if text.count(":") != 2 or not all(text.split(":")):
        with pytest.raises(ValueError, match="not a session key"):
            p.ThreadRef.parse(text)


def test_the_three_package_names_belong_to_this_project_alone() -> None:
    """They are too generic to be published; another distribution must not provide them here."""
    for name in ("agent", "bot", "sandbox"):
        package = __import__(name)
        assert package.__file__ is not None
        assert Path(package.__file__).parents[1] == Path(__file__).parents[3]
