"""Converts lengths, weights and temperatures.

    python3 converter.py 5 km mi
"""

import sys

# Each unit as (quantity, factor, offset): value in the base unit = amount * factor + offset.
UNITS = {
    "m": ("length", 1.0, 0.0),
    "km": ("length", 1000.0, 0.0),
    "mi": ("length", 1609.344, 0.0),
    "ft": ("length", 0.3048, 0.0),
    "kg": ("weight", 1.0, 0.0),
    "lb": ("weight", 0.45359237, 0.0),
    "k": ("temperature", 1.0, 0.0),
    "c": ("temperature", 1.0, 273.15),
    "f": ("temperature", 5 / 9, 459.67 * 5 / 9),
}


def convert(amount: float, source: str, target: str) -> float:
    """Raises ValueError for an unknown unit, or units of different quantities."""
    kind, factor, offset = _unit(source)
    other, other_factor, other_offset = _unit(target)
    if kind != other:
        raise ValueError(f"{source} is a {kind}, {target} a {other}")
    return (amount * factor + offset - other_offset) / other_factor


def _unit(name: str) -> tuple[str, float, float]:
    try:
        return UNITS[name.lower()]
    except KeyError:
        raise ValueError(f"unknown unit {name!r}; known: {', '.join(UNITS)}") from None


def main(argv: list[str]) -> int:
    try:
        amount, source, target = argv
        print(f"{amount} {source} = {convert(float(amount), source, target):.6g} {target}")
    except ValueError as error:
        print(f"usage: converter.py AMOUNT FROM TO ({error})", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
