"""Owns what a sandbox may reach: the setting SANDBOX_EGRESS as a list of rules.

Rules name hosts, never addresses. What a name resolves to is checked when it is dialled, because
whoever owns a name may point it at this machine or at its neighbours.
"""

from collections.abc import Iterable
from dataclasses import dataclass

OFF = "off"
REGISTRIES = "registries"
HTTPS_PORT = 443
REGISTRY_HOSTS = ("pypi.org", "files.pythonhosted.org", "registry.npmjs.org")
"""All that `pip install` and `npm install` need: two indexes, and where files of one are kept."""


@dataclass(frozen=True)
class Rule:
    host: str
    """A name in small letters, or `*.` and a suffix: any name below it, not the suffix itself."""
    port: int = HTTPS_PORT
    plain: bool = False
    """Requests without TLS: reading only."""
    near: bool = False
    """The name may resolve to an address that is not public: it is where this machine itself gets
    its packages, and company mirrors and their name servers live on private networks."""
    address: str = ""
    """Dialled instead of what the name resolves to."""


@dataclass(frozen=True)
class Policy:
    rules: tuple[Rule, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """As people are told them."""
        names = (r.host if r.port == HTTPS_PORT else f"{r.host}:{r.port}" for r in self.rules)
        return tuple(dict.fromkeys(names))


def policy_of(egress: str, mirrors: Iterable[Rule] = ()) -> Policy | None:
    """None: no network at all.

    Args:
        egress: `Settings.egress`, checked already.
        mirrors: of package registries; they belong to the word `registries`.
    """
    if egress == OFF:
        return None
    rules: list[Rule] = []
    for word in egress.split(","):
        if word == REGISTRIES:
            rules += (Rule(host, near=True) for host in REGISTRY_HOSTS)
            rules += mirrors
        else:
            rules.append(Rule(word))
    return Policy(tuple(dict.fromkeys(rules)))


def follows_machine(egress: str) -> bool:
    """Whether the machine's own settings of pip and npm matter."""
    return REGISTRIES in egress.split(",")
