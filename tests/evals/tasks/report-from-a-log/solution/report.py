import json
import re
import sys
from pathlib import Path

LINE = re.compile(r"\w+ (\S+) (\d{3}) (\d+)ms")


def report(text: str) -> dict[str, object]:
    found = [m.groups() for line in text.splitlines() if (m := LINE.fullmatch(line.strip()))]
    slowest = max(found, key=lambda row: int(row[2]), default=("", "", "0"))[0]
    errors = sum(int(status) >= 500 for _, status, _ in found)
    return {"requests": len(found), "errors": errors, "slowest": slowest}


print(json.dumps(report(Path(sys.argv[1]).read_text())))
