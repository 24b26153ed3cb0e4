"""Lists every durable service this process serves. The sandbox's object is only registered here."""

from agent.approvals import approval
from agent.download import download
from agent.endpoint import Durable
from agent.inbox import inbox
from agent.person import person
from agent.planning import planning
from agent.preferences import preferences
from agent.session import session
from agent.steps import step
from agent.task import task
from agent.watch import watch
from sandbox.object import sandbox
from sandbox.sweeper import sweeper

SERVICES: list[Durable] = [
    inbox,
    session,
    task,
    planning,
    step,
    approval,
    person,
    preferences,
    download,
    watch,
    sandbox,
    sweeper,
]
