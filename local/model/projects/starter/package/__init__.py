"""{title}. Start with `python3 -m {name}`."""

from .points import REQUEST, Point, points

__all__ = ["REQUEST", "Point", "points"]
