"""A number guessing game: `python3 guess.py`."""

import random
from collections.abc import Callable, Iterator

HIGHEST = 100


class Game:
    """One secret number, and what is known of it."""

    def __init__(self, secret: int) -> None:
        self._secret = secret
        self.guesses = 0

    def guess(self, number: int) -> str:
        """Tells "low", "high" or "right". Raises ValueError outside the range."""
        if not 1 <= number <= HIGHEST:
            raise ValueError(f"choose a number from 1 to {HIGHEST}")
        self.guesses += 1
        if number == self._secret:
            return "right"
        return "low" if number < self._secret else "high"


def best_guesses() -> Iterator[int]:
    """Halves what is left; send it each answer. Needs seven guesses at most."""
    low, high = 1, HIGHEST
    while True:
        middle = (low + high) // 2
        answer = yield middle
        low, high = (middle + 1, high) if answer == "low" else (low, middle - 1)


def play(game: Game, ask: Callable[[str], str] = input) -> None:
    while True:
        try:
            answer = game.guess(int(ask(f"Your guess (1-{HIGHEST}): ")))
        except ValueError as error:
            print(error)
            continue
        if answer == "right":
            print(f"Right, after {game.guesses} guesses.")
            return
        print(f"Too {answer}.")


if __name__ == "__main__":
    play(Game(random.randint(1, HIGHEST)))
