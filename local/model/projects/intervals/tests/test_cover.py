import random
import unittest

from intervals import merge


class CoverTest(unittest.TestCase):
    """Checks `merge` against plain sets, on many random inputs."""

    def test_merging_never_gains_or_loses_a_number(self) -> None:
        dice = random.Random(7)
        for _ in range(2000):
            starts = [dice.randrange(40) for _ in range(dice.randrange(6))]
            given = [(start, start + dice.randrange(8)) for start in starts]
            self.assertEqual(numbers(merge(given)), numbers(given), given)


def numbers(intervals: list[tuple[int, int]]) -> set[int]:
    return {n for start, end in intervals for n in range(start, end + 1)}


if __name__ == "__main__":
    unittest.main()
