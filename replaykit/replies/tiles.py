"""Several replays side by side, each with the moment that all of them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl

from replaykit import picking, searching
from replaykit.errors import UnknownReplay, check_option
from replaykit.query import as_step
from replaykit.replies.asked import Reply, count_in
from replaykit.rows_as_json import signals
from replaykit.schema import COLUMNS
from replaykit.watchlists import PLAYABLE
from replaykit.wording import count_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.query import Step
    from replaykit.replies.watching import Watching

Sample: TypeAlias = Literal["in order", "typical", "unusual"]
"""Which replays of a list come first: those at its head, those that together stand for
all of it, or those least alike to any other."""

SAMPLES: Final = ("in order", "typical", "unusual")

#: So many tiles at most: each is a page that plays.
MOST_TILES: Final = 9


@dataclass(frozen=True, eq=False)
class Tiles:
    """A few replays at a time, on one clock that counts from a shared moment.

    Attributes
    ----------
    watching
        All of the replays.
    at
        The event at which they are aligned; None for where each answers its point,
        or its start.
    tiles
        How many at a time.
    which
        Which of them first.
    """

    watching: Watching
    at: str | Step | None = None
    tiles: int = MOST_TILES
    which: Sample = "in order"
    _ordered: dict[str, pl.DataFrame] = field(default_factory=dict)

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer `mosaic`, and what a player of one of them asks."""
        if kind != "mosaic":
            return self.watching.answer(kind, params)
        which = params.get("which") or self.which
        check_option("which", which, SAMPLES)
        return Reply(self.page(count_in(params, "offset"), which))

    @property
    def anchor(self) -> str:
        """The words of the moment that all tiles share."""
        if self.at is not None:
            return self.at if isinstance(self.at, str) else self.at.label
        matched = "matched_at" in self.watching.replays.columns
        return "the charted moment" if matched else "the start"

    def page(self, offset: int, which: Sample) -> dict[str, Any]:
        """Return some tiles: who it is, how long, and where the shared moment is."""
        rows = self.rows(which)
        shown = rows.slice(offset, self.tiles)
        met = self._met(shown["user"])
        about = self.watching.because or count_words(rows.height, "replay")
        return {
            "title": about,
            "anchor": self.anchor,
            "aligned": self.at is not None or "matched_at" in rows.columns,
            "which": which,
            "offset": offset,
            "total": rows.height,
            "tiles": [self._tile(row, met) for row in shown.iter_rows(named=True)],
        }

    def rows(self, which: Sample) -> pl.DataFrame:
        """Return all replays that can be shown, in the order of a sample."""
        if which not in self._ordered:
            found = self._shown()
            if which != "in order":
                source = self.watching.source
                found = picking.pick(source, found, self.tiles, which)
            self._ordered[which] = found
        return self._ordered[which]

    def _shown(self) -> pl.DataFrame:
        """Return the replays that can be played and hold the shared moment."""
        every = self.watching.replays
        found = every.filter(pl.col("status").is_in(PLAYABLE))
        if self.at is not None:
            found = searching.with_event(self.watching.source, found, self.at)
        if found.is_empty():
            holding = "" if self.at is None else f" holds {self.anchor!r} and"
            raise UnknownReplay(
                f"None of {count_words(every.height, 'replay')}{holding} can be "
                "played. Users.replays lists them with their status."
            )
        return found

    def _met(self, users: pl.Series) -> set[str]:
        """Return the ids of the rows of some users at which replays may be aligned."""
        if self.at is None:
            return set()
        met = as_step(self.at).predicate()
        names = {name for name in met.meta.root_names() if name not in COLUMNS}
        rows = self.watching.source.scan(sorted(names), users.unique()).filter(met)
        return {str(row) for row in rows.select("row").collect()["row"]}

    def _tile(self, row: Mapping[str, Any], met: set[str]) -> dict[str, Any]:
        return {
            "replay": row["replay_id"],
            "user": row["user_id"] or row["device_id"] or "(unknown)",
            "country": row.get("country"),
            "length_ms": row["length_ms"],
            "anchor_t": self._moment(row, met),
            "signals": signals(dict(row)),
        }

    def _moment(self, row: Mapping[str, Any], met: set[str]) -> int:
        """Return where the shared moment is, in ms from the recording's first event.

        Of several rows of the event, it is the one nearest to where the replay answers
        its point; of a replay that answers none, the first.
        """
        matched = row.get("matched_at")
        if self.at is None:
            return int(matched or 0)
        beside = self.watching.session(row["replay_id"])["events"]
        columns = (beside["t"], beside["id"], beside["state"])
        inside = zip(*columns, strict=True)
        times = [t for t, one, state in inside if one in met and state == 0]
        if not times:
            # Of the session, but not of what was recorded of it.
            return int(matched or 0)
        return int(min(times, key=lambda t: (abs(t - (matched or 0)), t)))
