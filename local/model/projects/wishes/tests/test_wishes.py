import unittest

from wishes import HEADING, wishes


class WishesTest(unittest.TestCase):
    def test_points_under_the_heading_are_wishes(self) -> None:
        text = f"# tool\n- not this\n\n{HEADING}\n\n- colours\n- a web page\n\n## License\n- nor this"
        self.assertEqual(wishes(text), ["colours", "a web page"])

    def test_no_heading_means_no_wishes(self) -> None:
        self.assertEqual(wishes("# tool\n- a point"), [])

    def test_the_readme_of_this_project_names_some(self) -> None:
        self.assertTrue(wishes())


if __name__ == "__main__":
    unittest.main()
