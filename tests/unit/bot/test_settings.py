"""A wrong setting is one sentence that names the variable, before anything starts."""

import os
import subprocess
import sys

import pytest

from bot.settings import Settings, SettingsError

GOOD = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}


def test_two_tokens_are_enough() -> None:
    settings = Settings.load(GOOD)
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.endpoint_url == "http://127.0.0.1:9081"
    assert settings.identity_keys is None


def test_urls_and_keys_are_read_as_given() -> None:
    more = {
        "SLACK_API_URL": "http://127.0.0.1:8601/api",
        "THREADWRIGHT_BOT_BIND": "0.0.0.0:9000",
        "THREADWRIGHT_BOT_URL": "http://bot:9000",
        "RESTATE_IDENTITY_KEYS": "publickeyv1_a, publickeyv1_b",
    }
    settings = Settings.load(GOOD | more)
    assert settings.slack_api_url == "http://127.0.0.1:8601/api/"
    assert settings.endpoint_url == "http://bot:9000"
    assert settings.identity_keys == ["publickeyv1_a", "publickeyv1_b"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SLACK_BOT_TOKEN", ""),
        ("SLACK_APP_TOKEN", ""),
        ("SLACK_BOT_TOKEN", "xapp-secret"),
        ("SLACK_APP_TOKEN", "xoxb-secret"),
        ("SLACK_API_URL", "slack.com/api"),
        ("RESTATE_INGRESS_URL", "8080"),
        ("RESTATE_ADMIN_URL", "ftp://x"),
        ("THREADWRIGHT_BOT_BIND", "9081"),
        ("THREADWRIGHT_BOT_URL", "bot:9081"),
        ("THREADWRIGHT_SLACK_BIND", "3000"),
        ("THREADWRIGHT_ADMIT", "guests,everybody"),
        ("THREADWRIGHT_ASIDE", "  "),
        ("THREADWRIGHT_ASIDE", "//"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(GOOD | {variable: value})
    sentence = str(caught.value)
    assert sentence.startswith(variable)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_the_mark_of_an_aside_is_one_that_slack_lets_people_type() -> None:
    assert Settings.load(GOOD).aside == "aside:"
    with pytest.raises(SettingsError, match="must not start with /, which Slack takes"):
        Settings.load(GOOD | {"THREADWRIGHT_ASIDE": " // "})


def test_socket_mode_and_http_mode_are_told_apart_by_what_is_set() -> None:
    secret = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s3cret"}
    settings = Settings.load(secret)
    assert settings.slack_app_token is None
    assert settings.slack_bind == "127.0.0.1:3000"
    assert "s3cret" not in repr(settings)
    with pytest.raises(SettingsError, match=r"^SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both"):
        Settings.load(GOOD | secret)
    with pytest.raises(SettingsError, match=r"^SLACK_APP_TOKEN is not set: .*SLACK_SIGNING_SECRET"):
        Settings.load({"SLACK_BOT_TOKEN": "xoxb-1"})


def test_who_is_admitted_is_a_list_of_words() -> None:
    assert Settings.load(GOOD).admitted == []
    assert Settings.load(GOOD | {"THREADWRIGHT_ADMIT": " outsiders"}).admitted == ["outsiders"]
    both = Settings.load(GOOD | {"THREADWRIGHT_ADMIT": "outsiders, guests"})
    assert both.admitted == ["guests", "outsiders"]


def test_the_process_says_it_and_ends_with_status_2() -> None:
    clean = {key: value for key, value in os.environ.items() if "SLACK" not in key}
    ended = subprocess.run(
        [sys.executable, "-m", "bot"], env=clean, capture_output=True, text=True, timeout=180
    )
    assert ended.returncode == 2
    expected = "threadwright-bot: SLACK_BOT_TOKEN is not set: give it a value and start again.\n"
    assert (ended.stderr, ended.stdout) == (expected, "")
