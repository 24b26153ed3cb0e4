import json
import subprocess
import sys

wanted = {"requests": 4, "errors": 2, "slowest": "/d"}
assert json.load(open("report.json")) == wanted
out = subprocess.run([sys.executable, "report.py", "other.log"], capture_output=True, check=True)
assert json.loads(out.stdout) == {"requests": 2, "errors": 1, "slowest": "/y"}
