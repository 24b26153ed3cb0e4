def pages(items: list, size: int) -> list[list]:
    """The items in pages of `size`; the last one may be shorter."""
    return [items[n * size : (n + 1) * size] for n in range(len(items) // size)]
