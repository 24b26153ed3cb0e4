"""What the agent asks of a bot that is away is answered within seconds once it is back."""

from typing import Any, cast

import pytest

from agent.endpoint import Durable
from bot.files import AttachedFiles
from bot.reader import build_reader
from bot.settings import Settings
from bot.thread import build_thread
from bot.upload import build_upload
from bot.workspace import build_workspace

UNUSED = cast(Any, None)
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
SERVICES: list[Durable] = [
    build_thread(UNUSED),
    build_workspace(),
    build_upload(UNUSED),
    build_reader(UNUSED, UNUSED, ""),
    AttachedFiles(Settings.load(TOKENS), UNUSED, UNUSED).service(),
]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_handler_that_was_cut_off_is_not_left_waiting_for_a_minute(service: Durable) -> None:
    policy = service.invocation_retry_policy
    assert policy is not None
    assert policy.max_interval is not None
    assert policy.max_interval.total_seconds() <= 10
