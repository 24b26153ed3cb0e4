import csv
import io
import json
import subprocess
import sys

rows = [{"a": "x,y", "b": 'say "hi"'}, {"b": "two\nlines", "c": 3}, {}]
run = subprocess.run(
    [sys.executable, "to_csv.py"],
    input=json.dumps(rows),
    capture_output=True,
    text=True,
    check=True,
)
back = list(csv.DictReader(io.StringIO(run.stdout)))
assert list(back[0]) == ["a", "b", "c"], back
assert back[0] == {"a": "x,y", "b": 'say "hi"', "c": ""}
assert back[1] == {"a": "", "b": "two\nlines", "c": "3"}
