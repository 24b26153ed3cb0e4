"""A page to look at: write it, serve it, and open it for people by a link."""

import re

from local.model.script import Script, Work, finish, look, shell, show, step, stuck, turn, write

_TOPIC = re.compile(
    r"\b(?:show|preview|open|see)\b.*\b(?:page|site|website|homepage)\b", re.IGNORECASE | re.DOTALL
)
_PATH = "site/index.html"
_CHECK = f"python3 -c \"import html.parser as h; h.HTMLParser().feed(open('{_PATH}').read())\""
_SERVE = "exec python3 -m http.server 8000 --directory site"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Built in a thread</title>
<style>body { font: 1.2rem/1.5 system-ui; max-width: 34rem; margin: 4rem auto }</style>
<h1>Built in a thread</h1>
<p>This page was written and is served in the thread's own sandbox.</p>
</html>
"""

GOAL = "People can open the page in their browser"
PLAN = ["preview.page", "preview.show"]


def wanted(text: str) -> bool:
    return bool(_TOPIC.search(text))


@step(
    "preview.page",
    "Write the page",
    "One page of plain HTML, unless there is one already.",
    "the page is there and can be parsed",
)
def page(_: Work) -> Script:
    seen = yield turn(look(), think="Is there a page already?")
    files: list[str] = []
    if _PATH not in seen.last:
        files = [_PATH]
        yield turn(write(_PATH, _PAGE), think="One file is enough for a first look.")
    seen = yield turn(shell(_CHECK))
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish("The page is in site/index.html.", files, [_CHECK]))


@step(
    "preview.show",
    "Open a preview",
    "Serve the folder of the page and give people a link.",
    "the page answers under the link",
)
def shown(_: Work) -> Script:
    seen = yield turn(
        show(8000, _SERVE, "the page"), think="A page one can click says more than its source."
    )
    if not seen.last.data.get("ok"):
        yield stuck(seen.last)
    until = seen.last.data.get("until", "")
    yield turn(finish(f"The page can be opened by the link in this thread until {until}."))
