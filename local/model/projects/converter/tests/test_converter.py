import unittest

from converter import UNITS, convert


class ConvertTest(unittest.TestCase):
    def test_known_values(self) -> None:
        self.assertAlmostEqual(convert(1, "mi", "km"), 1.609344)
        self.assertAlmostEqual(convert(100, "C", "F"), 212)
        self.assertAlmostEqual(convert(-40, "f", "c"), -40)

    def test_there_and_back_is_where_one_was(self) -> None:
        for source, (kind, *_) in UNITS.items():
            for target, (other, *_) in UNITS.items():
                if kind == other:
                    there = convert(12.5, source, target)
                    self.assertAlmostEqual(convert(there, target, source), 12.5)

    def test_apples_are_not_pears(self) -> None:
        with self.assertRaisesRegex(ValueError, "km is a length, kg a weight"):
            convert(1, "km", "kg")


if __name__ == "__main__":
    unittest.main()
