"""Where the packaged recordings lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from replaykit.errors import MissingFile

#: The folder that `python -m replaykit.demoshop.record` fills.
SAMPLE: Final = Path(__file__).with_name("sample")


def recorded_events() -> Path:
    """Return the recorded visitors' events, in the shape of Amplitude's export.

    Gzipped JSON lines, one object per event; `event_properties` carry the replay id.

    Examples
    --------
    >>> recorded_events().name
    'events.json.gz'
    """
    return _packaged("events.json.gz")


def recorded_replays() -> Path:
    """Return the recordings: a zip of `<device>_<session>.json`, rrweb event arrays.

    Examples
    --------
    >>> recorded_replays().name
    'replays.zip'
    """
    return _packaged("replays.zip")


def _packaged(name: str) -> Path:
    path = SAMPLE / name
    if not path.exists():
        raise MissingFile(
            f"The packaged sample has no {name}: {SAMPLE} is incomplete. "
            "Install replaykit again, or run `make demo-record` in a checkout."
        )
    return path
