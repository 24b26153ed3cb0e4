"""Known secrets do not survive in a text, whatever way they are written there."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import settings
from agent.secrets import Redactor, known, redact
from sandbox import backend
from sandbox.cleaning import HIDDEN

KEY = 'sk-proj "A/b+c=d\\é 0123456789'
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----"
ONE = Redactor(frozenset([KEY]))
secrets = st.text(min_size=8, max_size=60).filter(lambda s: len("".join(s.split())) >= 8)


def written(value: str) -> list[str]:
    """In every way we promise to know."""
    data = value.encode("utf-8", "surrogatepass")
    return [
        value,
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        data.hex(),
        *(base64.b64encode(b"xyz"[:n] + data + b"tail").decode() for n in range(3)),
        *(base64.urlsafe_b64encode(b"xyz"[:n] + data + b"tail").decode() for n in range(3)),
    ]


@pytest.mark.parametrize("form", written(KEY))
def test_each_way_of_writing_it_is_hidden(form: str) -> None:
    said = ONE.redact(f"before {form} after")
    assert HIDDEN in said
    assert (said[:7], said[-6:]) == ("before ", " after")
    assert form not in said


@given(secrets, st.text(max_size=20), st.text(max_size=20))
def test_no_value_survives_in_any_form(value: str, before: str, after: str) -> None:
    redactor = Redactor(frozenset([value]))
    for form in written(value):
        said = redactor.redact(f"{before}\n{form}\n{after}")
        assert form not in said or form in HIDDEN


@given(st.integers(8, len(KEY) - 1), st.text(alphabet="xyz \n", max_size=20))
def test_half_a_value_does_not_survive_at_a_cut(length: int, around: str) -> None:
    start, end = KEY[:length], KEY[-length:]
    if len("".join(start.split())) >= 8:
        assert start[:-1] not in ONE.redact(around + start)
    if len("".join(end.split())) >= 8:
        assert end[1:] not in ONE.redact(end + around)
    cut = f"{start}\n[... 12 bytes left out; the whole log: /tmp/x ...]\n{end}"
    said = ONE.redact(cut)
    assert "12 bytes left out" in said
    if len("".join(start.split())) >= 9:
        assert start not in said


def test_a_value_broken_over_lines_is_hidden() -> None:
    long = base64.b64encode(b"token=" + KEY.encode() * 3).decode()
    lines = "\n".join(long[at : at + 20] for at in range(0, len(long), 20))
    said = ONE.redact(lines)
    middle = base64.b64encode(b"token=" + KEY.encode()).decode()[12:32]
    assert middle not in "".join(said.split())


def test_each_line_of_a_key_file_is_a_secret() -> None:
    said = Redactor(frozenset([PEM])).redact(f"a.pem:2:{PEM.splitlines()[1]}")
    assert said == f"a.pem:2:{HIDDEN}"


@given(st.text(max_size=300))
def test_other_text_stays_as_it_is(text: str) -> None:
    redactor = Redactor(frozenset(["q9Zk-no-such-value"]))
    assert redactor.redact(text) == text


def test_the_secrets_of_this_process_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = {
        "OPENAI_API_KEY": "sk-0123456789",
        "GITHUB_TOKEN": "ghp_0123456789",
        "RESTATE_AUTH_TOKEN": "key_0123456789",
        "THREADWRIGHT_LINK_SECRET": "0123456789abcdef",
        "THREADWRIGHT_SECRETS": "hunter2hunter2, other-secret ,short",
        "SLACK_BOT_TOKEN": "xoxb-0123456789",
        "MODAL_TOKEN_ID": "ak-0123456789",
        "MODAL_TOKEN_SECRET": "as-0123456789",
    }
    for name, value in given_.items():
        monkeypatch.setenv(name, value)
    settings.current.cache_clear()
    backend.current_settings.cache_clear()
    try:
        values = known()
        said = redact("with hunter2hunter2 and xoxb-0123456789")
    finally:
        settings.current.cache_clear()
        backend.current_settings.cache_clear()
    wanted = {v for n, v in given_.items() if n != "THREADWRIGHT_SECRETS"}
    assert values == wanted | {"hunter2hunter2", "other-secret"}
    assert said == f"with {HIDDEN} and {HIDDEN}"
