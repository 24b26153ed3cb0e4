"""Owns the real bash that says what a command runs: without rights, network or a writable disk."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

_WITHIN = Path(__file__).with_name("within.py")


class Oracle:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def pushes(self, command: str) -> bool:
        """Whether `git push` is run by it, with whatever options."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        runs: list[list[str]] = json.loads(self._process.stdout.readline())
        return any(_subcommand(words) == "push" for words in runs)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        process = subprocess.Popen(
            [
                *("bwrap", "--unshare-all", "--die-with-parent", "--as-pid-1", "--clearenv"),
                *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--size", "16777216"),
                *("--tmpfs", "/tmp", "--tmpfs", "/run", "--chdir", "/tmp"),
                *(os.path.realpath(sys.executable), "-I", "-c", _WITHIN.read_text("utf-8")),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield cls(process)
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(10)


def _subcommand(words: list[str]) -> str:
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        rest = rest[2 if rest[0] in ("-C", "-c") else 1 :]
    return rest[0] if rest else ""
