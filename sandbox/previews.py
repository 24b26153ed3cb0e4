"""Owns which ports of a sandbox a browser may be shown."""

from collections.abc import Collection

from sandbox.errors import Fatal

LOWEST_PORT = 1024
"""Code in a sandbox has no right to listen below."""
HIGHEST_PORT = 65535


def check_port(port: int, allowed: Collection[int], reserved: Collection[int] = ()) -> None:
    """Raises Fatal: one sentence that says which port to take."""
    if not LOWEST_PORT <= port <= HIGHEST_PORT:
        raise Fatal(
            f"Port {port} cannot be shown: let the server listen on a port from {LOWEST_PORT} to "
            f"{HIGHEST_PORT}."
        )
    if port in reserved:
        raise Fatal(f"Port {port} belongs to the sandbox itself: let the server use another one.")
    if port not in allowed:
        listed = ", ".join(map(str, sorted(allowed))) or "none"
        raise Fatal(
            f"Port {port} cannot be shown: use one of SANDBOX_PREVIEW_PORTS, which are {listed}."
        )
