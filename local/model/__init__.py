"""A scripted model that the real `openai` SDK talks to: no account, no network, same bytes.

`server.py` is the HTTP side and `strict.py` what it refuses; `script.py` is how a scenario is
written and `scenarios/` are the demo's; `projects/` holds the files they build. `faults.py` breaks
things on demand. Scenarios are functions of the raw request: the server remembers nothing between
calls.
"""

from local.model.faults import Fault
from local.model.reply import MODEL_NAME, Call, Reply, call, say
from local.model.server import Recorded, Scenario, ScriptedModel, running_model

__all__ = [
    "MODEL_NAME",
    "Call",
    "Fault",
    "Recorded",
    "Reply",
    "Scenario",
    "ScriptedModel",
    "call",
    "running_model",
    "say",
]
