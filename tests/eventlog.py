"""Event logs for tests: stories written by hand, and the specification's blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from tests.spec.blocks import block

START = datetime(2026, 3, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
_UNIT = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Log:
    """A canonical frame and the names of its users, by number."""

    frame: pl.DataFrame
    users: list[str]

    @property
    def lazy(self) -> pl.LazyFrame:
        return self.frame.lazy()

    def named(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace user numbers by names."""
        names = pl.Series("user", self.users, dtype=pl.String)
        return frame.with_columns(
            pl.col("user").replace_strict(
                range(len(names)), names, return_dtype=pl.String
            )
        )


def log(stories: dict[str, str], *, start: datetime = START) -> pl.LazyFrame:
    """Write users' events as stories: ``{"ana": "0m Search, 2m Buy[price=3], 1d Buy"}``.

    A moment is counted from `start`. ``[key=value]`` adds properties (numbers where they
    read as numbers), ``!`` after the name makes the row inactive, ``@7`` is its session.
    """
    rows = []
    for user, story in enumerate(stories.values()):
        for item in filter(None, (part.strip() for part in story.split(","))):
            at, rest = item.split(" ", 1)
            match = re.fullmatch(r"(.+?)(!?)(?:@(\d+))?(?:\[(.*)\])?", rest)
            assert match is not None, item
            name, inactive, session, properties = match.groups()
            row = {
                "user": user,
                "time": start + timedelta(seconds=_seconds(at)),
                "event": name,
                "active": not inactive,
                "session_id": int(session) if session else None,
            }
            for pair in filter(None, (properties or "").split(" ")):
                key, value = pair.split("=")
                row[key] = (
                    float(value) if re.fullmatch(r"-?\d+(\.\d+)?", value) else value
                )
            rows.append(row)
    frame = pl.DataFrame(rows, infer_schema_length=None, schema_overrides={
        "user": pl.Int32, "time": TIME, "event": pl.String, "active": pl.Boolean,
        "session_id": pl.Int64,
    })  # fmt: skip
    return frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)).lazy()


def _seconds(text: str) -> float:
    parts = re.findall(r"([\d.]+)(ms|[smhd])", text)
    assert parts, text
    return sum(float(number) * _UNIT[unit] for number, unit in parts)


def read_time(text: str) -> datetime:
    """Read a moment as the specification writes it."""
    return datetime.fromisoformat(text)


def spec_log(name: str) -> Log:
    """Read an input block as a canonical frame; ``a|b`` cells make a list column."""
    cells = block(name)
    users = list(dict.fromkeys(row["user"] or "" for row in cells))
    columns: dict[str, pl.Series] = {}
    for column in cells[0]:
        values = [row[column] for row in cells]
        if column == "user":
            numbers = [users.index(value or "") for value in values]
            columns[column] = pl.Series(column, numbers, pl.Int32)
        elif column == "time":
            times = [read_time(value or "") for value in values]
            columns[column] = pl.Series(column, times, TIME)
        elif column == "active":
            columns[column] = pl.Series(column, [value == "1" for value in values])
        elif column == "row":
            columns[column] = pl.Series(column, [int(v or 0) for v in values], pl.Int64)
        elif column == "session_id":
            columns[column] = _sessions(values)
        elif any(value and "|" in value for value in values):
            lists = [value.split("|") if value else None for value in values]
            columns[column] = pl.Series(column, lists, pl.List(pl.String))
        else:
            columns[column] = _plain(column, values)
    frame = pl.DataFrame(list(columns.values()))
    if "row" not in frame.columns:
        frame = frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    return Log(frame, users)


def _sessions(values: list[str | None]) -> pl.Series:
    """Read session ids; words become numbers, -1 is out of session."""
    if all(value is None or re.fullmatch(r"-?\d+", value) for value in values):
        numbers = [None if value in (None, "-1") else int(value) for value in values]
    else:
        known = list(dict.fromkeys(value for value in values if value))
        numbers = [known.index(value) if value else None for value in values]
    return pl.Series("session_id", numbers, pl.Int64)


def _plain(column: str, values: list[str | None]) -> pl.Series:
    try:
        return pl.Series(column, [float(v) if v else None for v in values], pl.Float64)
    except ValueError:
        return pl.Series(column, values, pl.String)
