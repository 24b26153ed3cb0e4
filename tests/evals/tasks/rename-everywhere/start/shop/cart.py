from shop.prices import calc


def label(items: dict[str, int]) -> str:
    return f"{calc(items) / 100:.2f}"
