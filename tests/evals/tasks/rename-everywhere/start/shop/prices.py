def calc(items: dict[str, int]) -> int:
    """Cents for all items."""
    return sum(items.values())
