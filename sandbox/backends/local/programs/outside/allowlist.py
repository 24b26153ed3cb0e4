"""Owns the two questions of every connection out: is this name allowed, and is this address?"""

from __future__ import annotations

import ipaddress
import re
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..framing import Header

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Resolve = Callable[..., list[Any]]

AUTHORITY = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Denied(Exception):
    """The message is the sentence."""


def split_authority(text: str) -> tuple[str, int]:
    """Host in small letters, and port. Raises Denied."""
    match = AUTHORITY.fullmatch(text)
    if match is None or int(match.group(2)) > 65535:
        raise Denied("The request names no host and port.")
    return match.group(1).lower(), int(match.group(2))


def matches(rule: Header, host: str) -> bool:
    pattern: str = rule["host"]
    if not pattern.startswith("*."):
        return host == pattern
    below = host[: -len(pattern) + 1]
    return host.endswith(pattern[1:]) and all(map(LABEL.fullmatch, below.split(".")))


def find_rule(rules: list[Header], host: str, port: int, plain: bool) -> Header:
    """Raises Denied, with what would have been right."""
    named = [rule for rule in rules if matches(rule, host)]
    if not named:
        raise Denied(f"{host} is not among the hosts a sandbox may reach (SANDBOX_EGRESS).")
    for rule in named:
        if rule["plain"] == plain and rule["port"] == port:
            return rule
    first = named[0]
    scheme = "http" if first["plain"] else "https"
    raise Denied(f"{host} may be reached by {scheme} on port {first['port']} only.")


def addresses(rule: Header, host: str, port: int, resolve: Resolve) -> list[str]:
    """Resolved once: what was checked is what is dialled. Raises Denied, OSError."""
    name = rule["address"] or host.strip("[]")
    found = list(dict.fromkeys(a[4][0] for a in resolve(name, port, type=socket.SOCK_STREAM)))
    for text in found:
        address = _embedded(ipaddress.ip_address(text))
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            raise Denied(f"{host} resolves to an address no server has.")
        if not rule["near"] and not _is_public(address):
            raise Denied(f"{host} resolves to an address that is not public.")
    return found


def _is_public(address: Address) -> bool:
    is_site_local = address.version == 6 and address.is_site_local
    return address.is_global and not address.is_reserved and not is_site_local


def _embedded(address: Address) -> Address:
    """The IPv4 address that a gateway makes of it."""
    if address.version == 4:
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
