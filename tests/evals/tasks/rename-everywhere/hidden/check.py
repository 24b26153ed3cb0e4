from shop.cart import label

assert label({"a": 150}) == "1.50"
