"""A project: one folder of events and recordings, opened, filled and shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl

from replaykit import timeline
from replaykit.bundle import bundle_of_home, twin_of_home, with_bundle
from replaykit.engine import Cluster
from replaykit.erasing import Erased, forget_person, purge_expired
from replaykit.errors import BadInput
from replaykit.handles import Events
from replaykit.ingest.choosing import EVENT_FILES, EventFormat, reader
from replaykit.ingest.files import as_list
from replaykit.ingest.rrweb_files import RECORDING_FILES
from replaykit.lookup import Person, find_person
from replaykit.one_replay import explain
from replaykit.person_answers import LookUp
from replaykit.replay_list import Replays
from replaykit.replays.build import RecordingReport, add_recordings
from replaykit.replays.links import parse_ref
from replaykit.replies import Home
from replaykit.saved_cohorts import Cohorts
from replaykit.source import Source
from replaykit.source_parts import Known
from replaykit.store.events import EventStore, open_store
from replaykit.store.fetching import fetched
from replaykit.store.objects import options_of
from replaykit.store.readers import alone, reading
from replaykit.store.recordings import Recordings
from replaykit.store.settings import whole_days, write_settings
from replaykit.widgets.showing import view_of
from replaykit.wording import big, span_words

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from replaykit.engine import Engine
    from replaykit.ingest.report import IngestReport
    from replaykit.replays.anatomy import Anatomy
    from replaykit.replays.assets import AssetMap
    from replaykit.store.objects import Place
    from replaykit.users import Users
    from replaykit.widgets import View

#: How far back the home list looks at first (`spec/replay.md` 6).
HOME: Final = "7d"
COHORTS: Final = "cohorts"
RECORDINGS: Final = "replays"

#: What lies between the last event and a moment after it.
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, eq=False, repr=False)
class Project:
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

    folder: Place
    now: datetime | None = None
    title: str = ""
    address: str = ""
    engine: Engine = "threads"

    def __post_init__(self) -> None:
        """Note that this process has the project open."""
        reading(self.folder, self)

    # ── ask ───────────────────────────────────────────────────────────────────
    @property
    def events(self) -> Events:
        """All events, ready for a question."""
        return Events(self.source)

    @property
    def replays(self) -> Replays:
        """All recordings, newest first; `.search(last="30d", …)` narrows them."""
        return Replays(self.source, self.source.catalogue)

    @property
    def names(self) -> pl.DataFrame:
        """Event names and their rows: `event`, `rows`."""
        return self.source.names

    @property
    def tz(self) -> str:
        """The project's time zone."""
        return self._store.settings.tz

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

    def user(self, given: str) -> Person:
        """Look a person up by canonical id, device id, user id, or its beginning.

        The result tells their `profile`, `totals`, `stream()` by session, `replays`,
        and is watched by `.watch()`.

        Raises
        ------
        UnknownUser
            If nobody has that id, with the nearest one.
        """
        return find_person(self.source, given)

    @property
    def cohorts(self) -> Cohorts:
        """Saved cohorts: `cohorts.save("Buyers", events.users_who("Buy"))`."""
        return Cohorts(self.folder / COHORTS, self.events)

    def _keep_cohort(self, name: str, users: Users) -> None:
        self.cohorts.save(name, users)

    def _cohort(self, name: str) -> pl.Series:
        return self.cohorts[name].population["user"].unique().sort()

    # ── fill ──────────────────────────────────────────────────────────────────
    def add_events(
        self,
        source: object,
        *,
        format: EventFormat | None = None,  # noqa: A002 - the word analysts know
        user: str | None = None,
        time: str | None = None,
        event: str | None = None,
        session: str | None = None,
        device: str | None = None,
        insert_id: str | None = None,
        active: str | None = None,
        tz: str | None = None,
        storage_options: Mapping[str, str] | None = None,
        progress: bool = True,
    ) -> IngestReport:
        """Read events into the project; the same events twice change nothing.

        Parameters
        ----------
        source
            Paths (a file, a folder, a pattern such as `"export/*.json.gz"`, a list of
            these; also of object storage: `"s3://bucket/export/*.json.gz"`), or a
            table: a polars or pandas frame, an Arrow table or stream, a DuckDB
            relation.
        format
            `"amplitude"`, `"mixpanel"`, `"posthog"`: their event exports; `"table"`:
            one row per event (also CSV, Parquet and JSON lines files), with columns
            named by the following. By default what is given tells: named columns make
            it a table, a file's first event shows whose export it is.
        user, time, event
            Of a table: the columns that say who, when and what; by default those of
            these names. Rows without a user belong to their device.
        session, device
            Of a table: the columns with the session's and the device's id.
        insert_id
            Of a table: the column with a unique id of each row. A later row of the same
            device and id within 7 days is a duplicate; without it, rows equal in all
            they say are.
        active
            Of a table: the column that is false for what users do not do themselves.
        tz
            Of a table: the zone of times without one; by default the project's.
        storage_options
            Endpoint, region and credentials of object storage; by default the
            project's, if it lies there as well.
        progress
            Show a bar while reading; the report takes its place.

        Returns
        -------
        IngestReport
            Rows read, new, duplicate and skipped (by reason, with examples), and bytes
            per second.

        Raises
        ------
        MissingFile, BadInput, UnknownProperty
            If a file or column is missing, or cannot be read at all; then nothing is
            added. Rows that cannot be read are skipped, counted and shown in the
            report.

        Examples
        --------
        >>> import tempfile
        >>> import replaykit as rk
        >>> log = pl.DataFrame(
        ...     {"uid": ["ana"], "ts": ["2026-03-01 09:00"], "name": ["Buy"]}
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     shop = rk.create(f"{folder}/shop.rk")
        ...     shop.add_events(log, user="uid", time="ts", event="name").new
        ...     shop.add_events(log, user="uid", time="ts", event="name").new
        1
        0
        """
        columns = {
            "user": user,
            "time": time,
            "event": event,
            "session": session,
            "device": device,
            "insert_id": insert_id,
            "active": active,
        }
        options = storage_options or options_of(self.folder)
        with fetched(source, options, EVENT_FILES) as given:
            read = reader(given, format, columns, tz or self.tz, progress=progress)
            report = self._store.ingest(read)
        self._forget_state()
        return report

    def add_replays(
        self,
        files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        assets: AssetMap | None = None,
        allow_network: Iterable[str] = (),
        storage_options: Mapping[str, str] | None = None,
        progress: bool = True,
    ) -> RecordingReport:
        """Read recordings into the project; the same file twice changes nothing.

        Parameters
        ----------
        files
            A file, a folder, a pattern, a zip archive, or a list of these; also of
            object storage: `"s3://bucket/recordings/"`.
        assets
            Files to show in place of pictures, fonts and style sheets that recordings
            only name: a folder laid out like the site (`img/logo.png`, or
            `cdn.shop.test/img/logo.png`), or a mapping of address to file.
        allow_network
            Hosts from which a replay may load what is missing while it is watched. By
            default none: a replay asks nobody for anything. The catalogue's `network`
            and the player say where it is allowed.
        storage_options
            Endpoint, region and credentials of object storage; by default the
            project's, if it lies there as well.
        progress
            Show a bar while reading.

        Raises
        ------
        MissingFile
            If a path, or a file or folder of `assets`, does not exist.
        """
        options = storage_options or options_of(self.folder)
        with fetched(as_list(files), options, RECORDING_FILES) as given:
            report = add_recordings(
                self._recordings,
                cast("list[str]", given),
                assets=assets,
                allow_network=allow_network,
                progress=progress,
            )
        self._forget_state()
        return report

    def promote(self, name: str) -> None:
        """Give a property a column of its own, which makes questions about it fast.

        The most frequent properties have one from the start. Of the others, those that
        questions have used get theirs at the next `compact()`.

        Parameters
        ----------
        name
            `price`, or `event.price` and `user.price` when it matters whose.

        Raises
        ------
        UnknownProperty
            If no event has that property.
        """
        self._store.promote(name)
        self._forget_state()

    def compact(self, *, buckets: int | None = None) -> None:
        """Sort every partition of the events into one file.

        It happens by itself as files become many; questions are right at any time, and
        faster afterwards. Readers and writers may go on meanwhile. Properties that
        questions have used and that had no column of their own get one.

        Parameters
        ----------
        buckets
            Cut the events into so many partitions of users instead: more of them for
            more workers. All events are rewritten.
        """
        self._store.compact(buckets=buckets)
        self._forget_state()

    # ── delete ────────────────────────────────────────────────────────────────
    def set_retention(self, retention: str | None) -> None:
        """Change how long recordings ingested from now on stay playable.

        Parameters
        ----------
        retention
            A number of days such as `"90d"`; `None` keeps them for ever. What was
            ingested before keeps the period it was ingested under.
        """
        days = None if retention is None else whole_days(retention)
        settings = self._store.settings
        if days == settings.retention_days:
            return
        until = datetime.now(UTC).isoformat()
        before = (*settings.retention_before, (until, settings.retention_days))
        changed = replace(settings, retention_days=days, retention_before=before)
        write_settings(self.folder, changed)
        self._forget_state()

    def purge(self, *, wait: str | None = None) -> Erased:
        """Delete recordings past their retention, and all that earlier states left.

        Handles taken before cannot be read any more.

        Parameters
        ----------
        wait
            How long to wait for other processes that have the project open, such as
            `"10m"`; by default not at all.

        Returns
        -------
        Erased
            What was deleted, and what reading every file afterwards showed.

        Raises
        ------
        InUse
            If another process has the project open. Readers that may not write to its
            folder cannot be seen.
        """
        alone(self.folder, wait)
        report = purge_expired(self.source, self._store, self._recordings)
        self._forget_state()
        return report

    def forget(self, user: str, *, wait: str | None = None) -> Erased:
        """Delete a person for good: events, recordings, ids, lists, earlier versions.

        All rows of the person and of ids merged into them go, the recordings of theirs
        and of devices that only they used, their lines in saved lists. Afterwards every
        file is read, expanded, and searched for their ids; what somebody else's rows
        say of them is reported, not changed. An export read again brings them back.

        Parameters
        ----------
        user
            Their public id.
        wait
            How long to wait for other processes that have the project open, such as
            `"10m"`; by default not at all.

        Returns
        -------
        Erased
            What was deleted, and where an id still stands (`found`; empty: nowhere).

        Raises
        ------
        UnknownUser
            If nobody has that id.
        InUse
            If another process has the project open. Readers that may not write to its
            folder cannot be seen.
        """
        number = self.source.user(user)
        alone(self.folder, wait)
        report = forget_person(
            self.source, self._store, self._recordings, self.cohorts, number
        )
        self._forget_state()
        return report

    # ── state ─────────────────────────────────────────────────────────────────
    @cached_property
    def _store(self) -> EventStore:
        return open_store(self.folder)

    @cached_property
    def _recordings(self) -> Recordings:
        return Recordings(self.folder / RECORDINGS)

    @cached_property
    def source(self) -> Source:
        """The state that handles taken now are pinned to."""
        store = self._store
        settings = store.settings
        # A pool of processes has only what the standard library can send.
        mapped = self.engine == "threads" or isinstance(self.engine, Cluster)

        def scan(
            properties: Iterable[str] | None,
            users: Iterable[int] | None = None,
            *,
            buckets: Iterable[int] | None = None,
        ) -> pl.LazyFrame:
            return store.scan(properties, buckets=buckets, users=users, mapped=mapped)

        first, last = store.first, store.last
        return Source(
            scan=scan,
            people=lambda: store.directory,
            properties=store.properties,
            recordings=self._recordings,
            zone=settings.tz,
            now=self._clock(),
            title=self.title or self.folder.name,
            path=self.address or str(self.folder),
            version=store.version,
            retention_days=settings.retention_days,
            retention_before=settings.retention_before,
            week_start=cast("timeline.Weekday", settings.week_start),
            quarter_start=settings.quarter_start,
            cohort=self._cohort,
            keep_cohort=self._keep_cohort,
            cohort_names=lambda: self.cohorts.names,
            merged=lambda: store.merged,
            known=Known(
                names=lambda: store.names.select("event", "rows"),
                edges=None if first is None or last is None else (first, last),
                users=store.users,
                buckets=store.buckets,
                codes=store.codes,
                mapped=mapped and store.mapped,
            ),
            engine=self.engine,
            again=lambda: replace(self).source,
            person=self._look_up,
        )

    def _look_up(self, given: str) -> LookUp:
        """Return what answers about a person, for who asks from a player."""
        return LookUp(self.user(given), self.user)

    def _clock(self) -> Callable[[], datetime]:
        fixed = self.now
        return (lambda: datetime.now(UTC)) if fixed is None else (lambda: fixed)

    def _forget_state(self) -> None:
        for name in ("_store", "_recordings", "source", "home", "widget"):
            self.__dict__.pop(name, None)

    # ── show ──────────────────────────────────────────────────────────────────
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
