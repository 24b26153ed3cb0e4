import csv
import json
import sys

rows = json.load(sys.stdin)
keys = list(dict.fromkeys(key for row in rows for key in row))
writer = csv.DictWriter(sys.stdout, keys, restval="", lineterminator="\n")
writer.writeheader()
writer.writerows(rows)
