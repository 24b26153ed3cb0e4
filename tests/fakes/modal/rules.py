"""Owns what Modal refuses in a request to create a sandbox, whatever the SDK let through."""

import ipaddress
import re
from collections.abc import Iterable

from grpclib import Status
from modal_proto import api_pb2

from tests.fakes.modal.faults import refusal

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
TAG = re.compile(r"[A-Za-z0-9._-]{1,63}")
APP_ID = re.compile(r"ap-[A-Za-z0-9]{22}")
DOMAIN = re.compile(r"\*|(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
DAY_SECONDS = 86400
ARGUMENT_BYTES = 1 << 16
Access = api_pb2.NetworkAccess


def check_definition(definition: api_pb2.Sandbox) -> None:
    if definition.name:
        check_name(definition.name)
    if not 1 <= definition.timeout_secs <= DAY_SECONDS:
        _refuse("timeout has to be from 1 second to 24 hours")
    if definition.workdir and not definition.workdir.startswith("/"):
        _refuse(f"workdir has to be absolute: {definition.workdir}")
    check_arguments(definition.entrypoint_args)
    _check_ports([spec.port for spec in definition.open_ports.ports])
    check_network(definition.network_access)
    if definition.network_access.network_access_type == Access.BLOCKED:
        if definition.open_ports.ports:
            _refuse("a sandbox without a network can have no ports")
        if definition.inbound_cidr_allowlist:
            _refuse("a sandbox without a network can have no inbound list")
    _check_cidrs(definition.inbound_cidr_allowlist)


def check_name(name: str) -> None:
    if not NAME.fullmatch(name) or APP_ID.fullmatch(name):
        _refuse(f"the name {name!r} is not valid")


def check_arguments(arguments: Iterable[str]) -> None:
    if sum(len(argument.encode()) for argument in arguments) > ARGUMENT_BYTES:
        _refuse("the arguments are longer than 64 KiB in total")


def check_tags(tags: Iterable[api_pb2.SandboxTag]) -> dict[str, str]:
    checked: dict[str, str] = {}
    for tag in tags:
        for word in (tag.tag_name, tag.tag_value):
            if not TAG.fullmatch(word):
                _refuse(f"the tag {tag.tag_name!r}={tag.tag_value!r} is not valid")
        checked[tag.tag_name] = tag.tag_value
    return checked


def check_network(access: api_pb2.NetworkAccess) -> None:
    if access.network_access_type != Access.ALLOWLIST:
        if access.allowed_cidrs or access.allowed_domains:
            _refuse("only an allow-list has entries")
        return
    _check_cidrs(access.allowed_cidrs)
    for domain in access.allowed_domains:
        if not DOMAIN.fullmatch(domain):
            _refuse(f"{domain!r} is no domain: give names, *.example.com or *")


def _check_ports(ports: list[int]) -> None:
    for port in ports:
        if not 1 <= port <= 65535:
            _refuse(f"{port} is no port")
    if len(set(ports)) != len(ports):
        _refuse("a port is listed twice")


def _check_cidrs(cidrs: Iterable[str]) -> None:
    for cidr in cidrs:
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            _refuse(f"{cidr!r} is no CIDR")


def _refuse(why: str) -> None:
    raise refusal(Status.INVALID_ARGUMENT, why)
