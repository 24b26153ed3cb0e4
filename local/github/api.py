"""Owns the REST part: the few resources a client of ours needs, in GitHub's shapes and words."""

import json
import time
from typing import Any

from aiohttp import web

from local.github.state import BOT, Pull, Repository, Right, State

STATE = web.AppKey("state", State)
PREFIX = "/api/v3"
LIMIT = 5000
DOCS = "https://docs.example.invalid/rest"


def routes() -> list[web.RouteDef]:
    repo = f"{PREFIX}/repos/{{owner}}/{{name}}"
    return [
        web.get(f"{PREFIX}/user", user),
        web.get(repo, repository),
        web.get(f"{repo}/branches/{{branch:.+}}", branch),
        web.get(f"{repo}/git/ref/heads/{{branch:.+}}", ref),
        web.get(f"{repo}/pulls", pulls),
        web.post(f"{repo}/pulls", open_pull),
        web.get(f"{repo}/pulls/{{number:[0-9]+}}", pull),
        web.patch(f"{repo}/pulls/{{number:[0-9]+}}", edit_pull),
    ]


class Problem(Exception):
    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "documentation_url": DOCS, "status": str(status), **more}


@web.middleware
async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
    """Who asks, how often, and how a refusal looks."""
    if not request.path.startswith(PREFIX):
        response: web.StreamResponse = await handler(request)
        return response
    try:
        if not request.headers.get("user-agent"):
            raise Problem(403, "Request forbidden by administrative rules. (User-Agent)")
        answer = await handler(request)
    except Problem as problem:
        answer = web.json_response(problem.body, status=problem.status)
    except web.HTTPNotFound:
        answer = _json({"message": "Not Found", "documentation_url": DOCS, "status": "404"}, 404)
    answer.headers.update(limits(LIMIT - 1))
    return answer  # type: ignore[no-any-return]


def limits(remaining: int) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(LIMIT),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(time.time()) + 2),
        "x-ratelimit-resource": "core",
    }


def _json(data: Any, status: int = 200) -> web.Response:
    return web.json_response(data, status=status)


def _right(request: web.Request) -> Right:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return "none"
    right = request.app[STATE].right_of(token)
    if kind.lower() not in ("token", "bearer") or right is None:
        raise Problem(401, "Bad credentials")
    return right


def _repository(request: web.Request) -> tuple[Repository, Right]:
    state, right = request.app[STATE], _right(request)
    asked = f"{request.match_info['owner']}/{request.match_info['name']}"
    now = state.moved.get(asked.lower())
    if now is not None:
        rest = request.path_qs.removeprefix(f"{PREFIX}/repos/{asked}")
        place = f"{request.scheme}://{request.host}{PREFIX}/repos/{now}{rest}"
        status = web.HTTPMovedPermanently if request.method == "GET" else web.HTTPTemporaryRedirect
        raise status(place)
    found = state.find(asked, right)
    if found is None:
        raise Problem(404, "Not Found")
    return found, right


async def user(request: web.Request) -> web.Response:
    if _right(request) == "none":
        raise Problem(401, "Requires authentication")
    return _json({"login": BOT, "id": 1, "type": "User"})


async def repository(request: web.Request) -> web.Response:
    found, right = _repository(request)
    about: dict[str, Any] = {
        "id": 1000 + len(found.full_name),
        "name": found.name,
        "full_name": found.full_name,
        "private": found.private,
        "archived": found.archived,
        "owner": {"login": found.owner, "type": "Organization"},
        "html_url": f"{_home(request)}/{found.full_name}",
        "default_branch": found.default_branch,
    }
    if right != "none":
        about["permissions"] = {"admin": False, "push": right == "write", "pull": True}
    return _json(about)


async def branch(request: web.Request) -> web.Response:
    found, _ = _repository(request)
    name = request.match_info["branch"]
    if not (commit := found.commit_of(name)):
        raise Problem(404, "Branch not found")
    protected = (found.folder / "protected").exists() and name == found.default_branch
    return _json({"name": name, "commit": {"sha": commit}, "protected": protected})


async def ref(request: web.Request) -> web.Response:
    found, _ = _repository(request)
    name = request.match_info["branch"]
    if not (commit := found.commit_of(name)):
        raise Problem(404, "Not Found")
    return _json({"ref": f"refs/heads/{name}", "object": {"type": "commit", "sha": commit}})


