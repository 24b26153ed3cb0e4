"""The manifest asks for what the code uses, and for nothing else."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot import names, scopes
from bot.manifest import ManifestError
from bot.manifest import manifest as printed
from local.slack.manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[3]
MANIFEST = ROOT / "manifest.yml"


def manifest() -> Manifest:
    return read_manifest(MANIFEST)


def client_calls() -> Iterator[str]:
    """Names of Web API methods that code in `bot/` calls."""
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and is_method(node.attr):
                yield node.attr


def is_method(name: str) -> bool:
    return "_" in name and not name.startswith("_") and hasattr(AsyncWebClient, name)


def sdk_name(method: str) -> str:
    return method.replace(".", "_")


def test_the_table_of_methods_is_what_the_code_calls() -> None:
    assert {sdk_name(method) for method in scopes.METHOD_SCOPES} == set(client_calls())


def test_scopes_are_exactly_those_the_calls_events_and_features_need() -> None:
    needed = {
        scope
        for table in (scopes.METHOD_SCOPES, scopes.EVENT_SCOPES)
        for many in table.values()
        for scope in many
    }
    optional = set(scopes.OPTIONAL_SCOPES)
    asked = manifest().oauth_config.scopes
    assert set(asked.bot) == (needed | set(scopes.FEATURE_SCOPES)) - optional
    assert set(asked.bot_optional) == optional
    assert asked.user == asked.user_optional == []


def test_events_are_exactly_those_with_a_listener() -> None:
    events = manifest().settings.event_subscriptions.bot_events
    assert set(events) == set(scopes.EVENT_SCOPES)
    source = "".join(path.read_text() for path in (ROOT / "bot" / "listeners").glob("*.py"))
    for event in events:
        assert f'app.event("{event.split(".")[0]}")' in source


def test_command_shortcut_and_callback_ids_are_the_ones_the_code_knows() -> None:
    features = manifest().features
    assert [command.command for command in features.slash_commands] == [names.COMMAND]
    assert [(short.callback_id, short.type, short.name) for short in features.shortcuts] == [
        (names.DOWNLOAD_SHORTCUT, "message", "Download project"),
        (names.STATUS_SHORTCUT, "message", "Show status"),
        (names.STOP_SHORTCUT, "message", "Stop work"),
        (names.SESSIONS_SHORTCUT, "global", "My sessions"),
    ]
    assert "sessions | config" in features.slash_commands[0].usage_hint
    assert all(command.url is None for command in features.slash_commands)


def test_the_app_is_an_agent_people_can_write_to_over_socket_mode() -> None:
    read = manifest()
    assert read.features.agent_view is not None
    assert read.features.app_home.messages_tab_enabled
    assert not read.features.app_home.messages_tab_read_only_enabled
    assert read.settings.socket_mode_enabled
    assert read.interactive
    assert read.settings.org_deploy_enabled
    assert not read.settings.token_rotation_enabled


def test_the_newer_manifest_schema_is_named() -> None:
    assert yaml.safe_load(MANIFEST.read_text())["_metadata"]["major_version"] == 2


def test_it_is_printed_as_it_is_for_socket_mode() -> None:
    assert printed() == MANIFEST.read_text()


def test_with_our_address_it_is_one_for_http_mode(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(printed("https://bot.example.com/"))
    read, address = read_manifest(path), "https://bot.example.com/slack/events"
    assert not read.settings.socket_mode_enabled
    written = yaml.safe_load(path.read_text())
    assert written["settings"]["event_subscriptions"]["request_url"] == address
    assert written["settings"]["interactivity"]["request_url"] == address
    assert [command.url for command in read.features.slash_commands] == [address]
    assert read.oauth_config == manifest().oauth_config


@pytest.mark.parametrize("url", ["example.com", "http://example.com", "https://", "https://a?b"])
def test_an_address_slack_cannot_use_is_one_sentence(url: str) -> None:
    with pytest.raises(ManifestError, match=r"^--url .* cannot be used: .*\.$"):
        printed(url)


def test_the_command_prints_it() -> None:
    command = [sys.executable, "-m", "bot", "manifest", "--url", "https://bot.example.com"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=180)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == printed("https://bot.example.com")
