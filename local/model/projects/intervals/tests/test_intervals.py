import unittest

from intervals import merge, total


class MergeTest(unittest.TestCase):
    def test_overlapping_intervals_become_one(self) -> None:
        self.assertEqual(merge([(1, 5), (4, 9)]), [(1, 9)])

    def test_neighbours_become_one(self) -> None:
        self.assertEqual(merge([(1, 3), (4, 6)]), [(1, 6)])

    def test_an_interval_inside_another_changes_nothing(self) -> None:
        self.assertEqual(merge([(1, 10), (3, 4)]), [(1, 10)])

    def test_order_does_not_matter(self) -> None:
        self.assertEqual(merge([(8, 9), (1, 2)]), [(1, 2), (8, 9)])

    def test_overlaps_count_once(self) -> None:
        self.assertEqual(total([(1, 10), (3, 4), (20, 20)]), 11)


if __name__ == "__main__":
    unittest.main()
