"""Small sums on the command line."""

import argparse

parser = argparse.ArgumentParser(description=__doc__)
commands = parser.add_subparsers(required=True)
for name, fn in (("add", sum), ("most", max), ("least", min)):
    one = commands.add_parser(name)
    one.add_argument("numbers", type=int, nargs="+")
    one.set_defaults(fn=fn)
given = parser.parse_args()
print(given.fn(given.numbers))
