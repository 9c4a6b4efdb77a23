"""How a project shows itself: the home list, a few counts, one line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit import timeline
from replaykit.bundle import bundle_of_home, twin_of_home, with_bundle
from replaykit.projects.opened import Opened
from replaykit.replies import Home
from replaykit.widgets.showing import view_of
from replaykit.wording import big, span_words

if TYPE_CHECKING:
    from replaykit.widgets import View

#: How far back the home list looks at first (`spec/replay.md` 6).
HOME: Final = "7d"


@dataclass(frozen=True, eq=False, repr=False)
class Shown(Opened):
    """A project that displays itself."""

    @cached_property
    def home(self) -> Home:
        """What the home list shows: captured sessions and a few counts."""
        return Home(self.source, self._facts, self._last, HOME, self._searched)

    def _searched(self, options: dict[str, Any]) -> pl.DataFrame:
        return self.replays.search(**options).frame

    def _last(self, units: str) -> timeline.Span:
        return timeline.last(units, self.source.now(), self.tz)

    def _facts(self, last: str) -> list[tuple[str, str]]:
        span = self._last(last)
        days = last.removesuffix("d") + " days" if last.endswith("d") else last
        counts = dict(replace(self.events, span=span).captured().iter_rows())
        said = counts["captured replays"]
        # Events that never tell of replays say nothing of those that lie here.
        listed = self.source.catalogue.filter(span.holds(pl.col("start"))).height
        named = counts["sessions with a replay id"]
        older = [(f"{named:,}", f"sessions with a replay id, {days}")] if named else []
        store = self._store
        kept = store.settings.retention_days
        return [
            (f"{said or listed:,}", f"replays captured, {days}"),
            *older,
            (f"{counts['sessions']:,}", f"sessions, {days}"),
            (f"{store.rows:,}", "events"),
            (f"{store.users:,}", "users"),
            (f"{kept} days" if kept else "no limit", "kept for, from ingestion"),
        ]

    @cached_property
    def widget(self) -> View:
        """The home list as a widget; one per project and state."""
        return view_of(self.home, kind="home", zone=self.tz)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython
        return with_bundle(
            self.widget._repr_mimebundle_(**kwargs),
            bundle_of_home(self.home),
            twin_of_home(self.home),
            repr(self),
        )

    def _display_(self) -> View:
        """Show the home list in marimo."""
        return self.widget

    def _replaykit_share_(self) -> tuple[Home, dict[str, Any]]:
        return self.home, bundle_of_home(self.home)

    def __repr__(self) -> str:
        """Say what the project holds, without reading its events."""
        store = self._store
        span = timeline.Span(store.first, store.last, self.tz) if store.first else None
        words = [
            self.title or self.folder.name,
            "empty" if span is None else span_words(span),
            f"{big(store.rows)} events",
            f"{big(store.users)} users",
            self.tz,
        ]
        return " · ".join(words)