async def pulls(request: web.Request) -> web.Response:
    found, _ = _repository(request)
    state = request.query.get("state", "open")
    owner, colon, head = request.query.get("head", "").partition(":")
    listed = [
        _shape(request, found, one)
        for one in found.pulls
        if state in (one.state, "all")
        and (not colon or (owner.lower() == found.owner.lower() and head == one.head))
        and request.query.get("base", one.base) == one.base
    ]
    return _json(listed[::-1][:30])


async def pull(request: web.Request) -> web.Response:
    found, _ = _repository(request)
    return _json(_shape(request, found, _numbered(request, found)))


async def open_pull(request: web.Request) -> web.Response:
    found, right = _repository(request)
    _may_write(right, found)
    asked = await _body(request)
    missing = [name for name in ("head", "base", "title") if not asked.get(name)]
    if missing:
        raise _invalid(*({"code": "missing_field", "field": name} for name in missing))
    head = str(asked["head"]).removeprefix(f"{found.owner}:")
    for name, value in (("head", head), ("base", str(asked["base"]))):
        if not found.commit_of(value):
            raise _invalid({"code": "invalid", "field": name})
    base = str(asked["base"])
    if any((p.head, p.base, p.state) == (head, base, "open") for p in found.pulls):
        words = f"A pull request already exists for {found.owner}:{head}."
        raise _invalid({"code": "custom", "message": words})
    if found.ahead(base, head) == 0:
        raise _invalid({"code": "custom", "message": f"No commits between {base} and {head}"})
    body = str(asked.get("body") or "")
    made = Pull(len(found.pulls) + 1, str(asked["title"]), body, head, base, BOT)
    made.head_commit = found.commit_of(head)
    found.pulls.append(made)
    return _json(_shape(request, found, made), 201)


async def edit_pull(request: web.Request) -> web.Response:
    found, right = _repository(request)
    _may_write(right, found)
    one = _numbered(request, found)
    asked = await _body(request)
    if "title" in asked and not asked["title"]:
        raise _invalid({"code": "missing_field", "field": "title"})
    one.title = str(asked.get("title", one.title))
    one.body = str(asked.get("body", one.body) or "")
    if asked.get("state") in ("open", "closed"):
        if one.merge_commit or not found.commit_of(one.head):
            raise _invalid({"code": "invalid", "field": "state"})
        one.state = asked["state"]
    return _json(_shape(request, found, one))


def _numbered(request: web.Request, found: Repository) -> Pull:
    number = int(request.match_info["number"])
    if not 1 <= number <= len(found.pulls):
        raise Problem(404, "Not Found")
    return found.pulls[number - 1]


def _may_write(right: Right, found: Repository) -> None:
    if right == "none":
        raise Problem(401, "Requires authentication")
    if right == "read":
        raise Problem(403, "Resource not accessible by personal access token")
    if found.archived:
        raise Problem(403, "Repository was archived so is read-only.")


def _invalid(*errors: dict[str, str]) -> Problem:
    told = [{"resource": "PullRequest", **error} for error in errors]
    return Problem(422, "Validation Failed", errors=told)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        asked = await request.json()
    except json.JSONDecodeError:
        raise Problem(400, "Problems parsing JSON") from None
    if not isinstance(asked, dict):
        raise Problem(400, "Body should be a JSON object")
    return asked


def _shape(request: web.Request, found: Repository, one: Pull) -> dict[str, Any]:
    def side(name: str, commit: str) -> dict[str, Any]:
        return {"label": f"{found.owner}:{name}", "ref": name, "sha": commit}

    return {
        "number": one.number,
        "state": one.state,
        "title": one.title,
        "body": one.body or None,
        "user": {"login": one.author},
        "html_url": f"{_home(request)}/{found.full_name}/pull/{one.number}",
        "head": side(one.head, one.head_commit),
        "base": side(one.base, found.commit_of(one.base))
        | {"repo": {"full_name": found.full_name}},
        "draft": False,
        "merged": bool(one.merge_commit),
        "merge_commit_sha": one.merge_commit or None,
    }


def _home(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
