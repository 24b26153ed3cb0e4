"""`python -m agent.repositories`: whether repositories can be taken and published here.

Says what is there without asking anybody; exit status 1 when git is missing, 2
when a setting is wrong.
"""

import shutil
import subprocess
import sys

from agent import settings
from agent.repositories.git import MISSING
from agent.settings import Settings
from sandbox.doctor import table
from sandbox.protocol import Finding

NO_TOKEN = "public repositories can be taken, nothing can be published"


def findings(now: Settings) -> list[Finding]:
    return [_git(), _token(now)]


def _git() -> Finding:
    program = shutil.which("git", path=settings.inherited().get("PATH"))
    if program is None:
        return Finding(what="git", state="failed", detail=MISSING, fix="apt install git")
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return Finding(what="git", state="ok", detail=told.stdout.strip() or program)


def _token(now: Settings) -> Finding:
    if now.github_token is None:
        fix = "set GITHUB_TOKEN to a token that may write contents and pull requests"
        return Finding(what="token", state="limited", detail=NO_TOKEN, fix=fix)
    return Finding(what="token", state="ok", detail=f"GITHUB_TOKEN is set, for {now.github_url}")


def main() -> None:
    try:
        now = settings.without_model()
    except settings.SettingsError as error:
        sys.stderr.write(f"doctor: {error}\n")
        sys.exit(2)
    found = findings(now)
    sys.stdout.write("\n".join([*table("repositories", False, found), ""]))
    sys.exit(1 if any(one.state == "failed" for one in found) else 0)


if __name__ == "__main__":
    main()
