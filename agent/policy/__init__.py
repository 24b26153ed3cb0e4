"""Which commands need a person: rules matched on parsed bash, the strictest hit wins.

A speed bump, not the wall: a Makefile or a Python program hides what it does. The wall is the
sandbox, which holds no credentials and reaches no network it was not given. Everything in here is
pure; the policy in force is part of the task's journal.

Read `rules.py`, then `bash.py` (what a text runs; `wrappers.py`, `shells.py` and `git.py` follow
commands into others), then `judging.py`.
"""

from agent.policy.judging import Verdict, judge, scripts, strictest
from agent.policy.loading import DEFAULT_POLICY, load_policy
from agent.policy.rules import Decision, Policy, PolicyError, Rule

__all__ = [
    "DEFAULT_POLICY",
    "Decision",
    "Policy",
    "PolicyError",
    "Rule",
    "Verdict",
    "judge",
    "load_policy",
    "scripts",
    "strictest",
]
