"""The ways in: a new project, one that exists, or a frame with no project at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit import timeline
from replaykit.cluster import prepare
from replaykit.errors import as_path
from replaykit.handles import Events
from replaykit.ingest import tables
from replaykit.ingest.files import as_list
from replaykit.project import Project
from replaykit.replays.build import add_recordings
from replaykit.schema import COLUMNS
from replaykit.source import Source
from replaykit.store.events import create_store, open_store
from replaykit.store.recordings import Recordings
from replaykit.store.settings import Settings, whole_days

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from replaykit.engine import Engine

#: What lies between the last event and a moment after it.
_INSTANT: Final = timedelta(microseconds=1)


def create(
    path: str | os.PathLike[str],
    *,
    tz: str = "UTC",
    week_start: timeline.Weekday = "monday",
    quarter_start: int = 1,
    retention: str | None = None,
    storage_options: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Project:
    """Create a project in a folder that does not exist yet.

    Parameters
    ----------
    path
        The folder, by habit ending in `.rk`; or a URL such as `s3://bucket/shop.rk`
        (`pip install "replaykit[cloud]"`).
    tz
        IANA zone in which days, weeks and naive times are read.
    week_start
        The weekday that weeks begin with.
    quarter_start
        The month (1 to 12) that quarter years are counted from.
    retention
        How long recordings stay playable after their ingestion, such as `"90d"`; by
        default for ever. Only `purge()` deletes.
    storage_options
        Of object storage: endpoint, region and credentials, as deltalake and polars
        name them (`{"aws_region": "eu-west-1"}`); what is left out comes from the
        environment.
    now
        What "last 7 days" counts from; by default the clock.

    Raises
    ------
    NotAProject
        If the folder already is one, or holds other files.

    Examples
    --------
    >>> import tempfile
    >>> import replaykit as rk
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shop = rk.create(f"{folder}/shop.rk", tz="Europe/Paris")
    ...     print(shop)
    shop.rk · empty · 0 events · 0 users · Europe/Paris
    """
    path = as_path("path", path)
    days = None if retention is None else whole_days(retention)
    settings = Settings(
        tz=tz,
        week_start=week_start,
        quarter_start=quarter_start,
        retention_days=days,
    )
    store = create_store(path, settings, storage_options)
    return Project(store.folder, _aware(now))


def open(  # noqa: A001 - rk.open reads as what it does
    path: str | os.PathLike[str],
    *,
    storage_options: Mapping[str, str] | None = None,
    now: datetime | None = None,
    engine: Engine = "threads",
) -> Project:
    """Open a project.

    Parameters
    ----------
    path
        Its folder, or a URL such as `s3://bucket/shop.rk`.
    storage_options
        Of object storage: endpoint, region and credentials; see `rk.create`.
    now
        What "last 7 days" counts from; by default the clock.
    engine
        How questions run: `"threads"`, a partition of the users per thread; `"scan"`,
        all in one scan; or any `concurrent.futures.Executor` or cluster client such as
        `distributed.Client`, whose workers see the same folder (`replaykit.cluster`
        says how to start one).

    Raises
    ------
    MissingFile, NotAProject
        If there is no project at `path`.
    """
    path = as_path("path", path)
    store = open_store(path, storage_options=storage_options)
    project = Project(store.folder, _aware(now), engine=engine)
    project.__dict__["_store"] = store  # opened once
    prepare(engine)
    return project


def events(
    frame: object,
    *,
    user: str = "user",
    time: str = "time",
    event: str = "event",
    session: str | None = None,
    active: str | None = None,
    device: str | None = None,
    replays: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    tz: str = "UTC",
    week_start: timeline.Weekday = "monday",
    quarter_start: int = 1,
    now: datetime | None = None,
) -> Events:
    """Ask questions of a frame, with no project at all.

    Parameters
    ----------
    frame
        A polars or pandas frame, an Arrow table or stream, a DuckDB relation, or the
        path of a CSV, Parquet or NDJSON file: one row per event.
    user, time, event, session
        The columns that say who, when and what, and in which session. Naive times are
        read in `tz`. All other columns are properties.
    active
        The column that is false for events users do not do themselves, such as a push.
    device
        The column with the device's id, for the match of recordings.
    replays
        Recordings to join: a file, a folder, a pattern. What names them (a device, a
        user, a session) is matched with the events; with no session column, they show
        what happened while they ran.
    tz
        The zone of days and naive times.
    week_start, quarter_start
        The weekday that weeks begin with, and the month (1 to 12) that quarter years
        are counted from.
    now
        What "last 7 days" counts from; by default the last event.

    Returns
    -------
    Events
        A handle on a sorted copy; the frame itself is not touched.

    Raises
    ------
    UnknownProperty, BadTime, BadInput
        If a column is missing or cannot be read.

    Examples
    --------
    >>> import replaykit as rk
    >>> log = pl.DataFrame(
    ...     {
    ...         "uid": ["ana", "ana", "ben"],
    ...         "ts": ["2026-03-01 09:00", "2026-03-01 09:05", "2026-03-02 10:00"],
    ...         "name": ["Search", "Buy", "Search"],
    ...     }
    ... )
    >>> events = rk.events(log, user="uid", time="ts", event="name")
    >>> events.funnel("Search", "Buy").table["users"].to_list()
    [2, 1]
    """
    timeline.check_calendar(tz, week_start, quarter_start)
    read = tables.from_frame(
        frame,
        user=user,
        time=time,
        event=event,
        session=session,
        active=active,
        device=device,
        tz=tz,
    )
    rows = read.rows
    recordings = None
    if replays is not None:
        recordings = Recordings()
        add_recordings(recordings, as_list(replays), progress=False)
    last = rows["time"].max()
    after = last + _INSTANT if isinstance(last, datetime) else datetime.now(UTC)
    fixed = _aware(now) or after

    def scan(
        properties: Iterable[str] | None,
        users: Iterable[int] | None = None,
        *,
        buckets: Iterable[int] | None = None,
    ) -> pl.LazyFrame:
        # All properties are in memory, in one piece; what is not read costs nothing.
        del properties, buckets
        lf = rows.lazy()
        return lf if users is None else lf.filter(pl.col("user").is_in(list(users)))

    return Events(
        Source(
            scan=scan,
            people=lambda: read.directory,
            properties={
                name: str(dtype)
                for name, dtype in rows.schema.items()
                if name not in COLUMNS
            },
            recordings=recordings,
            zone=tz,
            now=lambda: fixed,
            week_start=week_start,
            quarter_start=quarter_start,
        )
    )


def _aware(now: datetime | None) -> datetime | None:
    """Read a naive `now` as UTC."""
    if now is None or now.tzinfo is not None:
        return now
    return now.replace(tzinfo=UTC)
