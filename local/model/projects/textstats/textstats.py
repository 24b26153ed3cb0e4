"""Counts what is in a text: `python3 textstats.py README.md`."""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)")


@dataclass(frozen=True)
class Stats:
    words: int
    sentences: int
    unique: int
    common: tuple[tuple[str, int], ...]

    @property
    def words_per_sentence(self) -> float:
        return self.words / self.sentences if self.sentences else 0.0


def measure(text: str, top: int = 5) -> Stats:
    words = [word.lower() for word in WORD.findall(text)]
    counts = Counter(words)
    # Equal counts in alphabetical order, so that the same text always reads the same.
    common = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:top]
    sentences = len(SENTENCE_END.findall(text)) or int(bool(words))
    return Stats(len(words), sentences, len(counts), tuple(common))


def main(argv: list[str]) -> int:
    if len(argv) != 1:
        print("usage: textstats.py FILE", file=sys.stderr)
        return 1
    stats = measure(Path(argv[0]).read_text("utf-8"))
    print(f"{stats.words} words, {stats.unique} different, {stats.sentences} sentences")
    print(f"{stats.words_per_sentence:.1f} words per sentence")
    for word, count in stats.common:
        print(f"{count:>5}  {word}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
