import argparse
import sys
from pathlib import Path

parser = argparse.ArgumentParser(description="Counts the words of a file.")
parser.add_argument("file", type=Path)
parser.add_argument("--lines", action="store_true", help="count lines instead")
given = parser.parse_args()
try:
    text = given.file.read_text()
except OSError as error:
    sys.exit(f"{given.file} cannot be read: {error.strerror}.")
print(len(text.splitlines() if given.lines else text.split()))
