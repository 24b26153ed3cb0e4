"""Owns how a tool puts a question to people, and what the bench knows of it meanwhile.

What had been asked stays on the bench when a written reply cancels the step, for the next plan.
"""

from typing import Any

from agent import protocol as p
from agent.tools.contract import Bench


async def ask(
    bench: Bench, place: str, call_id: str, question: str, **what: Any
) -> p.ApprovalOutcome:
    """Args: `what` as `agent.asking.Asker.request` takes it.

    Raises TerminalError when a message or a stop came first, and what `Bench.reacquire` raises.
    """
    call = f"{bench.run_id}/{place}/{call_id}"
    outcome = await bench.asker.ask(call, question, generation=bench.generation, **what)
    bench.waits += 1
    await bench.reacquire(place)  # days may have passed
    bench.asked = ""
    return outcome
