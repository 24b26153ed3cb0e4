"""What every backend promises of files and archives."""

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator

import pytest

from sandbox.errors import Fenced, FileProblem
from sandbox.protocol import Command, FileInfo
from tests.integration.sandbox.driver import Box


async def test_files_are_written_read_and_removed(box: Box) -> None:
    await box.backend.write(box.ref, "src/deep/app.py", "print('é')\n".encode(), 1)

    file = await box.backend.read(box.ref, "/project/src/deep/app.py", 1000)
    assert (file.path, file.text, file.size_bytes) == ("src/deep/app.py", "print('é')\n", 12)
    assert (file.truncated, file.binary) == (False, False)
    assert await box.output("python3 src/deep/app.py") == "é\n"

    await box.backend.remove(box.ref, "src/deep/app.py", 1)
    await box.backend.remove(box.ref, "src/deep/app.py", 1)
    with pytest.raises(FileProblem, match=r"src/deep/app.py does not exist"):
        await box.backend.read(box.ref, "src/deep/app.py", 1000)


async def test_writing_keeps_the_mode_of_a_file(box: Box) -> None:
    await box.output("echo 'echo old' > run.sh; chmod 755 run.sh")
    await box.backend.write(box.ref, "run.sh", b"echo new", 1)

    assert await box.output("stat -c %a run.sh; ./run.sh") == "755\nnew\n"


async def test_a_long_file_is_cut_at_a_whole_character(box: Box) -> None:
    await box.backend.write(box.ref, "long", "€€€".encode(), 1)
    file = await box.backend.read(box.ref, "long", 7)

    assert (file.text, file.truncated, file.size_bytes, file.binary) == ("€€", True, 9, False)


async def test_a_binary_file_is_told_apart(box: Box) -> None:
    await box.backend.write(box.ref, "data", b"\x00\x01", 1)
    file = await box.backend.read(box.ref, "data", 100)

    assert (file.binary, file.text) == (True, "")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "/project/../etc", "", "a\0b"]
)
async def test_a_path_out_of_the_project_is_refused_with_a_sentence(box: Box, path: str) -> None:
    with pytest.raises(FileProblem, match=r"\w+ \w+ \w+"):
        await box.backend.read(box.ref, path, 10)
    with pytest.raises(FileProblem):
        await box.backend.write(box.ref, path, b"x", 1)
    with pytest.raises(FileProblem):
        await box.backend.list_files(box.ref, path, 10)
    with pytest.raises(FileProblem):
        await box.backend.start(box.ref, "job", Command(command="true", workdir=path), 1)


@pytest.mark.parametrize("name", ["pipe", "folder", "link", "null", "socket"])
async def test_only_regular_files_are_read_and_replaced(box: Box, name: str) -> None:
    make_socket = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'"
    await box.output(
        f"mkfifo pipe; mkdir folder; ln -s /etc/passwd link; ln -s /dev/null null; {make_socket}"
    )

    with pytest.raises(FileProblem, match=name):
        await box.backend.read(box.ref, name, 100)
    with pytest.raises(FileProblem, match=name):
        await box.backend.write(box.ref, name, b"x", 1)


async def test_listing_is_recursive_sorted_and_without_dependencies(box: Box) -> None:
    await box.output(
        "mkdir -p b node_modules/x .git .venv c/__pycache__; echo 123 > b/two; ln -s a link;"
        " touch a node_modules/x/y .git/HEAD c/__pycache__/m.pyc; mkfifo pipe"
    )
    listing = await box.backend.list_files(box.ref, ".", 100)

    assert not listing.truncated
    assert listing.files == [
        FileInfo(path="a", kind="file", size_bytes=0),
        FileInfo(path="b", kind="directory"),
        FileInfo(path="b/two", kind="file", size_bytes=4),
        FileInfo(path="c", kind="directory"),
        FileInfo(path="link", kind="link"),
        FileInfo(path="pipe", kind="other"),
    ]
    assert [f.path for f in (await box.backend.list_files(box.ref, "b", 100)).files] == ["b/two"]


async def test_a_long_listing_says_that_it_was_cut(box: Box) -> None:
    await box.output("touch $(seq 30)")
    listing = await box.backend.list_files(box.ref, ".", 10)

    assert (len(listing.files), listing.truncated) == (10, True)


async def test_odd_file_names_are_listed_escaped(box: Box) -> None:
    await box.output(r"touch $'new\nline' $'esc\033[31m' $'bad\377utf8' -- -dash")
    listing = await box.backend.list_files(box.ref, ".", 10)

    names = {"-dash", r"new\nline", r"esc\x1b[31m", r"bad\xffutf8"}
    assert {file.path for file in listing.files} == names


# --- parts ---


