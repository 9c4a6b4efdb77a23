"""What comes into a project: events and recordings, and how events are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from replaykit.ingest.choosing import EVENT_FILES, EventFormat, reader
from replaykit.ingest.files import as_list
from replaykit.ingest.rrweb_files import RECORDING_FILES
from replaykit.projects.opened import Opened
from replaykit.replays.build import RecordingReport, add_recordings
from replaykit.store.fetching import fetched
from replaykit.store.objects import options_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from replaykit.ingest.report import IngestReport
    from replaykit.replays.assets import AssetMap


@dataclass(frozen=True, eq=False, repr=False)
class Filled(Opened):
    """A project that events and recordings are added to."""

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
        >>> import polars as pl
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

        A recording may come in pieces that overlap, in any order, and in a file that
        grows: each of its events is stored once, and none that came is lost. What a
        file no longer holds stays.

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
