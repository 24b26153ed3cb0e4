"""Sets of whole numbers as sorted, disjoint intervals. Both ends belong to an interval."""

Interval = tuple[int, int]


def merge(intervals: list[Interval]) -> list[Interval]:
    """The same numbers in as few intervals as possible, in order."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start > end:
            raise ValueError(f"({start}, {end}) ends before it starts")
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def total(intervals: list[Interval]) -> int:
    """How many numbers there are; overlaps count once."""
    return sum(end - start + 1 for start, end in merge(intervals))
