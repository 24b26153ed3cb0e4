"""`python -m agent policy [--file FILE] [--preset PRESET] COMMAND…`: judges commands.

Exit status 0 when all are allowed, 1 when one is asked about or denied, 2 when the file is wrong.
"""

import argparse
import sys
from pathlib import Path
from typing import get_args

from agent.policy import PolicyError, judge, load_policy
from agent.protocol import ApprovalPreset


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m agent policy", description="Judge commands.")
    parser.add_argument("--file", type=Path, help="a policy file; the default policy if not given")
    parser.add_argument("--preset", choices=get_args(ApprovalPreset), default="default")
    parser.add_argument("command", nargs="*", help="texts for bash, each quoted as one")
    given = parser.parse_args(arguments)
    try:
        policy = load_policy(given.file)
    except PolicyError as error:
        sys.stderr.write(f"threadwright-agent: {error}\n")
        return 2
    if not given.command:
        sys.stdout.write(f"{len(policy.rules)} rules; all their examples hold.\n")
    verdicts = [(text, judge(policy, text, given.preset)) for text in given.command]
    for text, verdict in verdicts:
        rules = f" [{', '.join(verdict.hits)}]" if verdict.hits else ""
        why = f": it {verdict.reason}" if verdict.reason else ""
        eyes = " (somebody else must approve)" if verdict.four_eyes else ""
        sys.stdout.write(f"{verdict.decision:<5} {text}{rules}{why}{eyes}\n")
    return int(any(verdict.decision != "allow" for _, verdict in verdicts))
