"""Owns what git does inside the sandbox: each is one script, run as one job, safe to run again.

Whatever a repository brings there runs there, behind the sandbox's wall; yet no hook of it may stop
our commits. Values are quoted; words of people go through a file.
"""

import base64
import shlex
import unicodedata
from dataclasses import dataclass

from agent import protocol as p
from agent import settings

HOME = "/home/sandbox/.threadwright"
"""Outside of the project's files, kept with it in snapshots."""
MARK = ".git/threadwright"
PLANNED = ".git/threadwright-move"
PART_BYTES = 4 << 20
PUBLISHED = "refs/threadwright/publish"
AUTHOR = "Threadwright"
PARTS = f"{HOME}/publish"
BESIDE = f"{HOME}/beside"
"""Files that an archive of the project holds beside its folder."""

_PARTIAL = ".threadwright-partial"
_EMPTY = (
    f"find . -mindepth 1 -maxdepth 1 ! -name inbox ! -name {_PARTIAL} ! -name lost+found "
    "-print -quit"
)
_START = f"""set -eu
command -v git >/dev/null || {{ echo 'no git'; exit 0; }}
export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 GIT_EDITOR=true GIT_MERGE_AUTOEDIT=no LC_ALL=C
cd /project
mkdir -p {HOME}
g() {{ git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c commit.gpgSign=false \\
  -c protocol.allow=never -c protocol.file.allow=always -c gc.auto=0 "$@"; }}
"""

LOOK = f"""{_START}
if [ -f {MARK} ]; then head -c 400 {MARK}
elif [ -z "$({_EMPTY})" ]; then echo empty
else echo files; fi
"""
"""Prints what the project is: `done owner/name`, `begun owner/name`, `empty`, `files`, `no git`.
Behind the first of these a line `move <number>` tells the last move that it made."""


@dataclass(frozen=True)
class Place:
    """A bundle that lies in the sandbox, to become the project."""

    full_name: str
    url: str
    branch: str
    """Made by us."""
    start: str
    """Branch of the bundle that ours starts from."""
    base: str
    bundle: str
    move: int = 0
    """The last one that is part of it."""


def place(it: Place) -> str:
    """Makes the project's files and its `.git`; leaves an empty project empty when it fails."""
    q = shlex.quote
    return f"""{_START}
begun={q(f"begun {it.full_name}")}
if [ -f {MARK} ] && [ "$(cat {MARK})" != "$begun" ]; then rm -f {q(it.bundle)}; exit 0; fi
if [ ! -f {MARK} ]; then
  [ -z "$({_EMPTY})" ] || {{ echo 'The project has files.'; exit 20; }}
  rm -rf {_PARTIAL}
  g init -q --template= {_PARTIAL}
  g -C {_PARTIAL} fetch -q --no-tags --no-write-fetch-head {q(it.bundle)} \\
    '+refs/heads/base:refs/remotes/origin/'{q(it.base)} \\
    {"'+refs/heads/ours:refs/remotes/origin/'" + q(it.branch) if it.start != it.base else ""}
  g -C {_PARTIAL} remote add origin {q(it.url)}
  g -C {_PARTIAL} config user.name {q(AUTHOR)}
  g -C {_PARTIAL} config user.email {q(settings.current().commit_email)}
  g -C {_PARTIAL} symbolic-ref HEAD refs/heads/{q(it.branch)}
  mkdir -p {_PARTIAL}/.git/info
  echo /inbox/ > {_PARTIAL}/.git/info/exclude
  echo "$begun" > {_PARTIAL}/{MARK}
  mv {_PARTIAL}/.git .git
  rmdir {_PARTIAL}
  fresh=1
fi
if ! g checkout -q -f --no-track -B {q(it.branch)} refs/remotes/origin/{q(it.start)}; then
  [ -z "${{fresh:-}}" ] || find . -mindepth 1 -maxdepth 1 ! -name inbox -exec rm -rf {{}} +
  exit 21
fi
{_marked(it)}
rm -f {q(it.bundle)}
echo placed
"""


def _marked(it: Place) -> str:
    lines = shlex.quote(f"done {it.full_name}\nmove {it.move}\n")
    return f"printf %s {lines} > {MARK}.new\nmv {MARK}.new {MARK}"


