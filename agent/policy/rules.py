"""Owns what a policy file may say.

How much is asked is a preset: `default` goes by each rule's `decision`, `relaxed` and `strict` by
the rule's own word for them if it has one. Under `strict`, what no rule names and what does not
plainly just read falls to `strict_default`. `bash.py` says what a rule may name.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agent.protocol import ApprovalPreset
from sandbox.protocol import PROJECT_DIR

Decision = Literal["allow", "ask", "deny"]
STRICTNESS: dict[Decision, int] = {"allow": 0, "ask": 1, "deny": 2}


class PolicyError(Exception):
    """A policy file that cannot be used; one sentence naming the file, the rule and the problem."""


class Rule(BaseModel):
    """Matches a command whose words begin with `argv` (a list item means any of these) and that
    meets every other condition given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    decision: Decision
    relaxed: Decision | None = None
    strict: Decision | None = None
    """In place of `decision` under that preset."""
    four_eyes: bool = False
    """The requester may not approve it; somebody else must."""
    reason: str
    """Ends the sentence "This command …"."""
    argv: list[str | list[str]]
    any_arg: list[str] = []
    """One of these words stands behind `argv`; `-f` is also found in `-rf`."""
    like: list[str] = []
    """A word behind `argv` looks like one of these patterns (`*`, `?`, `[…]`)."""
    unlike: list[str] = []
    """Words that look like one of these do not count for `like`."""
    outside: bool = False
    """A path behind `argv` lies outside the policy's `writable` folders."""
    remote: bool = False
    """Not every host that is named is this machine or one of the policy's `egress_hosts`."""
    match: list[str] = []
    """Commands this rule must hit, checked when the policy is loaded."""
    not_match: list[str] = []

    def under(self, preset: ApprovalPreset) -> Decision:
        own = {"relaxed": self.relaxed, "default": None, "strict": self.strict}[preset]
        return own or self.decision


class ReadOnly(BaseModel):
    """A command that stays allowed under `strict`: begins with `argv` and has no word that looks
    like one of the patterns in `unless` (`$` stands for a word that cannot be read)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    argv: list[str | list[str]]
    unless: list[str] = []
    match: list[str] = []
    not_match: list[str] = []


class Examples(BaseModel):
    """What the whole policy must say under one preset, checked when it is loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: ApprovalPreset
    allow: list[str] = []
    ask: list[str] = []
    deny: list[str] = []

    def pairs(self) -> Iterator[tuple[Decision, str]]:
        yield from (("allow", text) for text in self.allow)
        yield from (("ask", text) for text in self.ask)
        yield from (("deny", text) for text in self.deny)


class Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    default: Decision = "allow"
    strict_default: Decision = "ask"
    unparsed: Decision = "ask"
    writable: list[str] = [PROJECT_DIR, "/tmp"]  # inside the sandbox
    """Folders inside the sandbox that commands may change without being asked about."""
    egress_hosts: list[str] = []
    """Hosts that network programs may reach unasked; `*.example.com` too. This machine always."""
    rules: list[Rule] = []
    read_only: list[ReadOnly] = []
    examples: list[Examples] = []
