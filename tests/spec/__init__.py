"""Copies of the functional specification, read by the tests as their oracle."""
