"""Owns what the demo's model answers: plans to planners, scripts to workers, what was
asked to sessions that remember, a word to others."""

from local.model import conversation, planner, script
from local.model.refusal import Json
from local.model.reply import Reply, say
from local.model.scenarios import todo, wish  # noqa: F401  # they register their steps
from local.model.scenarios.talk import ANSWER


def demo(request: Json) -> Reply:
    """A pure function of the raw request. Raises Refusal for a step that no script knows."""
    said = conversation.read(request)
    match said.role:
        case "planner":
            return planner.plan(said)
        case "worker":
            return script.next_turn(said)
        case "memory" if said.memory:
            return say(said.memory)
    return say(ANSWER)
