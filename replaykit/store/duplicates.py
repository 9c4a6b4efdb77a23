"""Which rows have been seen before.

* With an insert id: a later arrival with the same device and insert id within 7 days
  of the row that is kept is dropped (`spec/model.md` 1).
* With a `uuid` only: the uuid is unique for ever.
* With neither: rows of one person that are equal in all they say are counted; of n such
  rows in this ingest and m in the table, max(n, m) are kept. So the same file twice
  changes nothing, and equal rows inside one file stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.store.staging import BY_CONTENT, BY_INSERT_ID

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_US: Final = 7 * 24 * 3600 * 1_000_000
# Rows looked at in one pass; what bounds the memory of a large ingest.
_PASS: Final = 6_000_000

#: What a comparison needs of a row. `stored` is the row number of a row in the table
#: and `bucket` the partition it lies in; both are null for an arriving row, `position`
#: for a stored one.
COMPARED: Final[dict[str, pl.DataType]] = {
    "key": pl.Int64(),
    "arrival": pl.Int64(),
    "user": pl.Int32(),
    "position": pl.Int64(),
    "stored": pl.Int64(),
    "bucket": pl.Int32(),
}


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Positions of arriving rows to leave out; `stored`, `bucket` of rows replaced."""

    dropped: pl.Series
    superseded: pl.DataFrame


def find_duplicates(
    keys: Callable[[pl.Expr], pl.Series],
    arriving: Callable[[pl.DataFrame], pl.DataFrame],
    stored: Callable[[pl.DataFrame], pl.DataFrame],
    rows: int,
) -> Duplicates:
    """Compare arriving rows with each other and with the table.

    Parameters
    ----------
    keys
        Returns the keys of the arriving rows that satisfy a condition.
    arriving
        Returns the arriving rows (`COMPARED`, `stored` null) whose key is in a frame.
    stored
        Returns the table's rows (`COMPARED`, `position` null) whose key is in a frame.
    rows
        Number of arriving rows.
    """
    passes = rows // _PASS + 1
    dropped: list[pl.Series] = [pl.Series(dtype=pl.Int64)]
    superseded = [pl.DataFrame(schema=COMPARED).select("stored", "bucket")]
    for number in range(passes):
        # The two lowest bits mark the kind of the key; the rest is evenly spread.
        here = keys((pl.col("key") // 4) % passes == number)
        known = stored(here.to_frame("key"))
        # Few rows share their key with another: only these are read.
        again = pl.concat([here.filter(here.is_duplicated()), known["key"]]).unique()
        del here
        if again.is_empty():
            continue
        suspects = pl.concat([arriving(again.to_frame("key")), known])
        kept = _kept(suspects)
        lost = suspects.join(
            kept, on=["position", "stored"], how="anti", nulls_equal=True
        )
        dropped.append(lost["position"].drop_nulls())
        superseded.append(
            lost.filter(pl.col("stored").is_not_null()).select("stored", "bucket")
        )
    return Duplicates(pl.concat(dropped).sort(), pl.concat(superseded))


def _kept(suspects: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("key") & 3
    # What lies in the table arrived first when the clock cannot tell.
    ordered = suspects.sort("key", "arrival", "stored", "position", nulls_last=True)
    by_content = ordered.filter(kind == BY_CONTENT)
    # n here and m there: the first max(n, m) are kept, those in the table first.
    here = pl.col("stored").is_null()
    rank = pl.int_range(pl.len()).over("key", "user", here.alias("here"))
    there = (~here).sum().over("key", "user")
    content = by_content.filter(~here | (rank >= there))
    by_id = ordered.filter(kind != BY_CONTENT)
    first = pl.col("arrival").first().over("key")
    near = (kind != BY_INSERT_ID) | (pl.col("arrival") - first <= WINDOW_US)
    firsts = by_id.filter(pl.int_range(pl.len()).over("key") == 0)
    # Rare: an insert id used again after more than a week.
    later = by_id.filter(~near)
    again = _kept(later) if later.height else later.select("position", "stored")
    return pl.concat(
        [
            content.select("position", "stored"),
            firsts.select("position", "stored"),
            again,
        ]
    )
