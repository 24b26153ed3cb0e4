"""Owns printing the app's manifest: as it is for Socket Mode, or with our address for HTTP mode."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from bot.http_mode import EVENTS_PATH

MANIFEST = Path(__file__).parents[1] / "manifest.yml"


class ManifestError(Exception):
    """It cannot be printed; one sentence."""


def manifest(url: str = "") -> str:
    """The manifest as YAML.

    Args:
        url: where Slack reaches us, for example `https://bot.example.com`; empty for Socket Mode.
    """
    try:
        text = MANIFEST.read_text()
    except OSError as error:
        raise ManifestError(
            f"{MANIFEST} cannot be read ({error.strerror}): run this in a checkout."
        ) from error
    return text if not url else _over_http(text, url)


def _over_http(text: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ManifestError(f"--url {url} cannot be used: it must look like https://example.com.")
    address = url.rstrip("/") + EVENTS_PATH
    read: dict[str, Any] = yaml.safe_load(text)
    settings = read["settings"]
    settings["socket_mode_enabled"] = False
    settings["event_subscriptions"] = {"request_url": address, **settings["event_subscriptions"]}
    settings["interactivity"] = {**settings["interactivity"], "request_url": address}
    for command in read["features"]["slash_commands"]:
        command["url"] = address
    printed: str = yaml.safe_dump(read, sort_keys=False, allow_unicode=True)
    return printed
