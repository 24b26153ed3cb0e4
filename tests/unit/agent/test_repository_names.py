"""How people name a repository, and that no message can name anything else."""

import re
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.repositories.naming import BRANCH, NAME, OWNER, Named, Unclear, is_branch, newest, read

HUB = "https://github.com"

NAMED = {
    "repo: acme/hello": "acme/hello",
    "Repo: acme/hello, fix the test": "acme/hello",
    "@threadwright repo: acme/hello — fix the failing test": "acme/hello",
    "<@U0BOT> repository: `acme/hello` fix it": "acme/hello",
    "*repo:* acme/hello.": "acme/hello",
    "please fix it (repo: acme/hello)": "acme/hello",
    "repo: acme/hello@feature/x": "acme/hello@feature/x",
    "repo: acme/hello.git": "acme/hello",
    "repo: github.com/acme/hello": "acme/hello",
    "repo: https://github.com/acme/hello": "acme/hello",
    "repo: <https://github.com/acme/hello>": "acme/hello",
    "repo: <https://github.com/acme/hello|acme/hello>": "acme/hello",
    "fix <https://www.github.com/acme/hello.git|hello> please": "acme/hello",
    "fix https://github.com/acme/hello/, please": "acme/hello",
    "see https://github.com/acme/hello/tree/feature/x": "acme/hello@feature/x",
    "https://github.com/acme/other and then\nrepo: acme/hello": "acme/hello",
    "repo: acme/first\nrepo: acme/hello": "acme/hello",
    "see https://github.com/acme/hello and https://github.com/acme/hello/issues/3": "acme/hello",
}
NOTHING = [
    "build a URL shortener",
    "I moved the repo: now it is slow",
    "see https://github.com/acme/hello/issues/3",
    "https://gitlab.example/acme/hello",
    "https://github.com/features/actions",
    "https://github.com.evil.example/acme/hello",
]
UNCLEAR = {
    "repo: hello": "`hello` is not a repository. Write `repo: owner/name`",
    "repo:": "Write `repo: owner/name`",
    "repo: acme/hel lo/x; x": None,
    "repo: -acme/hello": "`-acme/hello` is not a repository",
    "repo: acme/..": "is not a repository",
    "repo: acme/hello/world": "is not a repository",
    "repo: acme/hello@": "names no branch that git knows",
    "repo: acme/hello@a..b": "names no branch that git knows",
    "repo: acme/hello@-x": "names no branch that git knows",
    "repo: https://gitlab.example/acme/hello": "only repositories of github.com can be taken",
    "repo: https://user:pass@github.com/acme/hello": "only repositories of github.com",
    "repo: https://github.com/acme/hello/pull/5": "is a page of a repository",
    "repo: https://github.com/acme": "is not a repository",
    "repo: ext::sh": "is not a repository",
    "repo: file:///etc/passwd": "only repositories of github.com",
    "https://github.com/acme/a and https://github.com/acme/b": "Several repositories are linked",
}


@pytest.mark.parametrize("text", NAMED)
def test_people_name_a_repository_in_many_ways(text: str) -> None:
    owner, _, rest = NAMED[text].partition("/")
    name, _, branch = rest.partition("@")
    assert read(text, HUB) == Named(owner=owner, name=name, branch=branch)


@pytest.mark.parametrize("text", NOTHING)
def test_other_messages_name_none(text: str) -> None:
    assert read(text, HUB) is None


@pytest.mark.parametrize("text", [t for t in UNCLEAR if UNCLEAR[t]])
def test_what_is_no_repository_is_told_in_a_sentence(text: str) -> None:
    said = read(text, HUB)
    assert isinstance(said, Unclear), said
    assert (UNCLEAR[text] or "") in said.problem


def test_the_newest_wording_wins() -> None:
    texts = ["repo: acme/old", "repo: acme/new@dev", "thanks"]
    assert newest(texts, HUB) == Named(owner="acme", name="new", branch="dev")
    assert newest(["hi"], HUB) is None


def test_names_differ_by_letters_not_by_their_case() -> None:
    assert Named(owner="Acme", name="Hello").is_same(Named(owner="acme", name="hello"))


# fmt: off
FRAGMENTS = st.sampled_from([
    "repo:", "repo: ", "<", ">", "|", "https://", "github.com", "/", "acme", "hello", "@", "-",
    "..", ".git", "ext::", "tree/", "$(x)", "`", "%2e%2e", "%0a", ";", "--upload-pack=x",
    "é", "\u202e", "[", "]", "\x00", "\n", " ",
])
# fmt: on


@given(st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=14).map("".join))
@example("repo: https://github.com/acme/--upload-pack=x")
@example("repo: https://github.com/acme/hello/tree/%2d%2dx")
@example("repo: https://[/x")
@example("repo: //[x@y/z")
def test_whatever_is_written_only_plain_names_come_out(text: str) -> None:
    said = read(text, HUB)
    if isinstance(said, Named):
        assert OWNER.fullmatch(said.owner)
        assert NAME.fullmatch(said.name)
        assert said.name not in (".", "..")
        assert not said.branch or is_branch(said.branch)
    elif isinstance(said, Unclear):
        assert re.fullmatch(r"[^\n\x00]{1,400}", said.problem)


@given(st.from_regex(BRANCH, fullmatch=True))
@example("a//b")
@example("a.lock/b")
@example("@")
def test_a_branch_that_is_taken_has_a_slash_between_names_and_no_option_in_it(name: str) -> None:
    if is_branch(name):
        assert not name.startswith(("-", "/", "."))
        assert "//" not in name
        assert "@{" not in name


def test_git_agrees_with_what_a_branch_is() -> None:
    for name in ["a", "a/b", "a.b", "a@b", "a..b", "a.lock", "a/.b", "a//b", "a.", "/a", "a/"]:
        done = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True)
        assert (done.returncode == 0) == is_branch(name), name
