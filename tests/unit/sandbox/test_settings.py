"""What the environment says of sandboxes, and one sentence for what it says wrongly."""

import os
from pathlib import Path

import pytest

from sandbox.settings import ROOT_STATE_DIR, Settings, SettingsError


def test_nothing_has_to_be_set() -> None:
    settings = Settings.load({"HOME": "/home/ana"})

    expected = Path("/home/ana/.local/state/threadwright/sandboxes")
    assert settings.state_dir == (ROOT_STATE_DIR if os.geteuid() == 0 else expected)
    assert (settings.backend, settings.idle_seconds, settings.uid) == ("local", 900, 61000)


def test_every_setting_is_read() -> None:
    settings = Settings.load(
        {
            "SANDBOX_BACKEND": "local",
            "SANDBOX_STATE_DIR": "/srv/boxes",
            "SANDBOX_IDLE_SECONDS": "60",
            "SANDBOX_MEMORY_MB": "128",
            "SANDBOX_DISK_MB": "64",
            "SANDBOX_UID": "62000",
            "SANDBOX_BWRAP": "/opt/bwrap",
        }
    )

    assert settings == Settings(
        state_dir=Path("/srv/boxes"),
        idle_seconds=60,
        memory_mb=128,
        disk_mb=64,
        uid=62000,
        bwrap="/opt/bwrap",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_BACKEND", "docker"),
        ("SANDBOX_STATE_DIR", "relative/path"),
        ("SANDBOX_IDLE_SECONDS", "0"),
        ("SANDBOX_IDLE_SECONDS", "soon"),
        ("SANDBOX_MEMORY_MB", "-5"),
        ("SANDBOX_MEMORY_MB", "²"),
        ("SANDBOX_DISK_MB", "1.5"),
        ("SANDBOX_UID", "0"),
        ("SANDBOX_CPUS", "many"),
        ("SANDBOX_LIFETIME_SECONDS", "90000"),
        ("SANDBOX_EGRESS", "10.0.0.1"),
        ("SANDBOX_EGRESS", "https://example.com"),
        ("SANDBOX_EGRESS", "registries,localhost"),
        ("SANDBOX_PREVIEW_PORTS", "3000,http"),
        ("SANDBOX_PREVIEW_PORTS", "70000"),
        ("SANDBOX_LIMITS", "docker"),
        ("SANDBOX_DISK", "tape"),
        ("SANDBOX_OWNER", "two words"),
        ("MODAL_APP", "x" * 64),
    ],
)
def test_a_wrong_value_gives_one_sentence_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name}\b[^\n]*\.$"):
        Settings.load({name: value})


@pytest.mark.parametrize("name", ["MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"])
def test_modal_without_a_token_is_refused_with_where_to_get_one(name: str) -> None:
    env = {"SANDBOX_BACKEND": "modal", "MODAL_TOKEN_ID": "ak-1", "MODAL_TOKEN_SECRET": "as-1"}
    with pytest.raises(SettingsError, match=rf"^{name} is not set: .* API tokens"):
        Settings.load({**env, name: ""})


def test_egress_names_hosts_and_the_preset_together() -> None:
    settings = Settings.load({"SANDBOX_EGRESS": "Registries, *.Example.com"})

    assert settings.egress == "registries,*.example.com"


def test_the_token_is_not_shown() -> None:
    env = {"SANDBOX_BACKEND": "modal", "MODAL_TOKEN_ID": "ak-1", "MODAL_TOKEN_SECRET": "as-1"}
    assert "as-1" not in repr(Settings.load(env))
