from concurrent.futures import ThreadPoolExecutor

from hits import Hits

hits = Hits()
with ThreadPoolExecutor(8) as pool:
    seen = list(pool.map(lambda _: hits.add("a"), range(4000)))
assert hits.get("a") == 4000, hits.get("a")
assert sorted(seen) == list(range(1, 4001))
assert hits.get("b") == 0
