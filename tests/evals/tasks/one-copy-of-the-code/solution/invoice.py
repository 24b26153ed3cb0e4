from money import euros


def line(name: str, cents: int) -> str:
    return f"{name:<10}{euros(cents)}"
