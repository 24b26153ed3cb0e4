"""The manifest as the workspace reads it, and one sentence for each mistake."""

from pathlib import Path

import pytest
import yaml

from local.slack.manifest import ManifestError, read_manifest
from tests.integration.slack_workspace.installed import Json, manifest, write_manifest


def test_optional_scopes_and_the_agents_own_scope_are_granted(tmp_path: Path) -> None:
    content = manifest()
    content["oauth_config"]["scopes"] = {"bot": ["chat:write"], "bot_optional": ["files:read"]}
    read = read_manifest(write_manifest(tmp_path, content))
    assert read.granted_scopes == ["assistant:write", "chat:write", "files:read"]
    assert read.subscribes_to("app_mention")
    assert not read.subscribes_to("reaction_added")


def test_without_the_scope_commands_there_are_no_commands_or_shortcuts(tmp_path: Path) -> None:
    content = manifest()
    read = read_manifest(write_manifest(tmp_path, content))
    assert [one.command for one in read.commands] == ["/threadwright"]
    assert [one.callback_id for one in read.message_shortcuts] == ["download_project"]
    content["oauth_config"]["scopes"]["bot"].remove("commands")
    read = read_manifest(write_manifest(tmp_path, content))
    assert read.commands == []
    assert read.message_shortcuts == []


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
    with pytest.raises(ManifestError, match=f"is wrong at {place}: "):
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
