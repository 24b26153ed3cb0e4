"""Owns what we ask of GitHub's REST API: the repository, and the pull request of our branch.

Each call may be repeated: a pull request is looked for before it is opened, and after GitHub says
that it exists. What cannot be is a sentence; what may work later says when.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import aiohttp
import gidgethub
from gidgethub.aiohttp import GitHubAPI

from agent import settings
from agent.repositories.git import GitProblem, Unavailable
from agent.repositories.naming import Named
from agent.repositories.refusals import ARCHIVED, FORBIDDEN

TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10)
USER_AGENT = "threadwright"
MOST_WAIT_SECONDS = 3600.0
NO_TOKEN = (
    "There is no token to publish with: an operator can set GITHUB_TOKEN to one that may write "
    "contents and pull requests of this repository."
)


class Busy(Unavailable):
    """A rate limit; GitHub says when to come back."""

    def __init__(self, seconds: float) -> None:
        super().__init__("GitHub lets us do no more for now.")
        self.seconds = min(max(seconds, 1.0), MOST_WAIT_SECONDS)


@dataclass(frozen=True)
class Pull:
    number: int
    url: str


@dataclass(frozen=True)
class Standing:
    """How a pull request stands."""

    state: Literal["open", "merged", "closed"]
    head: str
    """Commit that it proposes, or proposed at its end."""
    repository: str
    """Full name that its repository has now."""


class GitHub:
    """One conversation, for one effect."""

    def __init__(self, api: GitHubAPI, named: Named) -> None:
        self._api = api
        self._named = named

    async def check(self) -> None:
        """That it is there, takes changes, and may be written by us.

        Raises GitProblem or Unavailable, as every method here does.
        """
        name = self._named.full_name
        with_rights = await self._ask("GET", f"/repos/{name}")
        if with_rights.get("archived"):
            raise GitProblem(ARCHIVED.format(name))
        if not (with_rights.get("permissions") or {}).get("push", True):
            raise GitProblem(f"The operator's GITHUB_TOKEN may read {name}, but not push to it.")

    async def name(self) -> str:
        """The full name that it has now; GitHub leads on from earlier ones."""
        about = await self._ask("GET", f"/repos/{self._named.full_name}")
        return str(about.get("full_name") or self._named.full_name)

    async def is_default(self, branch: str) -> bool:
        about = await self._ask("GET", f"/repos/{self._named.full_name}")
        return bool(about.get("default_branch") == branch)

    async def standing(self, number: int) -> Standing:
        found = await self._ask("GET", f"/repos/{self._named.full_name}/pulls/{number}")
        head = str(found["head"]["sha"])
        name = str(found["base"]["repo"]["full_name"])
        if found.get("merged") or found.get("merged_at"):
            return Standing("merged", head, name)
        return Standing("open" if found.get("state") == "open" else "closed", head, name)

    async def must_be_open(self, number: int) -> None:
        """What is pushed to the branch of one that has ended reaches nobody."""
        state = (await self.standing(number)).state
        if state != "open":
            raise GitProblem(
                f"Pull request #{number} was {state} meanwhile: publish again, and what it does "
                "not hold becomes a new one."
            )

    async def open_pull(self, branch: str, base: str, title: str, body: str) -> Pull:
        """The open pull request of our branch, with this title and text."""
        found = await self._find(branch, base)
        if found is None:
            asked = {"title": title, "body": body, "head": branch, "base": base}
            try:
                made = await self._ask("POST", f"/repos/{self._named.full_name}/pulls", asked)
                return _pull(made)
            except _Invalid as error:
                found = await self._find(branch, base)
                if found is None and "'head'" in error.reason:
                    raise Unavailable(f"GitHub does not know of {branch} yet.") from None
                if found is None:
                    raise GitProblem(
                        f"GitHub does not open the pull request: {error.reason}."
                    ) from None
        if (found.get("title"), found.get("body") or "") != (title, body):
            path = f"/repos/{self._named.full_name}/pulls/{int(found['number'])}"
            found = await self._ask("PATCH", path, {"title": title, "body": body})
        return _pull(found)

    async def _find(self, branch: str, base: str) -> dict[str, Any] | None:
        values = {"head": f"{self._named.owner}:{branch}", "base": base}
        path = f"/repos/{self._named.full_name}/pulls{{?state,head,base}}"
        listed = await self._ask("GET", path, values={"state": "open", **values})
        # A head that GitHub does not understand would list every pull request.
        mine = [one for one in listed if one["head"]["ref"] == branch]
        return mine[0] if mine else None

    async def _ask(
        self, method: str, path: str, data: Any = None, values: Mapping[str, str] | None = None
    ) -> Any:
        try:
            if method == "GET":
                return await self._api.getitem(path, values or {})
            if method == "POST":
                return await self._api.post(path, data=data)
            return await self._api.patch(path, data=data)
        except gidgethub.RateLimitExceeded as error:
            reset = error.rate_limit.reset_datetime.timestamp()
            raise Busy(_after(error.headers) or reset - _now(error.headers)) from None
        except (gidgethub.InvalidField, gidgethub.ValidationError) as error:
            raise _Invalid(str(error)) from None
        except gidgethub.HTTPException as error:
            raise self._as_ours(error) from None
        except (aiohttp.ClientError, TimeoutError, ValueError):  # ValueError: cut short
            raise Unavailable("GitHub cannot be reached at the moment.") from None

    def _as_ours(self, error: gidgethub.HTTPException) -> GitProblem | Unavailable:
        name, status = self._named.full_name, int(error.status_code)
        if status in (403, 429) and (after := _after(error.headers)):
            return Busy(after)
        if status == 429 or (status == 403 and "rate limit" in str(error).lower()):
            return Busy(_reset(error.headers) or 60.0)
        if status == 401:
            return GitProblem(
                "GitHub refuses our token: an operator must give GITHUB_TOKEN a valid value."
            )
        if status == 403 and "archived" in str(error).lower():
            return GitProblem(ARCHIVED.format(name))
        if status == 403:
            return GitProblem(FORBIDDEN.format(name))
        if status in (404, 410):
            return GitProblem(
                f"{name} is gone, or the operator's GITHUB_TOKEN may not write pull requests there."
            )
        if status >= 500:
            return Unavailable("GitHub is in trouble at the moment.")
        return GitProblem(f"GitHub refuses this for {name} (status {status}).")


class _Invalid(GitProblem):
    def __init__(self, reason: str) -> None:
        super().__init__("GitHub does not take this.")
        self.reason = " ".join(reason.split())[:300].rstrip(".")


@asynccontextmanager
async def connected(named: Named) -> AsyncIterator[GitHub]:
    """Raises GitProblem without a token."""
    now = settings.current()
    if now.github_token is None:
        raise GitProblem(NO_TOKEN)
    async with aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True) as http:
        token = now.github_token.get_secret_value()
        api = GitHubAPI(http, USER_AGENT, oauth_token=token, base_url=now.github_api_url)
        yield GitHub(api, named)


def _pull(found: Mapping[str, Any]) -> Pull:
    return Pull(int(found["number"]), str(found["html_url"]))


def _after(headers: Mapping[str, str]) -> float:
    value = headers.get("retry-after", "")
    return float(value) if value.isdigit() else 0.0


def _reset(headers: Mapping[str, str]) -> float:
    """Seconds until a limit that is used up ends; 0 when nothing is said of it."""
    reset = headers.get("x-ratelimit-reset", "")
    used_up = headers.get("x-ratelimit-remaining") == "0" and reset.isdigit()
    return max(0.0, float(reset) - _now(headers)) if used_up else 0.0


def _now(headers: Mapping[str, str]) -> float:
    """The other side's clock, which its reset time goes by."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return 0.0
