"""Owns what a test or a command line may ask of the fake before it starts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wishes:
    token: tuple[str, str] | None = None
    """The one token pair that is accepted; None: any that is not empty."""
    creations_per_second: float = 5.0
    creation_burst: int = 150
    max_running: int = 100
    """Sandboxes of the account that may run at once."""
    router_token_seconds: int = 25
    """Below 30, the SDK fetches a new one when it is refused; above, it keeps the old one."""
    auth_token_seconds: int = 1200
    user: int = 61000
    """Whom sandboxes run as when the fake is root."""
