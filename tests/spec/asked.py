"""Input blocks as an analyst would hold them: tables given to `rk.events`."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

import replaykit as rk
from tests.spec.blocks import block

NUMBERS = ("price", "amount", "revenue")


def moment(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def log_of(name, *, lists=(), now=None, **options):
    """Return an input block as events; cells like `a|b` of `lists` are arrays."""
    rows = block(name)
    table = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    columns = [pl.col(one).cast(pl.Float64) for one in NUMBERS if one in table.columns]
    columns += [pl.col(one).str.split("|") for one in lists]
    if "active" in table.columns:
        columns.append(pl.col("active") != "0")
        options["active"] = "active"
    if "session_id" in table.columns:
        options["session"] = "session_id"
    return rk.events(table.with_columns(columns), now=now and moment(now), **options)


def close(found, cell):
    """Whether a number equals a cell, to the four decimals that cells have."""
    if cell is None or found is None:
        return cell is None and found is None
    return abs(float(found) - float(cell)) < 1e-4


def agree(found, row, columns):
    """Compare numbers by column with the named cells of a row."""
    assert set(columns) <= set(row)
    for column in columns:
        assert close(found.get(column), row[column]), (row, column, found.get(column))


def by_day(table, column="value"):
    """Return the values of a table of one series, by day."""
    days = table["time"].dt.strftime("%Y-%m-%d")
    assert days.n_unique() == len(days)
    return dict(zip(days, table[column], strict=True))


def days_of(row):
    return [column for column in row if column[:2] == "20"]


def with_range(found, keep=None):
    """Return the points of the one series that `keep` selects, and the range's."""
    table, total = found.table, found.total
    if keep is not None:
        table, total = table.filter(keep), total.filter(keep)
    assert total.height <= 1
    return by_day(table) | {"range": total["value"].item() if total.height else 0}
