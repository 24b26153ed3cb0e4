"""Measures, never asserts: `make bench` prints a table and writes `bench.json`, a flat object of
numbers.

Ratios within one run are what counts; absolute times depend on the machine.
"""