async def chunks(*parts: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if then is not None:
        raise then


async def test_a_file_larger_than_one_request_arrives_whole(box: Box) -> None:
    piece = bytes(range(256)) * 12_289  # 3 MB and a bit: no boundary of a part
    size = await box.backend.write_stream(box.ref, "inbox/big.bin", chunks(*[piece] * 3), 1)

    assert size == 3 * len(piece)
    assert await box.output("sha256sum < inbox/big.bin; ls -A inbox") == (
        f"{hashlib.sha256(piece * 3).hexdigest()}  -\nbig.bin\n"
    )
    assert await box.backend.read_bytes(box.ref, "inbox/big.bin", 300) == piece[:300]


async def test_an_empty_stream_is_an_empty_file(box: Box) -> None:
    assert await box.backend.write_stream(box.ref, "empty", chunks(), 1) == 0
    assert await box.backend.read_bytes(box.ref, "empty", 10) == b""


async def test_a_stream_that_breaks_leaves_the_file_as_it_was(box: Box) -> None:
    await box.backend.write(box.ref, "data", b"before", 1)
    broken = chunks(bytes(5 << 20), then=ConnectionError("cut"))
    with pytest.raises(ConnectionError):
        await box.backend.write_stream(box.ref, "data", broken, 1)

    assert await box.output("cat data; ls -A") == "beforedata\n"
    assert await box.backend.write_stream(box.ref, "data", chunks(b"after"), 1) == 5
    assert await box.output("cat data") == "after"


async def test_a_stream_is_fenced_and_confined_like_a_write(box: Box) -> None:
    await box.backend.raise_fence(box.ref, 5)
    with pytest.raises(Fenced):
        await box.backend.write_stream(box.ref, "late", chunks(b"x"), 4)
    with pytest.raises(FileProblem):
        await box.backend.write_stream(box.ref, "../../etc/passwd", chunks(b"x"), 5)
    await box.backend.write(box.ref, "src/app.py", b"", 5)
    with pytest.raises(FileProblem, match="src is a folder"):
        await box.backend.write_stream(box.ref, "src", chunks(b"x"), 5)


# --- archives ---


async def test_an_archive_is_a_zip_with_one_folder_of_the_project(box: Box) -> None:
    await box.output(
        "mkdir -p src .git node_modules/x; echo hi > src/app.py; chmod 755 src/app.py;"
        " touch .git/HEAD node_modules/x/y; ln -s /etc/passwd secret"
    )
    info = await box.backend.make_archive(box.ref, "request 1", "URL shortener, v2!")
    data = b"".join([chunk async for chunk in box.backend.read_archive(box.ref, info)])

    assert (info.file_name, info.size_bytes, info.file_count) == (
        "url-shortener-v2.zip",
        len(data),
        1,
    )
    packed = zipfile.ZipFile(io.BytesIO(data))
    assert packed.namelist() == ["url-shortener-v2/src/app.py"]
    assert packed.read("url-shortener-v2/src/app.py") == b"hi\n"
    assert packed.infolist()[0].external_attr >> 16 & 0o777 == 0o755


async def test_the_same_archive_id_gives_the_same_archive(box: Box) -> None:
    await box.backend.write(box.ref, "a", b"1", 1)
    first = await box.backend.make_archive(box.ref, "request", "t")
    await box.backend.write(box.ref, "b", b"2", 1)

    assert await box.backend.make_archive(box.ref, "request", "t") == first
    assert (await box.backend.make_archive(box.ref, "another", "t")).file_count == 2


async def test_an_archive_of_an_empty_project_has_no_files(box: Box) -> None:
    assert (await box.backend.make_archive(box.ref, "request", "")).file_count == 0


async def test_a_project_too_large_for_an_archive_is_refused(box: Box) -> None:
    await box.output("truncate -s 150M one two")  # sparse: it costs nothing on disk
    with pytest.raises(FileProblem, match=r"larger than the 256 MB .*: it has 300 MB"):
        await box.backend.make_archive(box.ref, "request", "t")


async def test_a_large_project_is_packed_where_the_limit_allows(box: Box) -> None:
    await box.output("truncate -s 2M one two; mkdir data; truncate -s 3M data/three")
    with pytest.raises(
        FileProblem,
        match=r"the 6 MB .*: it has 7 MB, most of them in its top folder \(4 MB\), data",
    ):
        await box.backend.make_archive(box.ref, "request", "t", 6 << 20)
    assert (await box.backend.make_archive(box.ref, "request", "t", 7 << 20)).file_count == 3


async def test_bytes_are_read_from_an_offset(box: Box) -> None:
    await box.backend.write(box.ref, "file", b"0123456789", 1)

    assert await box.backend.read_bytes(box.ref, "file", 3, 4) == b"456"
    assert await box.backend.read_bytes(box.ref, "file", 100, 8) == b"89"
    assert await box.backend.read_bytes(box.ref, "file", 100, 20) == b""
