"""What is written on a sandbox of Modal, and how it is read back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.backends.modal.labels import Label

ALPHABET = re.compile(r"[A-Za-z0-9._-]{1,63}")


def _label(session: str = "T1:C2:3.4", **changes: object) -> Label:
    fields = {
        "owner": "threadwright",
        "name": "tw-abc",
        "session": session,
        "generation": 3,
        "created": 1800000000.125,
        "expires": 1800014400.125,
        **changes,
    }
    return Label.model_validate(fields)


@given(st.text(min_size=1, max_size=200))
def test_any_session_key_fits_the_alphabet_of_tags_and_comes_back(session: str) -> None:
    tags = _label(session).tags()

    assert all(ALPHABET.fullmatch(text) for pair in tags.items() for text in pair)
    assert Label.read(tags) == _label(session)


def test_what_a_sandbox_began_with_comes_back() -> None:
    restored, empty = _label(restored_from="im-1"), _label(empty=True)

    assert Label.read(restored.tags()) == restored
    assert Label.read(empty.tags()) == empty


@pytest.mark.parametrize(
    "tags", [{}, {"owner": "somebody"}, {**_label().tags(), "generation": "first"}]
)
def test_tags_that_are_not_ours_are_told_apart(tags: dict[str, str]) -> None:
    assert Label.read(tags) is None


def test_a_found_sandbox_says_whose_it_is() -> None:
    found = _label().found("sb-1")

    assert (found.name, found.session, found.generation) == ("tw-abc", "T1:C2:3.4", 3)
