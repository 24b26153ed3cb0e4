import shlex
import subprocess
from pathlib import Path

text = Path("README.md").read_text()
examples = [line.strip() for line in text.splitlines() if line.startswith("    python3 tool.py")]
for name in ("add", "most", "least"):
    assert any(shlex.split(line)[2] == name for line in examples), name
for line in examples:
    subprocess.run(shlex.split(line, comments=True), check=True, capture_output=True)
