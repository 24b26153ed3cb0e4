from pathlib import Path

import invoice
import money  # noqa: F401
import offer

assert invoice.line("tea", -123456) == "tea       -1,234.56 EUR"
assert offer.price(5) == "only 0.05 EUR!"
for name in ("invoice.py", "offer.py"):
    text = Path(name).read_text()
    assert "divmod" not in text and "money" in text, name
