"""One person's rows around the window of a point, by session, with what to play."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from replaykit.errors import UnknownUser
from replaykit.rows_as_json import events_of, properties_of
from replaykit.watchlists import PLAYABLE, watchlist

if TYPE_CHECKING:
    from replaykit.source import Source

#: Rows shown around the window of a point (`spec/inspect.md` 3).
ROWS_BEFORE: Final = 25
ROWS_FROM_START: Final = 50


@dataclass(frozen=True, eq=False)
class Stream:
    """Rows of one person around a window, oldest first; sent page by page.

    Attributes
    ----------
    user_id
        Who it is.
    rows
        All rows that are shown.
    charted
        Whether each of them is one of the point.
    before, within
        How many lie before the window, and in it; the rest lies after.
    sessions
        Runs of one session, with the replay to play of each.
    """

    user_id: str
    rows: pl.DataFrame
    charted: pl.Series
    before: int
    within: int
    sessions: list[dict[str, Any]]

    def page(self, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
        """Return the sessions, and some of the rows by column; all rows by default."""
        page = self.rows.slice(offset, limit)
        places = range(offset, offset + page.height)
        edges = self.before, self.before + self.within
        charted = self.charted.slice(offset, limit)
        return {
            "user": self.user_id,
            "before": self.before,
            "within": self.within,
            "after": self.rows.height - self.before - self.within,
            "sessions": self.sessions if offset == 0 else [],
            "first_charted": self.charted.arg_max() if self.charted.any() else None,
            "rows": {
                "id": [str(row) for row in page["row"]],
                "time_ms": _milliseconds(page),
                "name": page["event"].to_list(),
                "props": properties_of(page),
                "charted": charted.cast(pl.Int8).to_list(),
                "place": [sum(at >= edge for edge in edges) for at in places],
                "out_of_session": [int(one is None) for one in page["session_id"]],
            },
        }


def _milliseconds(rows: pl.DataFrame) -> list[int]:
    """Return the times of rows in ms since 1970."""
    times: list[int] = (rows["time"].to_physical().to_numpy() // 1000).tolist()
    return times


def stream_of(
    source: Source,
    population: pl.DataFrame,
    user_id: str,
    watch: pl.DataFrame | None = None,
) -> Stream:
    """Return a user's rows around the window of a point.

    All rows inside the window, up to 25 before it, and rows after it until 50 from the
    window's start are shown (`spec/inspect.md` 3). `watch` is this user's part of the
    point's watchlist, where that is known already.
    """
    user = source.user(user_id)
    units = population.filter(pl.col("user") == user)
    if units.is_empty():
        raise UnknownUser(f"User {user_id!r} does not belong to this point.")
    rows = events_of(source, user)
    times = rows["time"].to_physical().to_numpy()
    # Both ends of a window belong to it.
    start, end = (units[name].to_physical().to_numpy() for name in ("start", "end"))
    first = int(np.searchsorted(times, start.min(), "left"))
    last = int(np.searchsorted(times, end.max(), "right"))
    before, within = min(first, ROWS_BEFORE), last - first
    after = min(rows.height - last, max(0, ROWS_FROM_START - within))
    shown = rows.slice(first - before, before + within + after)
    charted = shown["row"].is_in(units["rows"].explode().drop_nulls().implode())
    others = source.catalogue.filter(pl.col("user") == user)
    if watch is None:
        # Most people were never recorded, and matching costs more than all the rest.
        watch = units.clear() if others.is_empty() else watchlist(source, units)
    found = {}
    if not watch.is_empty():
        best_last = watch.sort("matched_at", maintain_order=True)
        found = {row["session_id"]: row for row in best_last.iter_rows(named=True)}
    sessions = _sessions_of(shown, charted, found, others)
    return Stream(user_id, shown, charted, before, within, sessions)


def _sessions_of(
    shown: pl.DataFrame,
    charted: pl.Series,
    watch: dict[int | None, dict[str, Any]],
    others: pl.DataFrame,
) -> list[dict[str, Any]]:
    """Split rows in time order into runs of one session, with the replay of each."""
    recorded: dict[int | None, dict[str, Any]] = {}
    if not others.is_empty():
        for row in others.sort("start").iter_rows(named=True):
            recorded.setdefault(row["session_id"], row)
    time_ms = _milliseconds(shown)
    hits = charted.to_list()
    heads = []
    position = 0
    for session, run in groupby(shown["session_id"].to_list()):
        rows = sum(1 for _ in run)
        start, end = time_ms[position], time_ms[position + rows - 1]
        replay = None if session is None else watch.get(session)
        chosen = replay or (None if session is None else recorded.get(session))
        playable = chosen is not None and chosen["status"] in PLAYABLE
        heads.append(
            {
                "session": None if session is None else str(session),
                "start_ms": start,
                "length_ms": end - start,
                "replay": chosen["replay_id"] if chosen and playable else None,
                "match": replay["match"] if replay else None,
                "at_t": replay["matched_at"] if replay else (0 if playable else None),
                "opens": bool(replay and replay["holds_moment"]),
                "first_row": position,
                "rows": rows,
                "charted": sum(hits[position : position + rows]),
            }
        )
        position += rows
    return heads
