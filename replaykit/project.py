"""A project: one folder of events and recordings, opened, filled and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from replaykit.errors import BadInput
from replaykit.one_replay import explain
from replaykit.projects.deleting import Deleted
from replaykit.projects.filling import Filled
from replaykit.projects.showing import Shown
from replaykit.replay_list import Replays
from replaykit.replays.links import parse_ref

if TYPE_CHECKING:
    from replaykit.replays.anatomy import Anatomy


@dataclass(frozen=True, eq=False, repr=False)
class Project(Shown, Filled, Deleted):
    """A folder of events and recordings.

    Parameters
    ----------
    folder
        Where it lies.
    now
        What "last 7 days" counts from; by default the clock.
    title
        How it is called; by default as the folder is.
    address
        How saved notebooks find it again, if not by its folder.
    engine
        How questions run: on `"threads"`, as one `"scan"`, on an executor or a cluster.

    Handles taken from it (`events`, `replays`) stay on the state they were taken from;
    `add_events` and `add_replays` make a new one that the next `events` sees.
    """

    @property
    def names(self) -> pl.DataFrame:
        """Event names and their rows: `event`, `rows`."""
        return self.source.names

    def replay(self, ref: str) -> Replays:
        """Return one replay by its id, its reference or its product URL.

        A reference may carry a moment (`…&t=42000`); the player then opens there.
        """
        replay_id, t = parse_ref(ref)
        self.source.replay(replay_id)
        found = self.source.catalogue.filter(pl.col("replay_id") == replay_id)
        if t is not None:
            found = found.with_columns(matched_at=pl.lit(t, pl.Int64))
        return Replays(self.source, found)

    def anatomy(self, replay: str | Replays) -> Anatomy:
        """Explain one recording: what is missing, what is odd, what takes the room.

        Gaps, missing snapshots, clock skew, oversized mutations, missing files, what
        was taken out for safety, bytes by kind of event, and the largest events.

        Parameters
        ----------
        replay
            Its id, reference or product URL, or a list of one replay.

        Raises
        ------
        UnknownReplay
            If there is no such replay.
        BadInput
            If the list holds more than one.

        Examples
        --------
        >>> import replaykit as rk
        >>> shop = rk.demo()
        >>> shop.anatomy(shop.replays[:1]).by_kind.columns
        ['kind', 'events', 'bytes', 'share']
        """
        if isinstance(replay, Replays):
            if len(replay) != 1:
                raise BadInput(
                    f"An anatomy is of one replay; this list holds {len(replay):,}. "
                    "Take one, such as replays[:1]."
                )
            replay_id = str(replay["replay_id"][0])
        else:
            replay_id, _ = parse_ref(replay)
        return explain(self.source, replay_id)
