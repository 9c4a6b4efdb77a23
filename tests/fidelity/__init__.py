"""Comparison of our segments with what rrweb itself shows."""
