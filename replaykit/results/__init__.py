"""Answers as an analyst holds them: a table, a chart, and points that open.

Every result shows itself as one widget: the chart, and below it the people behind the
point that was clicked. In code: `result.point(…).users`, `.replays`, `.watch()`.
"""

from replaykit.results.counts import Segmentation
from replaykit.results.paths import Funnel, Journeys
from replaykit.results.result import Answer, Opened, Result
from replaykit.results.returns import Retention
from replaykit.results.visits import Sessions

__all__ = [
    "Answer",
    "Funnel",
    "Journeys",
    "Opened",
    "Result",
    "Retention",
    "Segmentation",
    "Sessions",
]
