"""The log of a job: bounded on disk, read once from any place."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.backends.local.programs.inside.joblog import (
    MARK,
    MARK_BYTES,
    JobLog,
    prune_logs,
    read_closed_log,
    read_log,
)

HEAD, TAIL = 100, 40


def printed(count: int) -> bytes:
    return b"".join(b"%06d\n" % number for number in range(count // 7 + 1))[:count]


@pytest.fixture
def log(tmp_path: Path) -> JobLog:
    return JobLog(str(tmp_path / "job" / "log"), HEAD, TAIL)


def test_short_output_is_kept_as_it_is(log: JobLog, tmp_path: Path) -> None:
    log.append(b"one\n")
    log.append(b"two\n")

    assert (tmp_path / "job" / "log").read_bytes() == b"one\ntwo\n"
    assert log.read(4, 100) == (b"two\n", 8, 8)


def test_long_output_keeps_its_ends_and_says_what_is_missing(log: JobLog, tmp_path: Path) -> None:
    data = printed(10_000)
    for start in range(0, len(data), 33):
        log.append(data[start : start + 33])

    content = (tmp_path / "job" / "log").read_bytes()
    mark = MARK % log.missing
    assert content.startswith(data[:HEAD] + mark)
    assert content[HEAD + len(mark) :] == data[HEAD + log.missing :]
    assert len(content) <= HEAD + MARK_BYTES + 2 * TAIL + 33


@settings(max_examples=50)
@given(
    chunks=st.lists(st.integers(1, 90), max_size=40),
    limit=st.integers(1, 200),
)
def test_reading_on_gives_all_output_but_the_gap_once(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[int], limit: int
) -> None:
    log = JobLog(str(tmp_path_factory.mktemp("log") / "log"), HEAD, TAIL)
    data, start = printed(sum(chunks)), 0
    for size in chunks:
        log.append(data[start : start + size])
        start += size

    read, offset = b"", 0
    while offset < len(data):
        chunk, offset, size = log.read(offset, limit)
        assert size == len(data)
        read += chunk
    log.close()

    gap = MARK % log.missing if log.missing else b""
    assert read == data[:HEAD] + gap + data[HEAD + log.missing :]


def test_the_log_of_an_earlier_start_reads_the_same(log: JobLog, tmp_path: Path) -> None:
    log.append(printed(1_000))
    log.append(b"end\n")
    expected = log.read(0, 60), log.read(1_000, 60)
    path, missing = str(tmp_path / "job" / "log"), log.missing
    with open(path, "rb") as file:  # noqa: PTH123
        found = [read_log(file.fileno(), missing, at, 60, HEAD) for at in (0, 1_000)]

    assert tuple(found) == expected


@pytest.mark.parametrize("kind", ["missing", "fifo", "link", "folder"])
def test_whatever_lies_at_the_place_of_an_old_log_does_no_harm(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to("/etc/hostname")
        case "folder":
            path.mkdir()

    assert read_closed_log(str(path), 0, 0, 100) == (b"", 0, 0)


def test_only_the_newest_logs_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        JobLog(str(tmp_path / f"job-{number}" / "log")).close()
        os.utime(tmp_path / f"job-{number}", (number, number))

    prune_logs(str(tmp_path), keep=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["job-3", "job-4"]
