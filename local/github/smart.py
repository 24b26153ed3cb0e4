"""Owns git over HTTP: git's own programs behind the doors that a client of git knocks at.

As GitHub does, whoever brings no credential is asked for one where a repository is not public.
"""

import asyncio
import base64
import gzip
from binascii import Error

from aiohttp import web

from local.github.api import STATE
from local.github.state import GIT, Repository, Right

SERVICES = ("git-upload-pack", "git-receive-pack")


def routes() -> list[web.RouteDef]:
    repo = r"/{owner}/{name:[^/]+?}{git:(?:\.git)?}"
    return [
        web.get(f"{repo}/info/refs", refs),
        web.post(f"{repo}/{{service:git-(?:upload|receive)-pack}}", serve),
    ]


async def refs(request: web.Request) -> web.Response:
    service = request.query.get("service", "")
    if service not in SERVICES:
        return web.Response(status=403, text="Please upgrade your git client.\n")
    found = _allowed(request, service)
    told = await _git(request, found, service, "--advertise-refs")
    head = f"# service={service}\n"
    body = f"{len(head) + 4:04x}{head}0000".encode() + told
    kind = f"application/x-{service}-advertisement"
    return web.Response(body=body, content_type=kind, headers={"cache-control": "no-cache"})


async def serve(request: web.Request) -> web.Response:
    service = request.match_info["service"]
    found = _allowed(request, service)
    sent = await request.read()
    if request.headers.get("content-encoding") == "gzip" and sent[:2] == b"\x1f\x8b":
        sent = gzip.decompress(sent)
    if found.refuses and service == "git-receive-pack":
        told = _refused(sent, found.refuses)
    else:
        told = await _git(request, found, service, stdin=sent)
    if service == "git-receive-pack":
        found.follow()
    return web.Response(body=told, content_type=f"application/x-{service}-result")


def _allowed(request: web.Request, service: str) -> Repository:
    state = request.app[STATE]
    right = _right(request)
    asked = f"{request.match_info['owner']}/{request.match_info['name']}"
    if (now := state.moved.get(asked.lower())) is not None:
        raise web.HTTPMovedPermanently(request.path_qs.replace(asked, now, 1))
    found = state.find(asked, right)
    if right == "none" and (found is None or service == "git-receive-pack"):
        raise _unauthorized()
    if found is None:
        raise web.HTTPNotFound(text="Repository not found.\n")
    if service == "git-receive-pack" and found.archived:
        raise web.HTTPForbidden(text="This repository was archived so it is read-only.\n")
    if service == "git-receive-pack" and right != "write":
        words = f"Write access to repository not granted: {found.full_name}.\n"
        raise web.HTTPForbidden(text=words)
    return found


def _refused(sent: bytes, reason: str) -> bytes:
    """The report of a push whose one reference is refused, in the band that git reads it from."""
    _, _, ref = sent[4 : int(sent[:4], 16)].partition(b"\0")[0].split()
    report = _line(b"unpack ok\n") + _line(b"ng %s %s\n" % (ref, reason.encode())) + b"0000"
    return _line(b"\1" + report) + b"0000"


def _line(data: bytes) -> bytes:
    return b"%04x%s" % (len(data) + 4, data)


def _right(request: web.Request) -> Right:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return "none"
    try:
        token = base64.b64decode(value).decode().partition(":")[2]
    except (Error, UnicodeDecodeError):
        raise _unauthorized() from None
    right = request.app[STATE].right_of(token) if kind.lower() == "basic" else None
    if right is None:
        raise _unauthorized()
    return right


def _unauthorized() -> web.HTTPUnauthorized:
    ask = {"www-authenticate": 'Basic realm="GitHub"'}
    return web.HTTPUnauthorized(text="Repository not found.\n", headers=ask)


async def _git(
    request: web.Request, found: Repository, service: str, *more: str, stdin: bytes = b""
) -> bytes:
    environ = dict(GIT)
    if version := request.headers.get("git-protocol"):
        environ["GIT_PROTOCOL"] = version
    program = [service.removeprefix("git-"), "--stateless-rpc", *more, str(found.folder)]
    process = await asyncio.create_subprocess_exec(
        "git",
        "-c",
        "safe.directory=*",
        *program,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate(stdin)
    return told
