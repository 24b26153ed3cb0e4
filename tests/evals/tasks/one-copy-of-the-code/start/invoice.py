def line(name: str, cents: int) -> str:
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{name:<10}{sign}{whole:,}.{rest:02} EUR"
