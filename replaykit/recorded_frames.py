"""What recordings say, as polars frames: clicks, elements, heat maps, and more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from replaykit.errors import BadInput
from replaykit.heatmaps import Heatmap, heatmap
from replaykit.replays import elements, frames, heat
from replaykit.replays.signals import Thresholds

if TYPE_CHECKING:
    from replaykit.heatmaps import HeatKind
    from replaykit.replays.elements import Happening
    from replaykit.replays.frames import FrameKind
    from replaykit.replays.heat import PageMatch
    from replaykit.source import Source
    from replaykit.source_parts import Recordings


@dataclass(frozen=True, eq=False, repr=False)
class Recorded:
    """Replays of a source, and what can be read out of their recordings."""

    source: Source
    frame: pl.DataFrame

    def read(self, kind: FrameKind, *, progress: bool = True) -> pl.DataFrame:
        """Read what happened in these recordings as a frame, one row each.

        Every frame begins with `replay_id` String, `user` String (public id),
        `time_ms` Int64 (ms from the recording's first event: where a player shows it)
        and `time` Datetime UTC, and most hold the page's `url` String at that moment.
        Recordings are read in the order of this list; rows stand in time order.

        Parameters
        ----------
        kind
            - `"clicks"`: `action`, `x`, `y` (in the window, px), `page_x`, `page_y`,
              the clicked element (`node` Int64, `tag`, `selector`, `label` String; the
              link or button around what was hit, if any), `interactive`, and whether
              it is part of a `rage`, `dead` (`spec/capture.md` 7), or followed by an
              `error`; `clicks()` takes other thresholds
            - `"focus"`, `"touches"`: `action`, place and element
            - `"inputs"`: element, `name`, `value` (as recorded: masked text is stars),
              `checked`
            - `"scrolls"`: `x`, `y`, `of_document` and element
            - `"moves"`: `x`, `y`, `touch`, `node`
            - `"mutations"`: `added`, `removed`, `texts`, `attributes` (counts)
            - `"pages"`: `url`, `length_ms`; `"viewports"`: `width`, `height`
            - `"console"`: `level`, `text`; `"errors"`: `text`
            - `"network"`: `method`, `request`, `status`, `duration_ms`, `failed`
            - `"inactive"`: `end_ms`, `length_ms` (`spec/replay.md` 5)
            - `"media"`: `action`, `position_s` and element
        progress
            Show a bar while reading.

        Raises
        ------
        UnknownOption
            If `kind` is none of these words.

        Examples
        --------
        >>> import replaykit as rk
        >>> clicks = rk.demo().replays[:3].read("clicks", progress=False)
        >>> clicks.columns[:5]
        ['replay_id', 'user', 'time_ms', 'time', 'action']
        """
        recordings, ids = self._stored()
        return self._named(frames.frame(recordings, ids, kind, progress=progress))

    def clicks(
        self,
        *,
        rage_at_least: int = 4,
        rage_within: str = "1s",
        rage_box: float = 50,
        dead_within: str = "3s",
        error_within: str = "1s",
        progress: bool = True,
    ) -> pl.DataFrame:
        """Read the clicks, flagged as rage, dead or followed by an error.

        Vendors differ in when they call a click so: the thresholds are arguments. The
        columns are those of `read("clicks")`.

        Parameters
        ----------
        rage_at_least, rage_within, rage_box
            A run of at least so many clicks on one element is rage; each comes less
            than `rage_within` after the one `rage_at_least - 1` before it, and all of
            them lie in a square of `rage_box` px.
        dead_within
            A click on a link or button is dead when nothing changes for so long.
        error_within
            A click is followed by an error that the console shows within that time.
        progress
            Show a bar while reading.

        Examples
        --------
        >>> import replaykit as rk
        >>> replays = rk.demo().replays[:5]
        >>> strict = replays.clicks(rage_at_least=5, progress=False)["rage"].sum()
        >>> strict <= replays.clicks(progress=False)["rage"].sum()
        True
        """
        by = Thresholds(rage_at_least, rage_within, rage_box, dead_within, error_within)
        recordings, ids = self._stored()
        how = frames.clicks(by)
        return self._named(frames.gather(recordings, ids, how, progress=progress))

    def heatmap(
        self,
        page: str,
        kind: HeatKind = "clicks",
        *,
        match: PageMatch = "exact",
        bin_px: int = 1,
        window: tuple[int, int] | None = None,
        progress: bool = True,
    ) -> Heatmap:
        """Count where a page was clicked, what on it, or how far down it was seen.

        Clicks and views are those of these recordings: narrow them by `search`, or by
        a cohort's replays. Places are px on the page, scrolled parts included
        (`spec/capture.md` 6).

        Parameters
        ----------
        page
            The page's address, read as `match` says.
        kind
            `"clicks"`: clicks at each place. `"selectors"`: clicks and users of each
            element. `"scroll"`: users who saw each depth, every 100 px, and the
            average fold.
        match
            `"exact"`, `"pattern"` (`*` stands for anything), `"contains"` or
            `"starts with"`.
        bin_px
            Places of `"clicks"` are squares of so many px.
        window
            Only clicks and views in windows of this width in px, both bounds included:
            `(0, 767)` for phones.
        progress
            Show a bar while reading.

        Raises
        ------
        BadInput
            If nothing was recorded on such a page; it says which page was seen most.
        UnknownOption
            If `kind` or `match` is no such word.

        Examples
        --------
        >>> import replaykit as rk
        >>> replays = rk.demo().replays[:10]
        >>> found = replays.heatmap("*", "selectors", match="pattern", progress=False)
        >>> found.table.columns
        ['rank', 'selector', 'clicks', 'users']
        """
        recordings, ids = self._stored()
        how = heat.VIEWS if kind == "scroll" else heat.CLICKS
        rows = self._named(frames.gather(recordings, ids, how, progress=progress))
        return heatmap(rows, page, kind, match=match, bin_px=bin_px, window=window)

    def elements(
        self, selector: str, happening: Happening, *, progress: bool = True
    ) -> pl.DataFrame:
        """Find what happened to the elements of a CSS selector, whoever tracked it.

        The page is followed through every recording as the player shows it, so this
        answers for the past too, with no browser. With `events.also` the rows become
        events: `events.also("Saw it", replays.elements(".banner", "appeared"))`.

        Parameters
        ----------
        selector
            A CSS selector list: types, ids, classes, attributes, combinators, `:not()`,
            `:is()`, `:has()` and the structural pseudo-classes.
        happening
            - `"clicked"`: it, or something inside it, was clicked
            - `"typed"`: something was typed into it, or chosen
            - `"appeared"`, `"disappeared"`: it began, or ceased, to match; a new page
              makes all its elements appear, a snapshot of an unchanged one does not
            - `"changed"`: the text in it became another one
        progress
            Show a bar while reading.

        Returns
        -------
        DataFrame
            One row each: `replay_id`, `user` String, `time_ms` Int64 (ms from the
            recording's first event), `time` Datetime UTC, `node` Int64, `tag`,
            `selector`, `label`, `url` String.

        Raises
        ------
        BadInput
            If the selector cannot be read, or asks for what no recording knows, such
            as `:hover`.
        UnknownOption
            If `happening` is none of these words.

        Examples
        --------
        >>> import replaykit as rk
        >>> replays = rk.demo().replays[:5]
        >>> found = replays.elements("button", "clicked", progress=False)
        >>> found["tag"].unique().to_list()
        ['button']
        """
        recordings, ids = self._stored()
        return self._named(
            elements.elements(recordings, ids, selector, happening, progress=progress)
        )

    def _stored(self) -> tuple[Recordings, pl.Series]:
        recordings = self.source.recordings
        if recordings is None:
            raise BadInput("There are no recordings here: add some with add_replays.")
        return recordings, self.frame["replay_id"]

    def _named(self, found: pl.DataFrame) -> pl.DataFrame:
        """Return rows of recordings with the public ids of their users."""
        names = self.frame.select("replay_id", user="user_id")
        joined = found.join(names, on="replay_id", how="left", maintain_order="left")
        return joined.select("replay_id", "user", pl.exclude("replay_id", "user"))
