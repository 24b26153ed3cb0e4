"""Work that a restart cut off goes on within seconds, whichever handler it was in."""

import pytest

from agent.app import SERVICES
from agent.endpoint import Durable


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_handler_that_was_cut_off_is_not_left_waiting_for_a_minute(service: Durable) -> None:
    policy = service.invocation_retry_policy
    assert policy is not None
    assert policy.max_interval is not None
    assert policy.max_interval.total_seconds() <= 10
    assert policy.on_max_attempts == "pause"
