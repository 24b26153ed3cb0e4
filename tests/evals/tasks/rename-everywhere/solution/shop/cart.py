from shop.prices import total_price


def label(items: dict[str, int]) -> str:
    return f"{total_price(items) / 100:.2f}"
