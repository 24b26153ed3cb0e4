"""Owns what the fake takes from the machine: folders, the unprivileged user, bubblewrap.

    programs/   what is bound into sandboxes as /__modal, readable by all
    roots/      one folder per sandbox: its `/`
    images/     one folder per snapshot

Copying and deleting trees that sandboxes wrote happens in a namespace of its own that sees nothing
but these trees, so no link in them can lead anywhere.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import IO

INSIDE = Path(__file__).with_name("inside")
PYTHON = "/usr/bin/python3"
SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SYSTEM_FOLDERS = ("/etc/ssl", "/etc/alternatives", "/etc/ld.so.cache")
OPEN_TO_ALL = ("tmp", "var/tmp")
FOLDERS = ("usr", "proc", "dev", "__modal", "etc", "root", "home", "opt", "run", "mnt", "srv")
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/hostname": "modal\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
AS_ROOT = ["--unshare-user", "--uid", "0", "--gid", "0"]
"""Root inside, and only there: whoever we are outside."""
CAPABILITIES = ("CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN", "CAP_FSETID")
"""Over its own files, what root in a container expects."""


class Host:
    def __init__(self, state: Path, user: int) -> None:
        self.user = user if os.geteuid() == 0 else None
        """Whom sandboxes run as; None: the user we are."""
        found = shutil.which("bwrap")
        if found is None:
            raise RuntimeError("The fake of Modal needs bubblewrap: `apt install bubblewrap`.")
        self._bwrap = found
        self._state = state.resolve()
        self._programs = self._state / "programs"
        self._install()

    def root(self, name: str) -> Path:
        return self._state / "roots" / name

    def image(self, name: str) -> Path:
        return self._state / "images" / name

    def _install(self) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        self._state.chmod(0o755 if self.user else 0o700)
        tools = self._programs / ".bin"
        tools.mkdir(parents=True, exist_ok=True)
        for name, folder, mode in (
            ("init.py", self._programs, 0o644),
            ("modal-sandbox-fs-tools", tools, 0o755),
        ):
            shutil.copyfile(INSIDE / name, folder / name)
            (folder / name).chmod(mode)
        for folder in (self._programs, tools):
            folder.chmod(0o755)
        for part in ("roots", "images"):
            self._own_folder(self._state / part, 0o700)

    def make_root(self, root: Path, folders: Iterable[str]) -> None:
        """The tree of a base image, with `folders` (absolute) made in it."""
        self._own_folder(root)
        for folder in (*FOLDERS, "var", *OPEN_TO_ALL):
            self._own_folder(root / folder, 0o1777 if folder in OPEN_TO_ALL else 0o755)
        for link in SYSTEM_LINKS:
            if Path("/", link).is_symlink():
                (root / link).symlink_to(Path("/", link).readlink())
                self._own(root / link)
        for name, content in FILES.items():
            (root / name).write_text(content)
            self._own(root / name)
        for path in folders:
            made = root
            for part in Path(path).relative_to("/").parts:
                made /= part
                self._own_folder(made)

    def _own_folder(self, folder: Path, mode: int = 0o755) -> None:
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(mode)
            self._own(folder)

    def _own(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user, self.user, follow_symlinks=False)

    def start(
        self, root: Path, environment: dict[str, str], control: int, log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Process 1 of a sandbox, with `control` inherited."""
        line = ["--bind", str(root), "/", *self._system()]
        line += ["--ro-bind", str(self._programs), "/__modal", "--proc", "/proc", "--dev", "/dev"]
        line += ["--tmpfs", "/dev/shm", "--hostname", "modal", "--unshare-uts", "--as-pid-1"]
        line += ["--clearenv", "--chdir", "/"]
        for key, value in environment.items():
            line += ["--setenv", key, value]
        command = [PYTHON, "-I", "-S", "-B", "/__modal/init.py", str(control)]
        return self._spawn([*line, "--", *command], log, (control,))

    async def copy(self, source: Path, target: Path) -> None:
        """A true copy of a tree, into a new folder. Raises OSError."""
        self._own_folder(target)
        line = [*self._empty(), "--ro-bind", str(source), "/from", "--bind", str(target), "/to"]
        await self._work([*line, "--", "/usr/bin/cp", "-a", "--reflink=never", "/from/.", "/to/"])

    async def delete(self, tree: Path) -> None:
        if not tree.is_dir():
            return
        line = [*self._empty(), "--bind", str(tree), "/it"]
        find = ["/usr/bin/find", "/it", "-mindepth", "1", "-delete"]
        await self._work([*line, "--", *find])
        tree.rmdir()

    async def _work(self, line: list[str]) -> None:
        process = self._spawn(line, subprocess.PIPE, ())
        _, said = await asyncio.to_thread(process.communicate)
        # What a running sandbox removes or writes meanwhile is torn, as on a real machine.
        lines = [one for one in said.decode("utf-8", "replace").splitlines() if not _is_torn(one)]
        if process.returncode and (lines or not said):
            raise OSError("\n".join(lines) or f"bubblewrap ended with {process.returncode}")

    def _spawn(
        self, line: list[str], log: IO[bytes] | int, keep: Iterable[int]
    ) -> subprocess.Popen[bytes]:
        first = [self._bwrap, *AS_ROOT, "--unshare-pid", "--unshare-net", "--unshare-ipc"]
        first += ["--die-with-parent", "--new-session"]
        for capability in CAPABILITIES:
            first += ["--cap-add", capability]
        return subprocess.Popen(
            [*first, *line],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={},
            cwd="/",
            pass_fds=tuple(keep),
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )

    def _empty(self) -> list[str]:
        """A root with programs and nothing else."""
        line = ["--tmpfs", "/", *self._system(), "--dev", "/dev", "--proc", "/proc"]
        for link in SYSTEM_LINKS:
            if Path("/", link).is_symlink():
                line += ["--symlink", str(Path("/", link).readlink()), f"/{link}"]
        return line

    def _system(self) -> list[str]:
        line = ["--ro-bind", "/usr", "/usr"]
        for name in SYSTEM_LINKS:
            path = Path("/", name)
            if path.is_dir() and not path.is_symlink():
                line += ["--ro-bind", str(path), str(path)]
        for folder in SYSTEM_FOLDERS:
            line += ["--ro-bind-try", folder, folder]
        return line


def _is_torn(line: str) -> bool:
    return line.startswith("/usr/bin/") and "No such file or directory" in line
