"""Answers as plain plotly figures: one function per question, no counting."""

from replaykit.charts.funnel import funnel_chart
from replaykit.charts.retention import retention_chart
from replaykit.charts.segmentation import segmentation_chart
from replaykit.charts.sessions import sessions_chart

__all__ = [
    "funnel_chart",
    "retention_chart",
    "segmentation_chart",
    "sessions_chart",
]
