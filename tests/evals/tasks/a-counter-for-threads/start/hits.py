import time


class Hits:
    """Counts by name."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> int:
        """The new count."""
        count = self._counts.get(name, 0)
        time.sleep(0)
        self._counts[name] = count + 1
        return count + 1

    def get(self, name: str) -> int:
        return self._counts.get(name, 0)
