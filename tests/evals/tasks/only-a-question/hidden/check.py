from pathlib import Path

assert sorted(p.name for p in Path().iterdir() if p.suffix) == ["check.py", "main.py"]
assert Path("main.py").read_text().startswith("values = [3, 1, 2]")
