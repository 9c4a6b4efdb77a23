"""Replays as an analyst holds them: a frame to read, to search, and to watch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, overload

import polars as pl

from replaykit import picking, searching, timeline
from replaykit.bundle import bundle_of_player, with_bundle
from replaykit.capsule import saved_form
from replaykit.errors import BadInput, check_option
from replaykit.heatmaps import Heatmap, heatmap
from replaykit.query import Step
from replaykit.replays import elements, frames, heat
from replaykit.replays.links import product_url, replay_ref
from replaykit.replays.signals import Thresholds
from replaykit.replies import Home, Watching
from replaykit.rows_as_json import signals
from replaykit.twins import table_twin
from replaykit.widgets import Player, View
from replaykit.wording import count_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime, timedelta

    import pandas as pd

    from replaykit.analyses.typical import Pick
    from replaykit.heatmaps import HeatKind
    from replaykit.replays.elements import Happening
    from replaykit.replays.frames import FrameKind
    from replaykit.replays.heat import PageMatch
    from replaykit.source import Recordings, Source
    from replaykit.users import Users

Signal: TypeAlias = Literal["rage", "dead", "error", "request"]
SIGNALS: Final = ("rage", "dead", "error", "request")
_COLUMN_OF: Final = {
    "rage": "rage_clicks",
    "dead": "dead_clicks",
    "error": "errors",
    "request": "failed_requests",
}
#: Rows of the twin.
_SHOWN: Final = 12
_FIRST: Final = (
    "replay_id",
    "user",
    "start",
    "length",
    "country",
    "matched_at",
    "matched_because",
    "match",
)


@dataclass(frozen=True, eq=False, repr=False)
class Replays:
    """Replays of a source, in order, with the moment and the reason where matched.

    Reads like a frame: `replays["matched_at"]`, `replays.columns`, `len(replays)`,
    `replays.table` for all of it.
    """

    source: Source
    frame: pl.DataFrame
    because: str | None = None

    @property
    def table(self) -> pl.DataFrame:
        """All columns, one row per replay.

        `replay_id` String, `user` String (public id), `start` and `end` Datetime UTC,
        `length` Duration, `country` String, and, where the replays answer a point,
        `matched_at` Int64 (ms from the first recorded event: where to open it),
        `matched_because` List(String) (rows of the point), `match` String; then what
        the catalogue knows of each recording.
        """
        named = self.frame.drop("user").rename({"user_id": "user"})
        named = named.with_columns(length=pl.duration(milliseconds="length_ms"))
        first = [name for name in _FIRST if name in named.columns]
        shown = {*first, "unit", "holds_moment"}
        rest = [name for name in named.columns if name not in shown]
        return named.select(*first, *rest)

    @property
    def columns(self) -> list[str]:
        """Names of the table's columns."""
        return self.table.columns

    @property
    def height(self) -> int:
        """Number of replays."""
        return self.frame.height

    def __len__(self) -> int:
        """Return the number of replays."""
        return self.frame.height

    @overload
    def __getitem__(self, item: str) -> pl.Series: ...
    @overload
    def __getitem__(self, item: list[str]) -> pl.DataFrame: ...
    @overload
    def __getitem__(self, item: int | slice) -> Replays: ...
    def __getitem__(
        self, item: str | list[str] | int | slice
    ) -> pl.Series | pl.DataFrame | Replays:
        """Return a column or columns by name, or the replays at a position or slice."""
        if isinstance(item, str):
            return self.table[item]
        if isinstance(item, list):
            return self.table.select(item)
        if isinstance(item, int):
            if not -self.height <= item < self.height:
                raise IndexError(f"Replay {item} of {self.height}.")
            item = slice(item % self.height, item % self.height + 1)
        return replace(self, frame=self.frame[item])

    def __iter__(self) -> Iterator[Replays]:
        """Yield each replay as a list of one."""
        return (self[index] for index in range(self.height))

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas frame, where pandas is installed."""
        return self.table.to_pandas()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the table to any library that reads Arrow, such as duckdb."""
        return self.table.__arrow_c_stream__(requested_schema)

    # ── display ───────────────────────────────────────────────────────────────
    @cached_property
    def widget(self) -> View:
        """The list as a widget: filters, their call, and a player that opens in it."""
        source = self.source
        home = Home(
            source,
            lambda _last: (),
            lambda last: timeline.last(last, source.now(), source.zone),
            "",
            lambda options: self.search(**options).frame if options else self.frame,
            self.because or count_words(self.height, "replay"),
            "replays",
            self.watching(),
        )
        return View(home, kind="list", zone=source.zone)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython
        return with_bundle(
            self.widget._repr_mimebundle_(**kwargs),
            saved_form(*self._replaykit_share_()),
            self._twin(),
            repr(self),
        )

    def _twin(self) -> str:
        """Return the first replays as a table that needs no script."""
        shown = self.table.select("user", "start", "length", "country", "first_page")
        head = self.because or count_words(self.height, "replay")
        return table_twin(head, shown.columns, shown.head(_SHOWN).rows())

    def _display_(self) -> View:
        """Show the list in marimo."""
        return self.widget

    def _replaykit_share_(self) -> tuple[Watching, dict[str, Any]]:
        """In a shared page a list of replays is a player of them."""
        watching = self.watching()
        return watching, bundle_of_player(watching)

    def __repr__(self) -> str:
        """Show the table."""
        head = count_words(self.height, "replay")
        return f"{head}\n{self.table.select(self.table.columns[:8])}"

    def search(
        self,
        *,
        last: str | None = None,
        between: tuple[str | date | datetime | None, str | date | datetime | None]
        | None = None,
        cohort: Users | str | None = None,
        event: str | Step | Sequence[str | Step] | None = None,
        where: pl.Expr | Sequence[pl.Expr] | None = None,
        duration: str
        | tuple[str | timedelta | None, str | timedelta | None]
        | None = None,
        signals: Signal | Sequence[Signal] | None = None,
        url: str | None = None,
    ) -> Replays:
        """Keep the replays for which everything given holds, newest first.

        Parameters
        ----------
        last, between
            Range of the replay's start, in the project's zone (`"30d"`, or two dates).
        cohort
            Users whose replays are kept, or the name of a saved cohort.
        event
            An event, or a step with conditions, that the replay's events hold; several
            mean all of them.
        where
            Conditions on the properties of the replay's events. `pl.col("plan") !=
            "pro"` also keeps replays without a plan, and those with another one beside
            it. Each part of `a & b` may hold on another event; what must hold on one
            event is a step.
        duration
            At least this long, or a pair of bounds, both included.
        signals
            Kinds of trouble the recording holds; several mean all of them.
        url
            Part of the first page's URL, case-insensitive.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownCohort
            With what exists, and the nearest match.
        BadTime, BadDuration, BadInput, UnknownOption
            If a range, a duration or an option cannot be read.
        """
        found = _started(self.source, self.frame, last, between)
        if cohort is not None:
            people = self.source.members_of(cohort)
            found = found.filter(pl.col("user").is_in(people.implode()))
        for kind in [signals] if isinstance(signals, str) else signals or ():
            check_option("signals", kind, SIGNALS)
            found = found.filter(pl.col(_COLUMN_OF[kind]) > 0)
        if duration is not None:
            found = _lasting(found, duration)
        if url is not None:
            page = pl.col("first_page").str.to_lowercase()
            found = found.filter(page.str.contains(url.lower(), literal=True))
        for step in [event] if isinstance(event, str | Step) else event or ():
            found = searching.with_event(self.source, found, step)
        for condition in [where] if isinstance(where, pl.Expr) else where or ():
            found = searching.meeting(self.source, found, condition)
        return replace(self, frame=_newest_first(found))

    def pick(self, count: int = 9, which: Pick = "typical") -> Replays:
        """Choose a few replays to watch instead of all: typical ones, or odd ones.

        Replays are compared by the events of their people meanwhile, step by step
        (`analyses.typical`); nothing is drawn by chance, so the same call gives the
        same replays.

        Parameters
        ----------
        count
            How many; fewer where there are no more, or no others.
        which
            `"typical"`: each is the middle of those most alike to it, and `stands_for`
            says how many they are; together they stand for all of this list, so notes
            taken while watching can be weighted. `"unusual"`: those least alike to any
            other.

        Returns
        -------
        Replays
            With two columns more: `stands_for` Int64, and `affinity` Float64 (1: the
            same steps in the same shares), of those it stands for on average, or of an
            unusual one to its nearest.

        Examples
        --------
        >>> import replaykit as rk
        >>> replays = rk.demo().replays
        >>> few = replays.pick(4)
        >>> len(few), few["stands_for"].sum() == len(replays)
        (4, True)
        """
        return replace(self, frame=picking.pick(self.source, self.frame, count, which))

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

    def watching(self) -> Watching:
        """Return what a player plays."""
        return Watching(self.source, self.frame, self.because)

    def watch(self) -> Player:
        """Open the player on these replays."""
        return Player(self)

    def refs(self) -> list[str]:
        """Return a link text per replay, with the moment to open it at.

        `shop.replay(ref)` opens it; it is the replay's id percent-encoded, and
        `?t=<ms>` where the replays answer a point.

        Examples
        --------
        >>> import replaykit as rk
        >>> shop = rk.demo()
        >>> ref = shop.replays[:1].refs()[0]
        >>> shop.replay(ref)["replay_id"][0] == shop.replays["replay_id"][0]
        True
        """
        moments: Iterable[int | None] = (
            self.frame["matched_at"]
            if "matched_at" in self.frame.columns
            else [None] * self.height
        )
        return [
            replay_ref(replay, t)
            for replay, t in zip(self.frame["replay_id"], moments, strict=True)
        ]

    def urls(
        self, *, organisation: str, project: str | int, europe: bool = False
    ) -> list[str]:
        """Return the address of each replay in the product's own web application.

        Parameters
        ----------
        organisation, project
            As they stand in the product's addresses.
        europe
            Whether the data lie in the EU.
        """
        return [
            product_url(one, organisation=organisation, project=project, europe=europe)
            for one in self.frame["replay_id"]
        ]

    def signals(self) -> list[list[str]]:
        """Return the kinds of trouble in each replay, gravest first."""
        return [signals(row) for row in self.frame.iter_rows(named=True)]


