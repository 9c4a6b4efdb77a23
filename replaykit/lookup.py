"""One person, looked up: who they are, what they did by session, what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl

from replaykit import person_insights
from replaykit.bundle import bundle_of_player, with_bundle
from replaykit.errors import UnknownUser, as_id, did_you_mean
from replaykit.handles import Events
from replaykit.person_answers import LookUp
from replaykit.replay_list import Replays
from replaykit.rows_as_json import events_of, properties
from replaykit.travelling import saved_form
from replaykit.twins import table_twin
from replaykit.widgets.showing import Watched, view_of
from replaykit.wording import clock, count_words

if TYPE_CHECKING:
    from replaykit import timeline
    from replaykit.replies import Watching
    from replaykit.source import Source
    from replaykit.widgets import View

Kind: TypeAlias = Literal["canonical id", "device id", "user id", "user id prefix"]
"""Which kind of id a search found."""

_SHOWN: Final = 8


@dataclass(frozen=True, eq=False, repr=False)
class Person(Watched):
    """One user of a project, found by any of their ids.

    Attributes
    ----------
    user
        Their number inside the source.
    user_id
        Their public id.
    found_by
        Which kind of id was given.
    """

    source: Source
    user: int
    user_id: str
    found_by: Kind

    @cached_property
    def _rows(self) -> pl.DataFrame:
        return events_of(self.source, self.user)

    @cached_property
    def profile(self) -> dict[str, Any]:
        """The latest known value of every property, as of their last event with it."""
        known = self._rows.select(pl.all().drop_nulls().last())
        return properties(known.row(0, named=True))

    @cached_property
    def totals(self) -> dict[str, Any]:
        """Count what is known of them.

        `events`, `sessions`, `usage` (time in sessions), `first`, `last`, `devices`,
        and of events with a `revenue` how many, as `purchases`, and their sum.
        Inactive rows count as events and form no session; usage is the sum of the
        sessions' lengths (`spec/inspect.md` 4).
        """
        sessions = (
            self._rows.filter(pl.col("active"))
            .drop_nulls("session_id")
            .group_by("session_id")
            .agg(length=pl.col("time").max() - pl.col("time").min())
        )
        lengths = sessions["length"].dt.total_microseconds()
        usage = timedelta(microseconds=int(lengths.sum()))
        paid = (
            self._rows["revenue"].cast(pl.Float64, strict=False).drop_nulls()
            if "revenue" in self._rows.columns
            else pl.Series([], dtype=pl.Float64)
        )
        return {
            "purchases": paid.len(),
            "revenue": float(paid.sum()),
            "events": self._rows.height,
            "sessions": sessions.height,
            "usage": usage,
            "first": self._rows["time"].min(),
            "last": self._rows["time"].max(),
            "devices": self._rows["device_id"].drop_nulls().unique().sort().to_list(),
        }

    @property
    def merged_ids(self) -> list[tuple[str, str]]:
        """Other identities that turned out to be this person: kind and id each.

        A person who was anonymous before they logged in had a device's id, or an
        Amplitude id of its own; their events were given to this one.
        """
        if self.source.merged is None:
            return []
        mine = self.source.merged().filter(
            pl.col("user") == self.user, pl.col("id") != self.user_id
        )
        return [(kind, one) for kind, one in mine.select("kind", "id").iter_rows()]

    def over_time(self, every: timeline.Interval = "1d") -> pl.DataFrame:
        """Count their events, sessions and time in sessions per interval.

        Parameters
        ----------
        every
            A calendar interval of the project's zone: `"1d"`, `"1w"`, `"1mo"`.

        Returns
        -------
        DataFrame
            One row per interval from their first event to their last: `start` Datetime
            of the project's zone, `events`, `sessions` Int64, `usage` Duration. A
            session counts with its whole length where it begins; inactive rows are
            events and form no session.

        Examples
        --------
        >>> import replaykit as rk
        >>> person = rk.demo().user("zoe.0005")
        >>> days = person.over_time()
        >>> days["events"].sum() == person.totals["events"]
        True
        """
        return person_insights.over_time(self._rows, self.source, every)

    def insights(self) -> dict[str, Any]:
        """Return what the widget's insights draw."""
        return person_insights.insights(self._rows, self.source)

    def stream(self, *, device: str | None = None) -> pl.DataFrame:
        """Return their events by session, newest session and newest row first.

        Columns: `group` Int64 (from 1), `session_id` Int64 (null: out of session, a
        group of its own at its time), `time` Datetime UTC, `event` String, `active`
        Boolean, `device_id` String, `row` Int64, then every property. A session stands
        at its latest event. Rules: `spec/inspect.md` 4.

        Parameters
        ----------
        device
            Only rows of this device.
        """
        rows = self._rows
        if device is not None:
            rows = rows.filter(pl.col("device_id") == device)
        alone = pl.col("session_id").is_null()
        ordered = (
            rows.with_row_index("place")
            .with_columns(
                pl.struct("session_id", pl.when(alone).then("place")).alias("mine")
            )
            .with_columns(latest=pl.col("place").max().over("mine"))
            .sort(["latest", "place"], descending=True)
            .with_columns(group=pl.col("latest").rle_id().cast(pl.Int64) + 1)
        )
        first = ["group", "session_id", "time", "event", "active", "device_id", "row"]
        left_out = {*first, "place", "mine", "latest", "user", "client_time"}
        rest = [name for name in ordered.columns if name not in left_out]
        return ordered.select(*first, *rest)

    def event(self, row: str | int) -> dict[str, Any]:
        """Return all that is stored of one of their events, as a link names it.

        Parameters
        ----------
        row
            Its number, as `stream()` and the look-up's links give it.

        Raises
        ------
        UnknownUser
            If it is no event of this person.
        """
        found = self._rows.filter(pl.col("row").cast(pl.String) == str(row))
        if found.is_empty():
            raise UnknownUser(
                f"No event {row!r} of {self.user_id}; stream() lists them."
            )
        stored = found.drop("user").row(0, named=True)
        return {name: value for name, value in stored.items() if value is not None}

    @property
    def events(self) -> Events:
        """All their events, ready for a question."""
        return Events(self.source, people=pl.Series([self.user], dtype=pl.Int32))

    @property
    def replays(self) -> Replays:
        """Their recordings, newest first."""
        mine = self.source.catalogue.filter(pl.col("user") == self.user)
        return Replays(self.source, mine)

    def watching(self) -> Watching:
        """Return what a player plays."""
        return self.replays.watching()

    def ask(self, question: str, *data: str, **options: str) -> Any:  # noqa: ANN401
        """Ask a question of all events of the project, by its name."""
        return getattr(Events(self.source), question)(*data, **options)

    # ── display ───────────────────────────────────────────────────────────────
    @cached_property
    def widget(self) -> View:
        """The widget that this person displays as; one per person."""
        answers = LookUp(self, lambda given: find_person(self.source, given))
        return view_of(answers, kind="person", zone=self.source.zone)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython
        return with_bundle(
            self.widget._repr_mimebundle_(**kwargs),
            saved_form(*self._replaykit_share_()),
            self._repr_html_(),
            repr(self),
        )

    def _display_(self) -> View:
        """Show the widget in marimo."""
        return self.widget

    def _replaykit_share_(self) -> tuple[Watching, dict[str, Any]]:
        """In a shared page a person is their recordings, in a player."""
        watching = self.watching()
        return watching, bundle_of_player(watching)

    def __repr__(self) -> str:
        """Say who it is, how they were found, and how much there is."""
        totals = self.totals
        words = [
            f"{self.user_id} (found by {self.found_by})",
            count_words(totals["events"], "event"),
            count_words(totals["sessions"], "session"),
            f"{clock(round(totals['usage'].total_seconds() * 1000))} in sessions",
            count_words(len(self.replays), "replay"),
        ]
        return " · ".join(words)

    def _repr_html_(self) -> str:
        shown = self.stream().select("session_id", "time", "event").head(_SHOWN)
        return table_twin(repr(self), shown.columns, shown.rows())


