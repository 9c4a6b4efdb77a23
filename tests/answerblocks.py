"""Read input blocks of the specification as event frames, and compare answers."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from tests.spec.blocks import block

NUMBERS = {"price", "amount", "revenue"}


def moment(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def events_of(name, *, lists=()):
    """Return an input block as a canonical frame; users are numbered by first row."""
    rows = block(name)
    users = list(dict.fromkeys(row["user"] for row in rows))
    columns = {}
    for column in rows[0]:
        cells = [row[column] for row in rows]
        if column == "user":
            columns["user"] = pl.Series(
                [users.index(cell) for cell in cells], dtype=pl.Int32
            )
        elif column == "time":
            columns["time"] = pl.Series(
                [moment(cell) for cell in cells], dtype=pl.Datetime("us", "UTC")
            )
        elif column == "active":
            columns["active"] = pl.Series([cell != "0" for cell in cells])
        elif column == "session_id":
            columns["session_id"] = pl.Series(
                [None if cell in (None, "-1") else int(cell) for cell in cells],
                dtype=pl.Int64,
            )
        elif column in NUMBERS:
            columns[column] = pl.Series(
                [None if cell is None else float(cell) for cell in cells],
                dtype=pl.Float64,
            )
        elif column in lists:
            columns[column] = pl.Series(
                [None if cell is None else cell.split("|") for cell in cells],
                dtype=pl.List(pl.String),
            )
        else:
            columns[column] = pl.Series(cells, dtype=pl.String)
    frame = (
        pl.DataFrame(columns)
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
    )
    return frame, users


def same(found, cell):
    """Whether a number equals a cell, to the four decimals that cells have."""
    if cell is None or found is None:
        return cell is None and found is None
    return abs(float(found) - float(cell)) < 1e-4


def assert_series(found, row, columns):
    """Compare a mapping of column -> number with the named cells of a row."""
    got = {column: found.get(column) for column in columns}
    wanted = {column: row[column] for column in columns}
    assert all(same(got[column], wanted[column]) for column in columns), (row, got)