def _newest_first(found: pl.DataFrame) -> pl.DataFrame:
    """Sort replays; a catalogue in order already is only looked through."""
    start, name = pl.col("start"), pl.col("replay_id")
    later = (start.shift() > start) | (
        (start.shift() == start) & (name.shift() <= name)
    )
    if found.select(later.slice(1).fill_null(value=False).all()).item():
        return found
    return found.sort(["start", "replay_id"], descending=[True, False])


def _started(
    source: Source,
    found: pl.DataFrame,
    last: str | None,
    between: tuple[str | date | datetime | None, str | date | datetime | None] | None,
) -> pl.DataFrame:
    """Keep the replays that start in a range."""
    if last is not None and between is not None:
        raise BadInput("Give last= or between=, not both.")
    if last is not None:
        span = timeline.last(last, source.now(), source.zone)
        return found.filter(span.holds(pl.col("start")))
    if between is None:
        return found
    if not isinstance(between, tuple | list) or len(between) != 2:
        raise BadInput(
            f"between={between!r} is no pair. Write two dates, or None for an open "
            "side: between=('2026-03-01', '2026-03-31')."
        )
    span = timeline.between(*between, source.zone)
    return found.filter(span.holds(pl.col("start")))


def _lasting(
    found: pl.DataFrame,
    duration: str | tuple[str | timedelta | None, str | timedelta | None],
) -> pl.DataFrame:
    """Keep the replays of a length, bounds included."""
    low, high = duration if isinstance(duration, tuple | list) else (duration, None)
    length = pl.col("length_ms") * 1000
    if low is not None:
        found = found.filter(length >= timeline.microseconds(low))
    if high is not None:
        found = found.filter(length <= timeline.microseconds(high))
    return found
