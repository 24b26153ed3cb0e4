"""What a sandbox may reach: the setting, the machine's own registries, names and addresses."""

import dataclasses
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.backends.local.network import MACHINE, network_for
from sandbox.backends.local.programs.outside import allowlist
from sandbox.backends.local.programs.outside.allowlist import Denied, find_rule
from sandbox.backends.local.registries import machine_settings
from sandbox.egress import REGISTRY_HOSTS, Rule, policy_of
from sandbox.errors import Fatal
from sandbox.settings import HOST, Settings, SettingsError

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "org"]))


def wire(*rules: Rule) -> list[dict[str, Any]]:
    return [dataclasses.asdict(rule) for rule in rules]


# --- the setting ------------------------------------------------------------------------------


def test_off_means_no_network_at_all() -> None:
    assert policy_of("off") is None


def test_registries_are_the_hosts_of_pip_and_npm_and_the_machines_own_mirrors() -> None:
    mirror = Rule("mirror.corp.example", 8443, near=True)
    policy = policy_of("registries,*.example.com", [mirror])

    assert policy is not None
    assert policy.hosts == (*REGISTRY_HOSTS, "mirror.corp.example:8443", "*.example.com")


def test_mirrors_belong_to_the_word_registries_alone() -> None:
    policy = policy_of("api.example.com", [Rule("mirror.corp.example", near=True)])

    assert policy is not None
    assert policy.rules == (Rule("api.example.com"),)


def test_a_host_that_was_set_may_never_be_a_neighbour_of_this_machine() -> None:
    policy = policy_of("a.example.com,*.example.org")

    assert policy is not None
    assert not any(rule.near or rule.plain or rule.address for rule in policy.rules)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_every_host_of_the_setting_becomes_one_rule_for_https(names: list[str]) -> None:
    egress = Settings.load({"SANDBOX_EGRESS": " , ".join(names), "HOME": "/nowhere"}).egress
    policy = policy_of(egress)

    assert policy is not None
    assert set(policy.rules) == {Rule(name, 443) for name in names}


@given(st.ip_addresses().map(str))
def test_no_address_is_ever_a_host_of_the_setting(address: str) -> None:
    with pytest.raises(SettingsError, match="SANDBOX_EGRESS"):
        Settings.load({"SANDBOX_EGRESS": address, "HOME": "/nowhere"})


# --- names ------------------------------------------------------------------------------------


@given(NAMES, NAMES)
def test_an_exact_name_allows_itself_alone(allowed: str, asked: str) -> None:
    assert allowlist.matches({"host": allowed}, asked) == (asked == allowed)


@given(LABELS, NAMES)
def test_a_star_allows_names_below_and_neither_the_suffix_nor_its_lookalikes(
    label: str, suffix: str
) -> None:
    rule = {"host": f"*.{suffix}"}

    assert allowlist.matches(rule, f"{label}.{suffix}")
    assert not allowlist.matches(rule, suffix)
    assert not allowlist.matches(rule, f"{label}{suffix}")
    assert not allowlist.matches(rule, f"{label}.{suffix}.evil.example")
    assert not allowlist.matches(rule, f".{suffix}")
    assert not allowlist.matches(rule, f"a..{suffix}")


@given(st.text(max_size=40))
def test_only_a_name_or_an_address_with_a_port_is_an_authority(text: str) -> None:
    try:
        host, port = allowlist.split_authority(text)
    except Denied:
        return
    assert host == host.lower()
    assert 0 <= port <= 65535
    assert not set(host) & set("@/ \r\n\t%?#")


@given(st.ip_addresses().map(lambda a: f"[{a}]" if a.version == 6 else str(a)))
def test_no_address_gets_past_names(address: str) -> None:
    rules = wire(Rule("host.org"), Rule("*.example.com"))

    with pytest.raises(Denied, match="is not among the hosts"):
        find_rule(rules, address, 443, plain=False)


@pytest.mark.parametrize(
    ("port", "plain", "sentence"),
    [(22, False, "by https on port 443 only"), (80, True, "by https on port 443 only")],
)
def test_an_allowed_name_is_reached_its_one_way_only(port: int, plain: bool, sentence: str) -> None:
    with pytest.raises(Denied, match=sentence):
        find_rule(wire(Rule("host.org")), "host.org", port, plain)


# --- addresses --------------------------------------------------------------------------------

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0",
    "169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.80",
    "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fe80::1%lo",
    "fc00::1", "fd12::1", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "2001::1",
]  # fmt: skip


