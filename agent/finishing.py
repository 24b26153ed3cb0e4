"""Owns what a step must show before it counts as done: what happened, not what is claimed."""

from agent import protocol as p
from agent.tools.contract import Bench, ToolResult, problem
from agent.tools.output import one_line
from agent.tools.people import FinishArguments

SUMMARY_CHARS = 6000
"""Some 1,500 tokens; later steps read it."""


class Finishing:
    """Of one step. Rebuilt by replay."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._doubted = False

    def complaint(self, args: FinishArguments) -> ToolResult | None:
        """Why the step cannot end like this; None when it can."""
        results = self._results()
        for check in args.checks:
            exit_code = results.get(_words(check), "never run")
            if exit_code == "never run":
                detail = f"checks: not run in this step: {check}"
                return problem("unproven_check", detail, "Run it, or leave it out.")
            if args.outcome == "done" and exit_code != 0:
                detail = f"checks: this failed when it last ran: {check}"
                return problem("failed_check", detail, "Make it pass, or end as blocked or failed.")
        return self._doubt(args)

    def _doubt(self, args: FinishArguments) -> ToolResult | None:
        """Once, when nothing at all was done: sometimes there is nothing to do."""
        if args.outcome != "done" or self._bench.did_something or self._doubted:
            return None
        self._doubted = True
        return problem(
            "nothing_done",
            "Nothing was read, run or changed in this step.",
            "Do it; or end again in the same way if there is truly nothing to do.",
        )

    def checks(self, args: FinishArguments) -> list[str]:
        """Each named check with how it last ended."""
        results = self._results()
        return [
            f"{one_line(check)} → {'passed' if results[_words(check)] == 0 else 'failed'}"
            for check in args.checks
        ]

    def outcome(self, args: FinishArguments) -> p.StepOutcome:
        return p.StepOutcome(
            outcome=args.outcome,
            summary=args.summary[:SUMMARY_CHARS],
            files=sorted({*args.files, *self._bench.written}),
            checks=self.checks(args),
        )

    def _results(self) -> dict[str, int | None]:
        return {_words(entry.command): entry.exit_code for entry in self._bench.ran}


def _words(command: str) -> str:
    return " ".join(command.split())
