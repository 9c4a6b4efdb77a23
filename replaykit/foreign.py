"""Tables of other systems beside a replay: tickets, deploys, server logs, on its clock.

A frame needs one column of moments. Where it names people or replays, only the rows of
whoever is on screen are shown (`settled.md` 5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit.errors import BadInput, UnknownProperty
from replaykit.ingest.frames import to_lazy
from replaykit.timeline import localize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Names of columns that say when, whose, and of which replay a row is.
_TIME: Final = ("time", "timestamp", "ts", "created_at", "created", "at")
_USER: Final = ("user", "user_id")
_REPLAY: Final = "replay_id"

#: Rows shown before and after the recording, greyed, and inside it.
ROWS_AROUND: Final = 25
ROWS_INSIDE: Final = 5_000

#: JavaScript's whole numbers end here.
_LARGEST: Final = 2**53


@dataclass(frozen=True, eq=False)
class ForeignTable:
    """A frame of another system, in the order of its moments.

    Parameters
    ----------
    name
        The word on its tab.
    rows
        The frame, ascending in `time`, without rows that have no moment.
    time, user
        Its column of moments, in UTC, and of people; `None` when it names nobody.
    """

    name: str
    rows: pl.DataFrame
    time: str
    user: str | None

    def beside(self, replay: Mapping[str, Any], shift_ms: int) -> dict[str, Any]:
        """Return the rows around one replay, with their place on its clock.

        All rows inside the recording (5,000 at most) and 25 on either side of it.

        Parameters
        ----------
        replay
            A row of the catalogue.
        shift_ms
            What these clocks run ahead of the recorder's, as the events' do.
        """
        mine = self.rows
        if self.user is not None:
            names = {replay["user_id"], replay["device_id"]} - {None}
            mine = mine.filter(pl.col(self.user).cast(pl.String).is_in(names))
        if _REPLAY in mine.columns:
            mine = mine.filter(pl.col(_REPLAY).cast(pl.String) == replay["replay_id"])
        start_ms = round(replay["start"].timestamp() * 1000)
        t = mine[self.time].dt.epoch("ms") - start_ms - shift_ms
        before = int((t < 0).sum())
        inside = int((t <= replay["length_ms"]).sum()) - before
        first = max(0, before - ROWS_AROUND)
        shown = min(inside, ROWS_INSIDE)
        around = [*range(first, before + shown)]
        last = before + inside
        around += range(last, min(mine.height, last + ROWS_AROUND))
        rows = mine[around].drop(self.time)
        cells = [[_plain(value) for value in column] for column in rows]
        return {
            "name": self.name,
            "columns": rows.columns,
            "t": t[around].to_list(),
            "state": [1 if i < before else 0 if i < last else 2 for i in around],
            "rows": [list(row) for row in zip(*cells, strict=True)]
            or [[] for _ in around],
            "total": inside,
        }


def read_tables(
    tables: Mapping[str, object] | None, zone: str
) -> Sequence[ForeignTable]:
    """Read the frames that a player shows as further panels.

    Parameters
    ----------
    tables
        Any frame (polars, pandas, Arrow, …) by the word on its tab. Its moments are in
        the column `time` (or `timestamp`, `ts`, `created_at`, `created`, `at`), or in
        the only column of moments it has. A column `user` or `user_id` keeps the rows
        of the person on screen, a column `replay_id` those of the replay.
    zone
        Zone in which moments without one are read.

    Raises
    ------
    UnknownProperty
        If a frame has no column of moments, or several and none by a known name.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = {"opened": [datetime(2026, 3, 1, 10)], "subject": ["Where is it?"]}
    >>> [table] = read_tables({"tickets": frame}, "UTC")
    >>> table.time, table.user, table.rows.height
    ('opened', None, 1)
    """
    if tables is None:
        return ()
    if not hasattr(tables, "items"):
        raise BadInput(
            f"tables= takes frames by name, not {type(tables).__name__}: "
            'tables={"tickets": frame}.'
        )
    return tuple(_read(str(name), frame, zone) for name, frame in tables.items())


def _read(name: str, frame: object, zone: str) -> ForeignTable:
    rows = to_lazy(frame).collect()
    moments = [
        column
        for column, dtype in rows.schema.items()
        if isinstance(dtype, pl.Datetime | pl.Date)
    ]
    named = [column for column in _TIME if column in moments]
    if not named and len(moments) != 1:
        has = ", ".join(f"{column} {dtype}" for column, dtype in rows.schema.items())
        which = (
            f"several of them ({', '.join(moments)}): rename the right one to 'time'"
            if moments
            else "none: parse one with .str.to_datetime(), and call it 'time'"
        )
        raise UnknownProperty(
            f"tables={{{name!r}: …}} needs a column of moments and has {which}. "
            f"It holds {has or 'no column'}."
        )
    time = (named or moments)[0]
    read = pl.col(time)
    if getattr(rows.schema[time], "time_zone", None) is None:
        read = localize(read.cast(pl.Datetime("us")), zone)
    in_utc = read.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    user = next((column for column in _USER if column in rows.columns), None)
    kept = rows.with_columns(in_utc.alias(time)).drop_nulls(time)
    return ForeignTable(name, kept.sort(time, maintain_order=True), time, user)


def _plain(value: object) -> object:
    """Return a cell as JSON can hold it, and JavaScript read it back."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)
