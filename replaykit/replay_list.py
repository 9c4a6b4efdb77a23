"""Replays as an analyst holds them: a frame to read, to search, and to watch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, overload

import polars as pl

from replaykit import picking, replay_search, timeline
from replaykit.bundle import bundle_of_player, with_bundle
from replaykit.recorded_frames import Recorded
from replaykit.replays.links import product_url, replay_ref
from replaykit.replies import Home, Watching
from replaykit.rows_as_json import signals
from replaykit.travelling import saved_form
from replaykit.twins import table_twin
from replaykit.widgets.showing import Watched, view_of
from replaykit.wording import count_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime, timedelta

    import pandas as pd

    from replaykit.analyses.typical import Pick
    from replaykit.query import Step
    from replaykit.replay_search import Signal
    from replaykit.users import Users
    from replaykit.widgets import View

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
class Replays(Recorded, Watched):
    """Replays of a source, in order, with the moment and the reason where matched.

    Reads like a frame: `replays["matched_at"]`, `replays.columns`, `len(replays)`,
    `replays.table` for all of it.
    """

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
        return view_of(home, kind="list", zone=source.zone)

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
            Part of the URL of any page that was seen, case-insensitive.

        Raises
        ------
        UnknownEvent, UnknownProperty, UnknownCohort
            With what exists, and the nearest match.
        BadTime, BadDuration, BadInput, UnknownOption
            If a range, a duration or an option cannot be read.
        """
        found = replay_search.find(
            self.source,
            self.frame,
            last=last,
            between=between,
            cohort=cohort,
            event=event,
            where=where,
            duration=duration,
            signals=signals,
            url=url,
        )
        return replace(self, frame=found)

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

    def watching(self) -> Watching:
        """Return what a player plays."""
        return Watching(self.source, self.frame, self.because)

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
