"""What is asked of Modal for a sandbox, as plain functions of the settings."""

import asyncio
import time
from pathlib import Path

from sandbox.backends.modal.limiter import Limiter
from sandbox.backends.modal.network import network
from sandbox.egress import REGISTRY_HOSTS
from sandbox.settings import Settings


def _settings(**changes: object) -> Settings:
    return Settings.model_validate({"state_dir": Path("/nowhere"), **changes})


def test_a_sandbox_without_network_can_still_be_previewed() -> None:
    assert network(_settings(preview_ports=(3000,))) == {
        "outbound_cidr_allowlist": [],
        "encrypted_ports": [3000],
    }


def test_named_hosts_and_the_registries_are_allowed_and_no_address() -> None:
    access = network(_settings(egress=f"registries,*.example.com,{REGISTRY_HOSTS[0]}"))

    assert access["outbound_cidr_allowlist"] == []
    assert access["outbound_domain_allowlist"][-1] == "*.example.com"
    assert access["outbound_domain_allowlist"].count(REGISTRY_HOSTS[0]) == 1


async def test_creations_are_spaced_out() -> None:
    limiter = Limiter(per_second=20)
    began = time.monotonic()
    await asyncio.gather(*(limiter.turn() for _ in range(4)))

    assert time.monotonic() - began >= 0.15
