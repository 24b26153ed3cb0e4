"""Owns the time the fake lives in: the machine's, which a test may move forward."""

import time
from collections.abc import Callable


class Clock:
    def __init__(self) -> None:
        self._ahead = 0.0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self._ahead

    def skip(self, seconds: float) -> None:
        self._ahead += seconds
        for listener in tuple(self._listeners):
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each skip; returns how to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
