import sqlite3
from pathlib import Path

db = sqlite3.connect(":memory:")
db.executescript(Path("shop.sql").read_text())
rows = db.execute(Path("best.sql").read_text())
assert [column[0] for column in rows.description] == ["name", "total"]
assert rows.fetchall() == [("Ben", 700), ("Cem", 700), ("Ana", 500)]
