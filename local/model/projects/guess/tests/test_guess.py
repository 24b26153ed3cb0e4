import contextlib
import io
import unittest

from guess import HIGHEST, Game, best_guesses, play


class GameTest(unittest.TestCase):
    def test_answers_point_to_the_secret(self) -> None:
        game = Game(40)
        self.assertEqual([game.guess(n) for n in (10, 90, 40)], ["low", "high", "right"])

    def test_a_number_outside_the_range_costs_no_guess(self) -> None:
        game = Game(40)
        with self.assertRaises(ValueError):
            game.guess(0)
        self.assertEqual(game.guesses, 0)

    def test_halving_finds_every_secret_in_seven_guesses(self) -> None:
        for secret in range(1, HIGHEST + 1):
            game, guesses = Game(secret), best_guesses()
            number = next(guesses)
            while (answer := game.guess(number)) != "right":
                number = guesses.send(answer)
            self.assertLessEqual(game.guesses, 7)

    def test_a_typo_is_forgiven(self) -> None:
        typed = iter(["fourty", "40"])
        with contextlib.redirect_stdout(io.StringIO()) as said:
            play(Game(40), lambda _: next(typed))
        self.assertIn("Right, after 1 guesses.", said.getvalue())


if __name__ == "__main__":
    unittest.main()
