"""Owns what a browser sees behind the double's links: repositories, branches, pull requests."""

from html import escape

from aiohttp import web

from local.github.api import STATE
from local.github.state import Pull, Repository

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1f2328;background:#fff}
header{background:#24292f;color:#fff;padding:12px 24px}header a{color:#fff}
main{max-width:960px;margin:24px auto;padding:0 24px}h1{font-size:24px}
a{color:#0969da;text-decoration:none}a:hover{text-decoration:underline}
.state{display:inline-block;border-radius:16px;padding:2px 12px;color:#fff;background:#1a7f37}
.closed{background:#8250df}.body{white-space:pre-wrap;border:1px solid #d0d7de;border-radius:6px;
padding:12px}pre{border:1px solid #d0d7de;border-radius:6px;padding:8px 0;overflow:auto;
font:13px/1.45 ui-monospace,monospace}pre span{display:block;padding:0 12px;min-height:1.45em}
.add{background:#dafbe1}.del{background:#ffebe9}.at{background:#ddf4ff}.muted{color:#656d76}
"""
_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/", home),
        web.get("/{owner}/{name}", repository),
        web.get("/{owner}/{name}/tree/{branch:.+}", branch),
        web.get("/{owner}/{name}/pull/{number:[0-9]+}", pull),
    ]


async def home(request: web.Request) -> web.Response:
    names = [one.full_name for one in request.app[STATE].repositories.values() if not one.private]
    return _page("Repositories", _list(f'<a href="/{n}">{escape(n)}</a>' for n in names))


async def repository(request: web.Request) -> web.Response:
    found = _found(request)
    if not found.branches():
        return _page(found.full_name, "<p class=muted>This repository is empty.</p>")
    return _show_branch(found, found.default_branch)


async def branch(request: web.Request) -> web.Response:
    found = _found(request)
    if not found.commit_of(request.match_info["branch"]):
        raise web.HTTPNotFound
    return _show_branch(found, request.match_info["branch"])


def _show_branch(found: Repository, name: str) -> web.Response:
    files = found.git("ls-tree", "-r", "--name-only", f"refs/heads/{name}").splitlines()
    log = found.git("log", "-n20", "--format=%h %s (%an)", f"refs/heads/{name}").splitlines()
    branches = (
        f'<a href="/{found.full_name}/tree/{escape(one)}">{escape(one)}</a>'
        for one in found.branches()
    )
    pulls = (
        f'<a href="/{found.full_name}/pull/{one.number}">#{one.number} {escape(one.title)}</a> '
        f"<span class=muted>{one.state}</span>"
        for one in reversed(found.pulls)
    )
    body = (
        f"<p class=muted>Branch {escape(name)}</p><h2>Files</h2>{_list(map(escape, files))}"
        f"<h2>Commits</h2>{_list(map(escape, log))}<h2>Branches</h2>{_list(branches)}"
        f"<h2>Pull requests</h2>{_list(pulls)}"
    )
    return _page(found.full_name, body)


async def pull(request: web.Request) -> web.Response:
    found = _found(request)
    number = int(request.match_info["number"])
    if not 1 <= number <= len(found.pulls):
        raise web.HTTPNotFound
    one = found.pulls[number - 1]
    log = found.git("log", "--format=%h %s%n%b", _range(one, "..")).strip()
    diff = found.git("diff", "--no-ext-diff", "--no-textconv", _range(one, "..."))
    state = "state" if one.state == "open" else "state closed"
    shown = "Merged" if one.merge_commit else one.state.title()
    body = (
        f"<p><span class='{state}'>{shown}</span> <b>{escape(one.author)}</b> wants to "
        f"merge <code>{escape(one.head)}</code> into <code>{escape(one.base)}</code></p>"
        f"<div class=body>{escape(one.body)}</div><h2>Commits</h2><pre><span>"
        f"{'</span><span>'.join(map(escape, log.splitlines()))}</span></pre>"
        f"<h2>Changes</h2><pre>{''.join(map(_line, diff.splitlines()))}</pre>"
    )
    return _page(f"{one.title} #{one.number}", body, found.full_name)


def _range(one: Pull, dots: str) -> str:
    return f"refs/heads/{one.base}{dots}{one.head_commit}"


def _line(line: str) -> str:
    kinds = {"+": "add", "-": "del", "@": "at"}
    return f"<span class='{kinds.get(line[:1], '')}'>{escape(line)}</span>"


def _list(items: object) -> str:
    rows = "".join(f"<li>{item}</li>" for item in items)  # type: ignore[attr-defined]
    return f"<ul>{rows}</ul>" if rows else "<p class=muted>None.</p>"


def _found(request: web.Request) -> Repository:
    asked = f"{request.match_info['owner']}/{request.match_info['name']}"
    # A browser brings no token; on this machine the page of a private one is shown all the same.
    found = request.app[STATE].find(asked.removesuffix(".git"), "read")
    if found is None:
        raise web.HTTPNotFound
    return found


def _page(title: str, body: str, over: str = "") -> web.Response:
    back = f' / <a href="/{over}">{escape(over)}</a>' if over else ""
    text = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<header><a href='/'>Local repositories</a>{back}</header>"
        f"<main><h1>{escape(title)}</h1>{body}</main></html>"
    )
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)
