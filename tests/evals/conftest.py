"""The projects of the evaluations are no tests of ours."""

collect_ignore = ["tasks"]
