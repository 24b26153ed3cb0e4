"""What a probe of Modal says of each step."""

import socket

import pytest

from sandbox.backends.modal.backend import ModalBackend
from tests.fakes.modal import Fake
from tests.integration.sandbox.modal.workers import Workers


async def test_a_probe_tells_each_step_and_leaves_nothing_behind(
    fake: Fake, backend: ModalBackend
) -> None:
    findings = await backend.probe()

    assert {finding.state for finding in findings} <= {"ok", "off"}, findings
    assert [finding.what for finding in findings] == [
        "Modal",
        "app",
        "image",
        "sandbox",
        "commands",
        "files",
        "snapshots",
        "restored sandbox",
        "previews",
        "internet access",
    ]
    assert fake.running() == []
    assert fake.snapshots() == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"modal_token_id": ""}, "MODAL_TOKEN_ID and MODAL_TOKEN_SECRET are not set"),
        ({"modal_token_secret": "as-wrong"}, "refuses the token"),
    ],
)
async def test_a_probe_names_a_token_that_is_missing_or_wrong(
    fake: Fake, worker: Workers, changes: dict[str, str], sentence: str
) -> None:
    findings = await worker(**changes).probe()

    assert [finding.state for finding in findings] == ["failed"]
    assert sentence in findings[0].detail
    assert "as-wrong" not in findings[0].detail


async def test_a_dead_network_is_one_sentence_within_the_deadline(
    worker: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.backends.modal.connection.CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    findings = await worker(modal_server_url=f"http://127.0.0.1:{port}").probe()

    assert [finding.state for finding in findings] == ["failed"]
    assert findings[0].detail == "Modal did not answer within 0 s."
    assert "MODAL_SERVER_URL" in findings[0].fix


async def test_an_image_that_cannot_be_built_is_told_by_the_probe(
    fake: Fake, backend: ModalBackend
) -> None:
    fake.fail("ImageGetOrCreate", status="INVALID_ARGUMENT", message="no such package")
    findings = await backend.probe()

    assert (findings[-1].what, findings[-1].state) == ("image", "failed")
    assert "no such package" in findings[-1].detail
