"""Prints what was asked for, as a list to tick off."""

from .points import REQUEST, points

print(REQUEST)
for point in points(REQUEST):
    print(f"  [ ] {{point.number}}. {{point.text}}")