def resolved(rule: Rule, *found: str) -> list[str]:
    def resolve(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in found]

    return allowlist.addresses(dataclasses.asdict(rule), rule.host, rule.port, resolve)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_resolves_to_no_public_address_is_refused(address: str) -> None:
    with pytest.raises(Denied):
        resolved(Rule("api.example.com"), address)


def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    with pytest.raises(Denied, match="not public"):
        resolved(Rule("api.example.com"), "1.1.1.1", "2606:4700::1111", "10.0.0.1")


def test_public_addresses_are_given_once_each() -> None:
    found = resolved(Rule("api.example.com"), "1.1.1.1", "2606:4700::1111", "1.1.1.1")

    assert found == ["1.1.1.1", "2606:4700::1111"]


def test_a_mirror_of_the_machine_may_be_near() -> None:
    assert resolved(Rule("mirror.corp", near=True), "10.0.0.1") == ["10.0.0.1"]


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::"])
def test_no_mirror_is_where_machines_ask_for_their_credentials(address: str) -> None:
    with pytest.raises(Denied, match="no server has"):
        resolved(Rule("mirror.corp", near=True), address)


# --- the machine's own settings ---------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose settings of pip and npm are all in one folder."""
    return {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "NPM_CONFIG_GLOBALCONFIG": "/x"}


def urls(environ: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    return [(r.setting, r.url, r.secured) for r in machine_settings(environ).registries]


def test_a_machine_without_settings_has_no_mirrors(home: dict[str, str]) -> None:
    assert urls(home) == []


def test_mirrors_come_from_the_environment(home: dict[str, str]) -> None:
    home |= {
        "PIP_INDEX_URL": "https://pip.corp.example:8443/simple/",
        "PIP_EXTRA_INDEX_URL": "file:///srv/simple http://10.0.0.5/extra",
        "npm_config_registry": "https://npm.corp.example/",
    }

    assert urls(home) == [
        ("PIP_INDEX_URL", "https://pip.corp.example:8443/simple/", False),
        ("PIP_EXTRA_INDEX_URL", "http://10.0.0.5/extra", False),
        ("NPM_CONFIG_REGISTRY", "https://npm.corp.example/", False),
    ]


def test_mirrors_come_from_the_files_of_pip_and_npm(home: dict[str, str], tmp_path: Path) -> None:
    del home["PIP_CONFIG_FILE"]
    folder = tmp_path / ".config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(
        "[global]\nindex-url = https://pip.corp.example/simple\ncert = /etc/corp.pem\n"
        "extra-index-url =\n    https://more.corp.example/simple\n"
    )
    (tmp_path / ".npmrc").write_text(
        "; ours\nregistry = https://${NPM_HOST}/npm/\ncafile=/etc/npm-corp.pem\n"
    )
    home["NPM_HOST"] = "npm.corp.example"

    assert urls(home) == [
        ("PIP_INDEX_URL", "https://pip.corp.example/simple", False),
        ("PIP_EXTRA_INDEX_URL", "https://more.corp.example/simple", False),
        ("NPM_CONFIG_REGISTRY", "https://npm.corp.example/npm/", False),
    ]
    authorities = machine_settings(home).authorities
    assert authorities == (Path("/etc/corp.pem"), Path("/etc/npm-corp.pem"))


def test_credentials_of_a_mirror_stay_out_and_are_told_of(
    home: dict[str, str], tmp_path: Path
) -> None:
    home["PIP_INDEX_URL"] = "https://me:hunter2@pip.corp.example/simple?key=hunter2#hunter2"
    home["NPM_CONFIG_REGISTRY"] = "https://npm.corp.example/team/"
    (tmp_path / ".npmrc").write_text("//npm.corp.example/team/:_authToken=hunter2\n")
    network = network_for("registries", home)

    assert "hunter2" not in repr(network) + repr(network.request())
    assert network.environment["PIP_INDEX_URL"] == "https://pip.corp.example/simple"
    limited = [f.detail for f in network.findings if f.state == "limited"]
    assert len(limited) == 2
    assert "pip.corp.example is used without the name or token" in limited[0]
    assert "npm.corp.example" in limited[1]


