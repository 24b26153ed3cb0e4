"""Whole-product tests that break something at random moments: `make kill-sandbox`."""