def move(it: Place, after: list[str], message: str) -> str:
    """Has the project go on from the bundle's `start`, with the commits that it alone holds.

    Where they go is found in another folder first, and noted, so that a run that was cut off ends
    as it began. Prints `moved <commit it goes on from> <commits carried over> <commits kept>`, or
    `unmerged`. Commits that do not fit there are kept as a branch of the project.
    """
    q = shlex.quote
    ours = f"'+refs/heads/ours:refs/remotes/origin/'{q(it.branch)}" if it.start != it.base else ""
    return f"""{_START}
w={HOME}/moving
export GIT_COMMITTER_NAME={AUTHOR} GIT_COMMITTER_EMAIL={q(settings.current().commit_email)}
if ! grep -qsx {q(f"{it.move} .*")} {PLANNED}; then
({commit(message)})
[ -z "$(g ls-files -u | head -n 1)" ] || exit 0
g fetch -q --no-tags --no-write-fetch-head {q(it.bundle)} \
  '+refs/heads/base:refs/remotes/origin/'{q(it.base)} {ours}
old=$(g rev-parse HEAD)
onto=$(g rev-parse refs/remotes/origin/{q(it.start)})
from=
for c in {" ".join(after)}; do
  if g merge-base --is-ancestor "$c" "$old" 2>/dev/null; then from=$c; break; fi
done
has() {{ g merge-base --is-ancestor "$1" "$2" 2>/dev/null; }}
new=$onto kept=0
if [ -z "$from" ]; then kept=$(g rev-list --count "$onto..$old")
elif has "$from" "$onto" && has "$onto" "$old"; then new=$old
elif [ "$from" != "$old" ]; then
  g worktree remove --force "$w" 2>/dev/null || rm -rf "$w"
  g worktree prune
  g worktree add -q --detach "$w" "$old"
  if g -C "$w" rebase -q --empty=drop --no-gpg-sign --onto "$onto" "$from" >/dev/null 2>&1
  then new=$(g -C "$w" rev-parse HEAD)
  else kept=$(g rev-list --count "$from..$old"); fi
  g worktree remove --force "$w"
fi
[ "$kept" = 0 ] || g branch -f {q(kept(it.move))} "$old"
echo "{it.move} $new $onto $(g rev-list --count "$onto..$new") $kept" > {PLANNED}.new
mv {PLANNED}.new {PLANNED}
fi
read -r _ new onto carried kept < {PLANNED}
rm -f .git/index.lock
g checkout -q -f --no-track -B {q(it.branch)} "$new"
{_marked(it)}
rm -f {q(it.bundle)} {PLANNED}
echo "moved $onto $carried $kept"
"""


def kept(move: int) -> str:
    """Local branch of what could not be carried over."""
    return f"threadwright/kept-{move}"


def commit(message: str) -> str:
    """Commits what changed, if anything did. Prints `commit <id>`, `nothing` or `unmerged`."""
    encoded = base64.b64encode(message.encode()).decode()
    email = shlex.quote(settings.current().commit_email)
    return f"""{_START}
[ -f {MARK} ] || {{ echo nothing; exit 0; }}
[ -z "$(g ls-files -u | head -n 1)" ] || {{ echo unmerged; exit 0; }}
pgrep -x git >/dev/null 2>&1 || rm -f .git/index.lock
printf %s {encoded} | base64 -d > {HOME}/message
g add -A
if g diff --cached --quiet; then echo nothing; else
  export GIT_AUTHOR_NAME={AUTHOR} GIT_AUTHOR_EMAIL={email}
  export GIT_COMMITTER_NAME={AUTHOR} GIT_COMMITTER_EMAIL={email}
  g commit -q --no-verify --cleanup=verbatim -F {HOME}/message
  echo "commit $(g rev-parse HEAD)"
fi
"""


def beside(name: str, base: str) -> str:
    """Follows `commit`: the work as a bundle and as a patch, for the download of the project.

    Both hold what `base` does not have, so they fit a clone of the repository.
    """
    q = shlex.quote
    files = f"{BESIDE}.new/{q(name)}"
    return f"""
rm -rf {BESIDE} {BESIDE}.new
mkdir -p {BESIDE}.new
from=$(g merge-base {q(f"refs/remotes/origin/{base}")} HEAD) || exit 0
[ "$from" != "$(g rev-parse HEAD)" ] || exit 0
g bundle create -q {files}.bundle "^$from" HEAD $(g symbolic-ref -q HEAD)
g diff --binary --no-color --no-ext-diff --no-textconv "$from" HEAD > {files}.patch
mv {BESIDE}.new {BESIDE}
"""


def publish(base: str, message: str) -> str:
    """Commits what is left, and lays down a bundle of all since `base` in parts.

    Prints `parts <number>`, or `nothing`.
    """
    return f"""{commit(message)}
rm -rf {PARTS}
mkdir -p {PARTS}
if [ "$(g rev-list --count {base}..HEAD)" = 0 ]; then echo none; exit 0; fi
g update-ref {PUBLISHED} HEAD
g bundle create -q --version=2 {PARTS}/whole ^{base} {PUBLISHED}
split -b {PART_BYTES} -d -a 4 {PARTS}/whole {PARTS}/part-
rm {PARTS}/whole
echo "parts $(find {PARTS} -name 'part-*' | wc -l)"
"""


# --- words of people in a commit ------------------------------------------------------------------


def message(title: str, goal: str, requester: p.Person) -> str:
    """A commit's message. Nobody's words can add a line or a trailer of their own."""
    subject = one_line(title, 72) or "Work of one step"
    about = f"\n\nGoal: {one_line(goal, 500)}" if goal.strip() else ""
    name = _plain_name(requester.name or requester.user_id)
    user = "".join(c for c in requester.user_id if c.isascii() and c.isalnum()) or "unknown"
    host = settings.current().commit_email.partition("@")[2]
    return f"{subject}{about}\n\nCo-authored-by: {name} <{user}@{host}>\n"


def one_line(text: str, limit: int) -> str:
    shown = "".join(c if c.isprintable() and unicodedata.category(c) != "Cf" else " " for c in text)
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _plain_name(name: str) -> str:
    return one_line("".join(c for c in name if c not in "<>\"'`@"), 80) or "somebody"
