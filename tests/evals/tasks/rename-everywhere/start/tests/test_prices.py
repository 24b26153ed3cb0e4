import unittest

from shop.prices import calc


class Prices(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(calc({"a": 1, "b": 2}), 3)
