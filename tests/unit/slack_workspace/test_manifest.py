"""The manifest as the workspace reads it, and one sentence for each mistake."""

from pathlib import Path

import pytest
import yaml

from local.slack.errors import Refused
from local.slack.manifest import ManifestError, read_manifest
from tests.integration.slack_workspace.installed import Json, manifest, over_http, write_manifest


def test_optional_scopes_and_the_agents_own_scope_are_granted(tmp_path: Path) -> None:
    content = manifest()
    content["oauth_config"]["scopes"] = {"bot": ["chat:write"], "bot_optional": ["files:read"]}
    read = read_manifest(write_manifest(tmp_path, content))
    assert read.granted_scopes == ["assistant:write", "chat:write", "files:read"]
    assert read.subscribes_to("app_mention")
    assert not read.subscribes_to("link_shared")


def test_without_the_scope_commands_there_are_no_commands_or_shortcuts(tmp_path: Path) -> None:
    content = manifest()
    read = read_manifest(write_manifest(tmp_path, content))
    assert [one.command for one in read.commands] == ["/threadwright"]
    assert [one.callback_id for one in read.message_shortcuts] == ["download_project"]
    content["oauth_config"]["scopes"]["bot"].remove("commands")
    read = read_manifest(write_manifest(tmp_path, content))
    assert read.commands == []
    assert read.message_shortcuts == []


def test_an_admin_may_refuse_what_is_optional_and_nothing_else(tmp_path: Path) -> None:
    content = manifest()
    content["oauth_config"]["scopes"] = {"bot": ["chat:write"], "bot_optional": ["files:read"]}
    read = read_manifest(write_manifest(tmp_path, content))
    assert not read.without_optional(["files:read"]).has_scope("files:read")
    assert read.without_optional([]).has_scope("files:read")
    with pytest.raises(Refused, match="chat:write is not among the manifest's bot_optional"):
        read.without_optional(["chat:write"])


def test_without_socket_mode_every_address_is_there(tmp_path: Path) -> None:
    read = read_manifest(write_manifest(tmp_path, over_http(manifest())))
    assert read.commands[0].url == "https://app.example.com/slack/commands"
    assert [one.callback_id for one in read.global_shortcuts] == ["start_project"]


def no_request_url(content: Json) -> None:
    del over_http(content)["settings"]["event_subscriptions"]["request_url"]


def no_clicks_url(content: Json) -> None:
    del over_http(content)["settings"]["interactivity"]["request_url"]


def no_command_url(content: Json) -> None:
    del over_http(content)["features"]["slash_commands"][0]["url"]


def odd_url(content: Json) -> None:
    over_http(content)["settings"]["interactivity"]["request_url"] = "app.example.com"


def six_shortcuts(content: Json) -> None:
    one = content["features"]["shortcuts"][0]
    content["features"]["shortcuts"] = [{**one, "callback_id": f"s{n}"} for n in range(6)]


def twin_shortcuts(content: Json) -> None:
    content["features"]["shortcuts"] = [content["features"]["shortcuts"][0]] * 2


def misspelt_setting(content: Json) -> None:
    content["settings"]["socket_mode_enable"] = True


def misspelt(content: Json) -> None:
    content["features"]["agent_veiw"] = content["features"].pop("agent_view")


def long_shortcut(content: Json) -> None:
    content["features"]["shortcuts"][0]["name"] = "x" * 25


def bad_command(content: Json) -> None:
    content["features"]["slash_commands"][0]["command"] = "threadwright"


def nameless(content: Json) -> None:
    del content["display_information"]["name"]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (no_request_url, "Event Subscription requires either Request URL or Socket Mode Enabled"),
        (no_clicks_url, "Interactivity requires a Request URL"),
        (no_command_url, "Slash Command must have a URL or Socket Mode Enabled"),
        (odd_url, "settings.interactivity.request_url"),
        (six_shortcuts, "at most 5 message shortcuts"),
        (twin_shortcuts, "the same callback_id"),
        (misspelt_setting, "settings.socket_mode_enable"),
        (misspelt, "features.agent_veiw"),
        (long_shortcut, "features.shortcuts.0.name"),
        (bad_command, "features.slash_commands.0.command"),
        (nameless, "display_information.name"),
    ],
)
def test_a_mistake_is_named_by_its_place(tmp_path: Path, spoil: object, place: str) -> None:
    content = manifest()
    assert callable(spoil)
    spoil(content)
    with pytest.raises(ManifestError, match=f"is wrong at .*{place}"):
        read_manifest(write_manifest(tmp_path, content))


def test_a_missing_file_and_broken_yaml_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path / "none.yml")
    broken = tmp_path / "manifest.yml"
    broken.write_text("a: [", encoding="utf-8")
    with pytest.raises(ManifestError, match="is not valid YAML"):
        read_manifest(broken)
    broken.write_text(yaml.safe_dump(["a"]), encoding="utf-8")
    with pytest.raises(ManifestError, match="is wrong at the file"):
        read_manifest(broken)


def test_the_products_own_manifest_is_accepted() -> None:
    read = read_manifest(Path(__file__).parents[3] / "manifest.yml")
    assert read.settings.socket_mode_enabled
