"""Owns what a sandbox may reach, in Modal's words.

An empty list of addresses closes all ways out and leaves the tunnels in: `block_network` would
refuse those too. Names are matched on TLS connections to port 443; everything else stays closed.
"""

from typing import TypedDict

from sandbox.egress import policy_of
from sandbox.settings import Settings


class Network(TypedDict, total=False):
    outbound_cidr_allowlist: list[str]
    outbound_domain_allowlist: list[str]
    encrypted_ports: list[int]


def network(settings: Settings) -> Network:
    access = Network(outbound_cidr_allowlist=[], encrypted_ports=list(settings.preview_ports))
    if allowed := hosts(settings):
        access["outbound_domain_allowlist"] = allowed
    return access


def hosts(settings: Settings) -> list[str]:
    """The public registries: what this machine's own pip and npm use is of no use in the cloud."""
    policy = policy_of(settings.egress)
    return list(policy.hosts) if policy else []
