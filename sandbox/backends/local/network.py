"""Owns what a new sandbox is given of the network: rules for the proxy, settings for its tools.

Read from this machine's own settings in the worker; neither the supervisor nor the sandbox sees
those.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox.backends.local.programs.outside.bwrap import AUTHORITIES
from sandbox.backends.local.programs.outside.egress import PORT
from sandbox.backends.local.registries import MachineSettings, Registry, machine_settings
from sandbox.egress import Policy, Rule, follows_machine, policy_of
from sandbox.protocol import Finding

PROXY = f"http://127.0.0.1:{PORT}"
DIRECT = "localhost,127.0.0.1,::1"
MACHINE = "machine.internal"
"""A registry on this machine's own loopback, as sandboxes call it: their loopback is another."""
BUNDLES = tuple(
    map(Path, ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"))
)
"""Of all authorities this machine trusts, by family of distributions."""
SEEN = "/etc/ssl"
"""The folder of certificates that sandboxes see anyway."""
BUNDLE_BYTES = 512 << 10
NAMED_BY = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
READ_BY = (*NAMED_BY, "PIP_CERT", "GIT_SSL_CAINFO")
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
IMPATIENT = {"PIP_RETRIES": "0", "NPM_CONFIG_FETCH_RETRIES": "0"}
"""Without any network: both would try for up to minutes, and an agent would wait for them."""
WHAT = "internet access"


@dataclass(frozen=True)
class Network:
    policy: Policy | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    authorities: str = ""
    """Certificates to bind; empty: those in /etc/ssl are all."""
    findings: tuple[Finding, ...] = ()

    def request(self) -> dict[str, Any]:
        """As the supervisor is told it."""
        rules = [asdict(rule) for rule in self.policy.rules] if self.policy else []
        return {
            "egress": rules,
            "environment": dict(self.environment),
            "authorities": self.authorities,
        }


def network_for(egress: str, environ: Mapping[str, str]) -> Network:
    """Raises Fatal when settings of this machine that matter cannot be read."""
    if egress == "off":
        off = Finding(what=WHAT, state="off", detail="sandboxes reach no network")
        return Network(environment=IMPATIENT, findings=(off,))
    machine = machine_settings(environ)
    registries = machine.registries if follows_machine(egress) else ()
    policy = policy_of(egress, map(_rule, registries))
    assert policy is not None
    place, authorities, problems = _authorities(machine, environ)
    environment = {**_proxied(), **_indexes(registries)}
    if place:
        environment |= dict.fromkeys(READ_BY, place)
    allowed = Finding(what=WHAT, state="ok", detail=f"only {', '.join(policy.hosts)}")
    found = (allowed, *_unusable(registries), *_upstream(environ), *problems)
    return Network(policy, environment, authorities, found)


def _proxied() -> dict[str, str]:
    named = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY, "NO_PROXY": DIRECT}
    return {**named, **{k.lower(): v for k, v in named.items()}, "NODE_USE_ENV_PROXY": "1"}


# --- registries -------------------------------------------------------------------------------


def _rule(registry: Registry) -> Rule:
    renamed = _inside_name(registry)
    return Rule(
        host=renamed,
        port=registry.port,
        plain=registry.plain,
        near=True,
        address="" if renamed == registry.host else registry.host,
    )


def _inside_name(registry: Registry) -> str:
    """With TLS the name must stay as it is, for the certificate."""
    return MACHINE if registry.plain and _is_loopback(registry.host) else registry.host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _indexes(registries: Iterable[Registry]) -> dict[str, str]:
    told: dict[str, str] = {}
    for registry in registries:
        name = _inside_name(registry)
        url = registry.url
        if name != registry.host:
            start = url.index("//") + 2
            end = url.find("/", start)
            url = f"{url[:start]}{name}:{registry.port}{url[end:] if end > 0 else ''}"
        told[registry.setting] = f"{told.get(registry.setting, '')} {url}".strip()
        if registry.plain and registry.setting.startswith("PIP"):
            trusted = f"{told.get('PIP_TRUSTED_HOST', '')} {name}:{registry.port}"
            told["PIP_TRUSTED_HOST"] = trusted.strip()
    return told


def _unusable(registries: Iterable[Registry]) -> Iterator[Finding]:
    for registry in registries:
        if registry.secured:
            yield Finding(
                what=WHAT,
                state="limited",
                detail=f"{registry.host} is used without the name or token this machine has for "
                "it: no credential enters a sandbox",
                fix="Let it be read without one from this machine, or set another registry.",
            )


def _upstream(environ: Mapping[str, str]) -> Iterator[Finding]:
    if any(environ.get(name) for name in ("HTTPS_PROXY", "https_proxy")):
        yield Finding(
            what=WHAT,
            state="limited",
            detail="this machine reaches the internet through a proxy (HTTPS_PROXY), and sandboxes "
            "do not use it",
            fix="Set a registry that is reached directly, for pip and npm.",
        )


# --- certificates -----------------------------------------------------------------------------


def _authorities(
    machine: MachineSettings, environ: Mapping[str, str]
) -> tuple[str, str, list[Finding]]:
    """Where tools inside find what to trust, what to bind there, and what could not be read.

    All of it in one file, because most tools trust the file they are told and nothing else.
    """
    named = [Path(environ[name]) for name in NAMED_BY if environ.get(name)]
    system = next((path for path in BUNDLES if path.is_file()), Path("/dev/null"))
    trusted = _certificates(system)
    extra: dict[str, None] = {}
    problems: list[Finding] = []
    for path in dict.fromkeys((*machine.authorities, *named)):
        try:
            extra |= _certificates(path)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(_untrusted(f"the certificates in {path} cannot be read ({error})"))
    seen = str(system) if system.resolve().is_relative_to(SEEN) else ""
    if extra.keys() <= trusted.keys() and (seen or not trusted):
        return seen, "", problems
    bundle = "\n".join(trusted | extra) + "\n"
    if len(bundle) <= BUNDLE_BYTES:
        return AUTHORITIES, bundle, problems
    problems.append(_untrusted(f"there are more than {BUNDLE_BYTES >> 10} KB of certificates"))
    return seen, "", problems


def _certificates(path: Path) -> dict[str, None]:
    """Nothing else of the file: a private key may be in it too."""
    return dict.fromkeys(CERTIFICATE.findall(path.read_text("ascii")))


def _untrusted(detail: str) -> Finding:
    fix = "Install them for the whole machine (update-ca-certificates)."
    return Finding(what=WHAT, state="limited", detail=detail, fix=fix)
