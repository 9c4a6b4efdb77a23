"""Usage interval: who comes back soon."""

from __future__ import annotations

from replaykit.analyses.usage import usage
from tests.answerblocks import events_of, moment


def test_who_comes_back_within_two_days():
    frame, _ = events_of("ret.events")
    soon = usage(frame, "R").over_time(2)
    days = soon.filter(time=moment("2024-04-02T00:00:00Z"))
    assert days.select("users", "returned").rows() == [(2, 1)]
