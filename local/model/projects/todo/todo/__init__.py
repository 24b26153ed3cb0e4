"""A small to-do list for the command line. Start with `python3 -m todo --help`."""
