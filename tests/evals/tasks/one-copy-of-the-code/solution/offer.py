from money import euros


def price(cents: int) -> str:
    return f"only {euros(cents)}!"
