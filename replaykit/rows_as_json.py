"""Rows of events and of the catalogue, as widgets get them: plain JSON values."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import polars as pl

from replaykit.schema import BUILT_INS, COLUMNS, REPLAY_ID

if TYPE_CHECKING:
    from replaykit.source import Source

#: Signals of a recording that lists show as marks, gravest first.
SIGNALS: Final = {
    "error": "errors",
    "request": "failed_requests",
    "rage": "rage_clicks",
    "dead": "dead_clicks",
}

#: Columns whose values are plain JSON as they are.
_READY: Final = (pl.String, pl.Boolean, pl.Int8, pl.Int16, pl.Int32)


def events_of(source: Source, user: int) -> pl.DataFrame:
    """Return all rows of one user with all properties, in time order.

    What tells the rows apart comes first; what is known of the person and the device
    on every row (the country, the platform) comes last.
    """
    if source.held is not None and user in source.held:
        return source.held[user]
    found = source.scan(None, (user,)).sort("time", "row").collect()
    rows = source.with_sessions(found)
    others = [name for name in rows.columns if name not in COLUMNS]
    standing = {
        name
        for name in others
        if name in BUILT_INS
        or name == REPLAY_ID
        or rows[name].drop_nulls().len() > rows.height // 2
    }
    others.sort(key=lambda name: name in standing)
    ordered = rows.select(*COLUMNS, *others)
    if source.held is not None:
        source.held[user] = ordered
    return ordered


def properties(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a row beside the canonical columns, as plain JSON."""
    return {
        name: _plain(value)
        for name, value in row.items()
        if name not in COLUMNS and value is not None
    }


def properties_of(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the `properties` of every row of a table.

    Examples
    --------
    >>> rows = pl.DataFrame({"row": [1, 2], "page": ["/", None], "price": [None, 2.5]})
    >>> properties_of(rows)
    [{'page': '/'}, {'price': 2.5}]
    """
    found: list[dict[str, Any]] = [{} for _ in range(rows.height)]
    for column in rows.iter_columns():
        name, kind = column.name, column.dtype
        if name in COLUMNS or column.null_count() == rows.height:
            continue
        ready = kind in _READY
        for known, value in zip(found, column.to_list(), strict=True):
            if value is not None:
                known[name] = value if ready else _plain(value)
    return found


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):  # noqa: PLR0124
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | bool):
        return value
    return str(value)


def list_rows(replays: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows that replay lists draw, from rows of the catalogue."""
    return [
        {
            "replay": row["replay_id"],
            "user": row["user_id"] or row["device_id"] or "(unknown)",
            "start_ms": epoch_ms(row["start"]),
            "length_ms": row["length_ms"],
            "country": row.get("country"),
            "signals": signals(row),
            "activity": list(row.get("activity") or ()),
            "first_page": _path(row["first_page"] or ""),
            "status": row["status"],
        }
        for row in replays.iter_rows(named=True)
    ]


def _path(url: str) -> str:
    """Return what tells pages of one site apart: path and query."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.path or '/'}{query}"


def signals(row: dict[str, Any]) -> list[str]:
    """Name the kinds of trouble a catalogue row counts, gravest first."""
    return [kind for kind, column in SIGNALS.items() if (row.get(column) or 0) > 0]


def epoch_ms(moment: datetime) -> int:
    """Return a moment in ms since 1970."""
    return round(moment.astimezone(UTC).timestamp() * 1000)


def to_json(value: object) -> str:
    """Serialise a reply in the one form in which replies are compared and stored."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
