"""Readers: one per source shape, each yielding rows for the store."""

from replaykit.ingest.amplitude import AmplitudeExport
from replaykit.ingest.report import IngestReport, Skipped
from replaykit.ingest.tables import FrameEvents, Mapping, TableSource, from_frame

__all__ = [
    "AmplitudeExport",
    "FrameEvents",
    "IngestReport",
    "Mapping",
    "Skipped",
    "TableSource",
    "from_frame",
]
