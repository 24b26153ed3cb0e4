import unittest

from shop.prices import total_price


class Prices(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(total_price({"a": 1, "b": 2}), 3)
