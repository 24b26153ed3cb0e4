"""What may be used only for a while, or only so often."""

import re

import pytest

from local.slack.errors import SlackError
from local.slack.faults import Fault, Faults
from local.slack.tickets import TicketOffice, TicketRefused, Trigger, exchange_trigger


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_is_good_for_its_time_and_its_uses() -> None:
    clock = Clock()
    office: TicketOffice[str] = TicketOffice(seconds=3, uses=2, clock=clock)
    ticket = office.issue("ana")
    clock.now += 3
    assert [office.use(ticket), office.use(ticket)] == ["ana", "ana"]
    with pytest.raises(TicketRefused, match="used"):
        office.use(ticket)
    late = office.issue("ben")
    clock.now += 3.01
    with pytest.raises(TicketRefused, match="expired"):
        office.use(late)
    with pytest.raises(TicketRefused, match="invalid"):
        office.use("1.2.3")


def test_a_trigger_id_has_slacks_form_and_is_exchanged_once() -> None:
    office: TicketOffice[Trigger] = TicketOffice(seconds=3)
    trigger_id = office.issue(Trigger("U0ANA"))
    assert re.fullmatch(r"\d+\.\d+\.[0-9a-f]+", trigger_id)
    assert exchange_trigger(office, trigger_id).user == "U0ANA"
    with pytest.raises(SlackError, match="exchanged_trigger_id"):
        exchange_trigger(office, trigger_id)


def test_a_fault_strikes_its_method_as_often_as_asked_and_then_no_more() -> None:
    faults = Faults()
    faults.arm(Fault(method="chat.update", kind="ratelimited", times=2))
    assert faults.take("chat.postMessage", "ratelimited") is None
    assert faults.take("chat.update", "error") is None
    struck = [faults.take("chat.update", "ratelimited", "error") for _ in range(3)]
    assert [one is not None for one in struck] == [True, True, False]


def test_a_fault_of_one_thread_strikes_no_call_of_another() -> None:
    faults = Faults()
    faults.arm(Fault(method="chat.update", kind="ratelimited", match="1.5"))
    others = [faults.take("chat.update", "ratelimited", arguments=a) for a in ("", "{'ts': '1.6'}")]
    assert others == [None, None]
    assert faults.take("chat.update", "ratelimited", arguments="{'ts': '1.5'}") is not None
