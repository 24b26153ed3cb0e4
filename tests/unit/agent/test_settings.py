"""A missing or wrong setting is one sentence that names the variable."""

import pytest

from agent.settings import Settings, SettingsError


def test_the_key_alone_is_enough() -> None:
    settings = Settings.load({"OPENAI_API_KEY": "sk-test"})
    assert settings.llm_model == "gpt-6.1-sol"
    assert settings.endpoint_url == "http://127.0.0.1:9080"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "OPENAI_API_KEY is not set"),
        ({"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is not set"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "localhost"}, "OPENAI_BASE_URL='localhost'"),
        ({"OPENAI_API_KEY": "k", "LLM_API": "soap"}, "LLM_API='soap'"),
        ({"OPENAI_API_KEY": "k", "LLM_IMAGES": "yes"}, "LLM_IMAGES='yes'"),
        ({"OPENAI_API_KEY": "k", "THREADWRIGHT_DOWNLOAD_MB": "2000"}, "THREADWRIGHT_DOWNLOAD_MB"),
        (
            {"OPENAI_API_KEY": "k", "THREADWRIGHT_PUBLIC_URL": "https://a.example"},
            "THREADWRIGHT_LINK_SECRET is not set",
        ),
        (
            {"OPENAI_API_KEY": "k", "THREADWRIGHT_LINK_SECRET": "short"},
            "THREADWRIGHT_LINK_SECRET cannot be used",
        ),
        ({"OPENAI_API_KEY": "k", "THREADWRIGHT_STEP_TURNS": "0"}, "THREADWRIGHT_STEP_TURNS='0'"),
    ],
)
def test_a_bad_setting_is_named(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Settings.load(environ)


def test_a_secret_is_never_repeated() -> None:
    settings = Settings.load({"OPENAI_API_KEY": "sk-very-secret"})
    assert "very-secret" not in repr(settings)
