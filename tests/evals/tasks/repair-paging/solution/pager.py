def pages(items: list, size: int) -> list[list]:
    """The items in pages of `size`; the last one may be shorter."""
    return [items[at : at + size] for at in range(0, len(items), size)]
