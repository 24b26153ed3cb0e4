"""Owns reading where this machine gets its packages from: the settings of pip and npm.

They may hold passwords and tokens. Those are left out here, at the source; that a registry has some
is all that is kept of them.
"""

import configparser
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sandbox.errors import Fatal

NPM_GLOBAL = (Path("/usr/etc/npmrc"), Path("/usr/local/etc/npmrc"), Path("/etc/npmrc"))
PIP_GLOBAL = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))
PIP_SECTIONS = ("global", "install")
VARIABLE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True)
class Registry:
    setting: str
    """Of the tool inside: `PIP_INDEX_URL`."""
    url: str
    """Without user, password, query and fragment."""
    secured: bool
    """The machine's settings hold a name, password or token for it."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (80 if parts.scheme == "http" else 443)

    @property
    def plain(self) -> bool:
        return urlsplit(self.url).scheme == "http"


@dataclass(frozen=True)
class MachineSettings:
    registries: tuple[Registry, ...]
    authorities: tuple[Path, ...]
    """Files of certificates that pip and npm are told to trust."""


def machine_settings(environ: Mapping[str, str]) -> MachineSettings:
    """Raises Fatal when a file of settings cannot be understood."""
    pip, npm = _pip(environ), _npm(environ)
    found = [
        *_named("PIP_INDEX_URL", pip.get("index-url", "")),
        *_named("PIP_EXTRA_INDEX_URL", pip.get("extra-index-url", "")),
        *_named("NPM_CONFIG_REGISTRY", npm.get("registry", "")),
    ]
    registries = [Registry(r.setting, r.url, r.secured or _has_token(npm, r)) for r in found]
    files = [pip.get("cert", ""), npm.get("cafile", "")]
    return MachineSettings(tuple(registries), tuple(Path(file) for file in files if file))


def _named(setting: str, urls: str) -> Iterator[Registry]:
    """Places that are no hosts (files) are out of a sandbox's reach, and left out."""
    for url in urls.split():
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise Fatal(f"{setting} of this machine is no address: correct it.") from None
        if parts.scheme in ("http", "https") and parts.hostname:
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            bare = urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))
            yield Registry(setting, bare, parts.username is not None)


def _has_token(npm: Mapping[str, str], registry: Registry) -> bool:
    """npm keeps them under the registry's address without its scheme: `//host/path/:_authToken`."""
    place = registry.url.partition(":")[2].rstrip("/")
    return any(
        place.startswith(key.rpartition("/:")[0])
        for key in npm
        if key.startswith("//") and ("/:_auth" in key or "/:_password" in key)
    )


# --- pip --------------------------------------------------------------------------------------


def _pip(environ: Mapping[str, str]) -> dict[str, str]:
    """Later files win, and the environment over all of them."""
    found: dict[str, str] = {}
    for path in _pip_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(_text(path))
        except configparser.Error:
            raise Fatal(f"{path} is no file of pip's settings: correct it.") from None
        for section in filter(parser.has_section, PIP_SECTIONS):
            found.update((key.replace("_", "-"), value) for key, value in parser.items(section))
    for key, value in environ.items():
        if key.startswith("PIP_") and value:
            found[key[4:].lower().replace("_", "-")] = value
    return found


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    own = environ.get("PIP_CONFIG_FILE")
    if own == "/dev/null":  # pip's word for: no files at all
        return
    yield from PIP_GLOBAL
    yield from (home / ".pip" / "pip.conf", config / "pip" / "pip.conf")
    yield Path(sys.prefix, "pip.conf")
    if own:
        yield Path(own)


# --- npm --------------------------------------------------------------------------------------


def _npm(environ: Mapping[str, str]) -> dict[str, str]:
    home = Path(environ.get("HOME") or Path.home())
    own = {k.lower(): v for k, v in environ.items() if k.lower().startswith("npm_config_") and v}
    given = own.get("npm_config_globalconfig")
    found: dict[str, str] = {}
    for path in (
        *((Path(given),) if given else NPM_GLOBAL),
        Path(own.get("npm_config_userconfig") or home / ".npmrc"),
    ):
        for line in _text(path).splitlines():
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith(("#", ";")):
                filled = VARIABLE.sub(lambda m: environ.get(m.group(1), m.group(0)), value.strip())
                found[key.strip()] = filled.strip("\"'")
    found.update((key[len("npm_config_") :].replace("_", "-"), v) for key, v in own.items())
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"{path} cannot be read, and it may name a registry: {error}.") from None
