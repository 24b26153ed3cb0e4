"""The shipped filters are what the generator makes of its list."""

import ctypes
from pathlib import Path

import pytest

import sandbox.backends.local.seccomp as shipped

GENERATED_WITH = (2, 5)
"""libseccomp lays out equal rules differently from one minor version to the next."""


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_shipped_filter_is_what_the_generator_makes(architecture: str) -> None:
    try:
        from sandbox.backends.local.seccomp import generate
    except (ImportError, RuntimeError, OSError) as error:
        pytest.skip(f"needs pyseccomp and libseccomp2: {error}")
    found = _libseccomp_version()
    if found != GENERATED_WITH:
        pytest.skip(f"needs libseccomp {GENERATED_WITH}, found {found}")

    path = Path(shipped.__file__).with_name(f"{architecture}.bpf")
    assert path.read_bytes() == generate.build(architecture)


def _libseccomp_version() -> tuple[int, int]:
    class Version(ctypes.Structure):
        _fields_ = (("major", ctypes.c_uint), ("minor", ctypes.c_uint), ("micro", ctypes.c_uint))

    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_version.restype = ctypes.POINTER(Version)
    version = library.seccomp_version().contents
    return version.major, version.minor
