import re
import sys

ADDRESS = re.compile(rb"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
sys.stdout.buffer.write(ADDRESS.sub(b"[e-mail]", sys.stdin.buffer.read()))
