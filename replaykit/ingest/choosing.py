"""Which reader a source needs: as the caller says, or as its first line shows."""

from __future__ import annotations

import os
from json import JSONDecoder
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from replaykit.errors import BadInput, check_option
from replaykit.ingest.amplitude import AmplitudeExport
from replaykit.ingest.archives import archives
from replaykit.ingest.files import blocks, find_files, members
from replaykit.ingest.frames import SUFFIXES as TABLE_SUFFIXES
from replaykit.ingest.frames import scan_files
from replaykit.ingest.mixpanel import MixpanelExport
from replaykit.ingest.posthog import SUFFIXES as EVENT_SUFFIXES
from replaykit.ingest.posthog import PostHogExport
from replaykit.ingest.tables import Mapping, TableSource

if TYPE_CHECKING:
    from pathlib import Path

    from replaykit.ingest.exports import Export

EventFormat: TypeAlias = Literal["amplitude", "mixpanel", "posthog", "table"]
"""`"amplitude"`, `"mixpanel"`, `"posthog"`: their event exports; `"table"`: anything
with a row per event, whose columns are named by `user`, `time`, `event`."""

_EXPORTS: Final = {
    "amplitude": AmplitudeExport,
    "mixpanel": MixpanelExport,
    "posthog": PostHogExport,
}
FORMATS: Final = (*_EXPORTS, "table")
#: Endings of the files that may hold events.
EVENT_FILES: Final = (*EVENT_SUFFIXES, *TABLE_SUFFIXES)
_DECODER: Final = JSONDecoder()
_LOOKED_AT: Final = 1 << 20
_DEFAULTS: Final = {"user": "user", "time": "time", "event": "event"}


def reader(
    source: object,
    format: EventFormat | None,  # noqa: A002 - the word analysts know
    columns: dict[str, str | None],
    tz: str,
    *,
    progress: bool = True,
) -> Export | TableSource:
    """Return the reader of a source.

    Parameters
    ----------
    source
        Paths of files, or any table that `frames.to_lazy` reads.
    format
        What it is; `None` looks at what is given.
    columns
        The parts of `Mapping` that the caller named.
    tz
        Zone that a table's times without one are read in.
    progress
        Show a bar while reading.

    Raises
    ------
    UnknownOption, BadInput, MissingFile
        If the format is unknown or cannot be told, or a file is missing.
    """
    named = {role: name for role, name in columns.items() if name is not None}
    if format is not None:
        check_option("format", format, FORMATS)
    elif named or not _is_paths(source):
        format = "table"  # noqa: A001 - the word analysts know
    else:
        format = _guess(source)  # noqa: A001 - same
    if format != "table":
        if named:
            raise BadInput(
                f"{', '.join(f'{role}=' for role in named)} name the columns of a "
                f"table; an export of format={format!r} knows its own. Leave them out, "
                "or say format='table'."
            )
        return _EXPORTS[format](source, progress=progress)  # type: ignore[arg-type]
    roles: dict[str, Any] = {**_DEFAULTS, **named}
    mapping = Mapping(**roles, tz=tz)
    return TableSource(source, mapping, progress=progress)


def _is_paths(source: object) -> bool:
    if isinstance(source, str | os.PathLike):
        return True
    return (
        isinstance(source, list | tuple | set | frozenset)
        and bool(source)
        and all(isinstance(one, str | os.PathLike) for one in source)
    )


def _guess(source: object) -> EventFormat:
    """Tell a format by the first file: by its columns, or by its first event."""
    files = find_files(source, EVENT_FILES)  # type: ignore[arg-type]
    path = files[0]
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".parquet", ".pq", ".csv", ".tsv", ".arrow", ".feather")):
        fields = set(scan_files([path]).collect_schema())
        if {"event", "distinct_id", "timestamp"} <= fields:
            return "posthog"
        if fields >= set(_DEFAULTS):
            return "table"
        raise BadInput(
            f"{path.name} has the columns {', '.join(sorted(fields))}. Say which are "
            "what: add_events(…, user=, time=, event=)."
        )
    first = _first_object(path)
    if "event_type" in first:
        return "amplitude"
    if {"event", "distinct_id"} <= first.keys() or {"event", "uuid"} <= first.keys():
        return "posthog"
    inside = first.get("properties")
    if "event" in first and isinstance(inside, dict) and "time" in inside:
        return "mixpanel"
    if {"event", "timestamp", "properties"} <= first.keys():
        return "posthog"
    return "table" if first.keys() >= set(_DEFAULTS) else "amplitude"


def _first_object(path: Path) -> dict[str, object]:
    """Return the first JSON object of a file, of lines or of an array."""
    with archives():
        for member in members(path):
            for block in blocks(member, lambda _: None, _LOOKED_AT):
                text = block.data.decode("utf-8", "replace")
                start = text.find("{")
                try:
                    found, _ = _DECODER.raw_decode(text[max(start, 0) :])
                except (ValueError, RecursionError):
                    return {}
                return found if isinstance(found, dict) else {}
    return {}
