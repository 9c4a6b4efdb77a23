"""Some people of a source held in memory, for one who asks many small questions.

A page asks some hundred questions about few people; each would otherwise read the
project again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replaykit.replies import Microscope
    from replaykit.source import Source


def people_of(answers: Microscope, keys: Iterable[str], most: int) -> pl.Series:
    """Return the first people of each point, and its first with replays."""
    found = [answers.behind(key).first_people(most) for key in keys]
    return pl.concat([pl.Series(dtype=pl.Int32), *found]).unique()


def in_memory(source: Source, users: pl.Series) -> Source:
    """Return a source of these people alone; its recordings stay all there are.

    What it knows of recordings and their rows is taken over: that is worked out from
    all people.
    """
    rows = source.scan(None, users=users.to_list()).collect()
    of_user = rows.partition_by("user", as_dict=True)
    none = rows.clear()

    def scan(
        properties: Iterable[str] | None,
        users: Iterable[int] | None = None,
        *,
        buckets: Iterable[int] | None = None,
    ) -> pl.LazyFrame:
        del properties, buckets  # all are held, in one piece
        if users is None:
            return rows.lazy()
        found = [of_user.get((user,), none) for user in users]
        return (pl.concat(found) if found else none).lazy()

    narrow = replace(source, scan=scan, known=None, held={})
    narrow.__dict__["directory"] = source.directory
    narrow.__dict__["catalogue"] = source.catalogue
    if source.recordings is not None:
        narrow.__dict__["sessionless"] = source.sessionless
    if "recorded_rows" in source.__dict__:
        narrow.__dict__["recorded_rows"] = source.recorded_rows
    return narrow
