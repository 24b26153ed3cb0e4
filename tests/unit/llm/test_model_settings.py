"""The settings of the model: what follows from them, and what cannot be used together."""

import pytest

from agent.llm import LLMFatal, endpoint_for
from agent.settings import Settings, SettingsError

KEY = {"OPENAI_API_KEY": "k"}


def load(**environ: str) -> Settings:
    return Settings.load(KEY | environ)


@pytest.mark.parametrize(
    ("environ", "api"),
    [
        ({}, "responses"),
        ({"OPENAI_BASE_URL": "https://api.openai.com/v1"}, "responses"),
        ({"OPENAI_BASE_URL": "https://acme.openai.azure.com/openai/v1/"}, "responses"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}, "chat"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:4000/v1", "LLM_API": "responses"}, "responses"),
    ],
)
def test_the_api_follows_from_the_server(environ: dict[str, str], api: str) -> None:
    assert load(**environ).api == api


def test_an_answer_fits_the_window_beside_what_it_answers() -> None:
    assert load().output_tokens == 32_000
    assert load(LLM_WINDOW_TOKENS="16000").output_tokens == 4000


def test_every_model_in_use_is_named_once() -> None:
    now = load(
        LLM_MODEL="a", LLM_MODELS="b, a", LLM_MODEL_PLAN="c", LLM_MODEL_SUMMARY="a",
        LLM_MODEL_CHEAP="d",
    )  # fmt: skip
    assert now.models_in_use == ["a", "b", "c", "d"]


def test_background_mode_needs_the_responses_api() -> None:
    assert load(LLM_BACKGROUND="1").llm_background
    with pytest.raises(SettingsError, match="LLM_BACKGROUND needs the Responses API"):
        load(LLM_BACKGROUND="1", OPENAI_BASE_URL="http://127.0.0.1:11434/v1")


@pytest.mark.parametrize("key", ["", " \n", "sk-one sk-two", "sk-ключ"])
def test_what_can_be_no_key_is_told_for_every_client(key: str) -> None:
    with pytest.raises(LLMFatal, match="OPENAI_API_KEY"):
        endpoint_for(api_key=key)