def find_person(source: Source, given: str) -> Person:
    """Find a person by canonical id, device id, user id, then user id prefix.

    Raises
    ------
    UnknownUser
        If no id matches, with the nearest; or if a prefix fits several people.
    """
    given = as_id("user", given)
    people = source.directory
    for kind, column in (("canonical id", "amplitude_id"), ("device id", "device_id")):
        if column in people.columns:
            found = people.filter(pl.col(column).cast(pl.String) == given)
            if found.height == 1:
                word: Kind = "canonical id" if kind == "canonical id" else "device id"
                return Person(source, found["user"][0], found["user_id"][0], word)
    exact = people.filter(pl.col("user_id") == given)
    if exact.height:
        return Person(source, exact["user"][0], given, "user id")
    merged = None if source.merged is None else source.merged()
    if merged is not None:
        known = merged.filter(pl.col("id") == given)
        owner = people.join(known.select("user").unique(), on="user", how="semi")
        if owner.height == 1:
            same: Kind = known["kind"][0]
            return Person(source, owner["user"][0], owner["user_id"][0], same)
    seen = source.scan(()).filter(pl.col("device_id") == given).select("user").unique()
    owners = people.join(seen.collect(), on="user", how="semi")
    if owners.height == 1:
        return Person(source, owners["user"][0], owners["user_id"][0], "device id")
    begins = people.filter(pl.col("user_id").str.starts_with(given)) if given else None
    if begins is not None and begins.height == 1:
        return Person(source, begins["user"][0], begins["user_id"][0], "user id prefix")
    if begins is not None and begins.height:
        some = ", ".join(map(repr, begins["user_id"].sort().head(5)))
        raise UnknownUser(f"{given!r} begins {begins.height:,} user ids: {some}, …")
    hint = did_you_mean(given, people["user_id"].head(50_000))
    raise UnknownUser(
        f"No canonical id, device id or user id {given!r} among {people.height:,} "
        f"people, and none that begins so. {hint}".rstrip()
    )
