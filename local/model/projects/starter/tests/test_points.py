import subprocess
import sys
import unittest

from {name} import REQUEST, points


class PointsTest(unittest.TestCase):
    def test_a_request_is_cut_into_points(self) -> None:
        found = points("Build a shortener with tests, a README and a demo.")
        texts = [point.text for point in found]
        self.assertEqual(texts, ["Build a shortener", "tests", "a README", "a demo"])

    def test_points_are_numbered_and_unique(self) -> None:
        self.assertEqual([point.number for point in points("tests; tests; docs")], [1, 2])

    def test_nothing_asked_means_no_points(self) -> None:
        self.assertEqual(points("  "), [])

    def test_the_program_prints_every_point(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "{name}"], capture_output=True, text=True, check=True
        )
        for point in points(REQUEST):
            self.assertIn(point.text, ran.stdout)


if __name__ == "__main__":
    unittest.main()