def test_a_token_for_another_registry_is_no_finding(home: dict[str, str], tmp_path: Path) -> None:
    home["NPM_CONFIG_REGISTRY"] = "https://npm.corp.example/"
    (tmp_path / ".npmrc").write_text("//npm.other.example/:_authToken=hunter2\n")

    assert [f.state for f in network_for("registries", home).findings] == ["ok"]


def test_an_unreadable_file_of_settings_is_a_sentence(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "broken.conf").write_text("index-url = x\n")
    home["PIP_CONFIG_FILE"] = str(tmp_path / "broken.conf")

    with pytest.raises(Fatal, match=r"broken\.conf is no file of pip's settings"):
        machine_settings(home)


@pytest.mark.parametrize("url", ["http://[::1", "http://mirror:port/"])
def test_an_address_that_is_none_is_a_sentence_without_it(home: dict[str, str], url: str) -> None:
    with pytest.raises(Fatal, match="PIP_INDEX_URL of this machine is no address"):
        machine_settings({**home, "PIP_INDEX_URL": url})


# --- what a sandbox is given ------------------------------------------------------------------


def test_a_mirror_is_reached_at_its_port_and_nothing_else_is_near(home: dict[str, str]) -> None:
    home["PIP_INDEX_URL"] = "http://pip.corp.example:3141/simple"
    network = network_for("registries,api.example.com", home)

    assert network.policy is not None
    rules = {rule.host: rule for rule in network.policy.rules}
    assert rules["pip.corp.example"] == Rule("pip.corp.example", 3141, plain=True, near=True)
    assert not rules["api.example.com"].near
    assert network.environment["PIP_TRUSTED_HOST"] == "pip.corp.example:3141"


def test_a_registry_on_this_machines_loopback_gets_a_name(home: dict[str, str]) -> None:
    home["NPM_CONFIG_REGISTRY"] = "http://localhost:4873/npm/"
    network = network_for("registries", home)

    assert network.policy is not None
    mirror = Rule(MACHINE, 4873, plain=True, near=True, address="localhost")
    assert network.policy.rules[-1] == mirror
    assert network.environment["NPM_CONFIG_REGISTRY"] == f"http://{MACHINE}:4873/npm/"


def test_without_the_word_registries_the_machines_mirrors_stay_closed(home: dict[str, str]) -> None:
    home["PIP_INDEX_URL"] = "http://pip.corp.example:3141/simple"
    network = network_for("api.example.com", home)

    assert network.policy is not None
    assert network.policy.hosts == ("api.example.com",)
    assert "PIP_INDEX_URL" not in network.environment


def test_the_proxy_is_named_in_both_spellings_when_there_is_one(home: dict[str, str]) -> None:
    on, off = network_for("registries", home), network_for("off", home)

    assert on.environment["https_proxy"] == on.environment["HTTPS_PROXY"] == "http://127.0.0.1:3128"
    assert on.environment["no_proxy"] == on.environment["NO_PROXY"]
    assert not any("proxy" in name.lower() for name in off.environment)
    assert off.request()["egress"] == []


PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----"


def test_extra_certificates_are_passed_on_and_keys_beside_them_are_not(
    home: dict[str, str], tmp_path: Path
) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"
    (tmp_path / "corp.pem").write_text(f"{key}\n{PEM.format('b3Vycw==')}\n")
    network = network_for("registries", {**home, "SSL_CERT_FILE": str(tmp_path / "corp.pem")})

    assert network.authorities.endswith(PEM.format("b3Vycw==") + "\n")
    assert "c2VjcmV0" not in network.authorities
    assert network.environment["PIP_CERT"] == network.environment["NODE_EXTRA_CA_CERTS"]
    assert network.environment["PIP_CERT"].startswith("/etc/")


def test_certificates_that_cannot_be_read_are_a_finding(home: dict[str, str]) -> None:
    network = network_for("registries", {**home, "SSL_CERT_FILE": "/nowhere/corp.pem"})

    assert [f.state for f in network.findings] == ["ok", "limited"]
    assert "/nowhere/corp.pem" in network.findings[1].detail


def test_a_machine_behind_a_proxy_is_told_that_sandboxes_do_not_use_it(
    home: dict[str, str],
) -> None:
    network = network_for("registries", {**home, "HTTPS_PROXY": "http://me:hunter2@proxy:8080"})

    assert [f.state for f in network.findings] == ["ok", "limited"]
    assert "hunter2" not in repr(network)


def test_the_registries_are_hosts_that_could_be_set() -> None:
    assert all(HOST.fullmatch(host) for host in REGISTRY_HOSTS)
