"""Tests of replaykit."""
