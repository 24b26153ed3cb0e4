"""Lists every durable service this process serves. The sandbox's object is only registered here."""

from agent.approvals import approval
from agent.download import download
from agent.endpoint import Durable
from agent.person import person
from agent.planning import planning
from agent.session import session
from agent.steps import step
from agent.task import task
from agent.watch import watch
from sandbox.object import sandbox
from sandbox.sweeper import sweeper

SERVICES: list[Durable] = [
    session,
    task,
    planning,
    step,
    approval,
    person,
    download,
    watch,
    sandbox,
    sweeper,
]
