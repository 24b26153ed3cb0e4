import unittest

from textstats import measure


class MeasureTest(unittest.TestCase):
    def test_words_and_sentences(self) -> None:
        stats = measure("The cat sat. The dog didn't! Why?")
        self.assertEqual((stats.words, stats.sentences, stats.unique), (7, 3, 6))

    def test_the_most_common_words_come_first(self) -> None:
        self.assertEqual(measure("b a b c a b", top=2).common, (("b", 3), ("a", 2)))

    def test_equal_counts_are_in_order_of_the_alphabet(self) -> None:
        self.assertEqual([word for word, _ in measure("pear fig apple").common][0], "apple")

    def test_an_empty_text_has_nothing(self) -> None:
        stats = measure("")
        self.assertEqual((stats.words, stats.sentences, stats.words_per_sentence), (0, 0, 0.0))


if __name__ == "__main__":
    unittest.main()
