"""Lists every durable service this process serves. The sandbox's object is only registered here."""

from agent.approvals import approval
from agent.background import answers
from agent.download import download
from agent.endpoint import Durable
from agent.inbox import inbox
from agent.ledger import ledger
from agent.memory import memory
from agent.person import person
from agent.planning import planning
from agent.preferences import preferences
from agent.previews import preview
from agent.provider import provider
from agent.repositories.fetching import repositories
from agent.repositories.record import repository_record
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
    memory,
    step,
    approval,
    answers,
    person,
    preferences,
    ledger,
    provider,
    preview,
    download,
    repositories,
    repository_record,
    watch,
    sandbox,
    sweeper,
]
