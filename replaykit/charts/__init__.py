"""Answers as plain plotly figures: one function per question, no counting."""

from replaykit.charts.bars import frequency_chart, times_chart, totals_chart
from replaykit.charts.differences import differences_chart
from replaykit.charts.funnel import funnel_chart
from replaykit.charts.journeys import (
    journeys_icicle_chart,
    journeys_sunburst_chart,
    journeys_tree_chart,
)
from replaykit.charts.levels import journeys_levels_chart
from replaykit.charts.retention import retention_chart
from replaykit.charts.returns import (
    retention_curve_chart,
    retention_over_time_chart,
    usage_chart,
    value_chart,
)
from replaykit.charts.segmentation import segmentation_chart
from replaykit.charts.sessions import sessions_chart

__all__ = [
    "differences_chart",
    "frequency_chart",
    "funnel_chart",
    "journeys_icicle_chart",
    "journeys_levels_chart",
    "journeys_sunburst_chart",
    "journeys_tree_chart",
    "retention_chart",
    "retention_curve_chart",
    "retention_over_time_chart",
    "segmentation_chart",
    "sessions_chart",
    "times_chart",
    "totals_chart",
    "usage_chart",
    "value_chart",
]
