"""Answers as an analyst holds them: a table, a chart, and points that open.

Every result shows itself as one widget: the chart, and below it the people behind the
point that was clicked. In code: `result.point(…).users`, `.replays`, `.watch()`.
"""

from replaykit.results.conversion import (
    ConversionFrequency,
    ConversionOverTime,
    ConversionTimes,
)
from replaykit.results.counts import Formula, Segmentation
from replaykit.results.differences import Differences
from replaykit.results.funnel import Funnel
from replaykit.results.journeys import Journeys
from replaykit.results.opened import Opened
from replaykit.results.result import Answer, Result
from replaykit.results.returns import LifetimeValue, Retention, Usage
from replaykit.results.variants import Funnels
from replaykit.results.visits import Sessions

__all__ = [
    "Answer",
    "ConversionFrequency",
    "ConversionOverTime",
    "ConversionTimes",
    "Differences",
    "Formula",
    "Funnel",
    "Funnels",
    "Journeys",
    "LifetimeValue",
    "Opened",
    "Result",
    "Retention",
    "Segmentation",
    "Sessions",
    "Usage",
]
