"""The recordings of a project or of a frame in memory, read piece by piece.

The store knows bytes and catalogue rows; what a recording says is `replaykit.replays`'
business.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import polars as pl

from replaykit.errors import BadRecording, UnknownReplay, did_you_mean
from replaykit.store.objects import Place, place
from replaykit.store.recording_files import (
    Index,
    Reopened,
    read_index,
    read_segment,
    read_state,
    read_summary,
)
from replaykit.store.recording_shelves import (
    CATALOGUE,
    STORED,
    Draft,
    FolderShelf,
    MemoryShelf,
    Shelf,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Indexes of this many recordings stay in memory.
_INDEXES: Final = 64

#: What a batch has to know of a stored recording.
_ABOUT: Final = ("replay_id", "start", "end", "events", "file", "digest")

Row = dict[str, Any]


class Recordings:
    """Stored recordings: a catalogue, and any segment of any recording by number.

    Parameters
    ----------
    folder
        Where they lie; None keeps them in memory.

    Examples
    --------
    >>> recordings = Recordings()
    >>> recordings.catalogue().height
    0
    """

    def __init__(self, folder: str | Place | None = None) -> None:
        """Open the recordings; nothing is read or created yet."""
        self._shelf: Shelf
        self._shelf = (
            MemoryShelf() if folder is None else FolderShelf(place(folder, None))
        )
        self._indexes: OrderedDict[str, Index] = OrderedDict()
        self._files: dict[str, str] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        """Say how many recordings there are."""
        return f"<{self._shelf.rows().height:,} recordings>"

    def catalogue(self) -> pl.DataFrame:
        """Return one row per recording (columns of `CATALOGUE`), newest first."""
        rows = self._shelf.rows()
        self._files = dict(zip(rows["replay_id"], rows["file"], strict=True))
        bins = [list(value) for value in rows["activity"]]
        activity = pl.Series("activity", bins, dtype=CATALOGUE["activity"])
        return (
            rows.with_columns(activity, pl.col("urls").str.split("\n"))
            .select(*CATALOGUE)
            .sort(["start", "replay_id"], descending=[True, False])
        )

    def segment(self, replay_id: str, index: int) -> bytes:
        """Return one segment: a zlib stream of a JSON array of rrweb events.

        Raises
        ------
        UnknownReplay
            If there is no such replay, or no such segment of it.
        """
        with self._reading(replay_id) as (file, entries):
            if not 0 <= index < len(entries.segments):
                message = (
                    f"Replay {replay_id!r} has no segment {index}; it has "
                    f"{len(entries.segments)} (0 to {len(entries.segments) - 1})."
                )
                raise UnknownReplay(message)
            return read_segment(file, entries.segments[index], self._shelf.shared)

    def segments(self, replay_id: str) -> list[dict[str, Any]]:
        """Return what was noted of each segment (start, end, …) and its `bytes`."""
        with self._reading(replay_id) as (_, index):
            return [{**entry.note, "bytes": entry.size} for entry in index.segments]

    def summary(self, replay_id: str) -> dict[str, Any]:
        """Return the summary written with the recording."""
        with self._reading(replay_id) as (file, index):
            return read_summary(file, index)

    def extent(self, replay_id: str) -> tuple[int, int]:
        """Return its newest length in ms and number of segments, whoever added them.

        Raises
        ------
        UnknownReplay
            If there is no such replay (any more).
        """
        rows = self._shelf.rows().filter(replay_id=replay_id)
        if rows.is_empty():
            raise UnknownReplay(f"Replay {replay_id!r} is no longer stored.")
        length, segments = rows.select("length_ms", "segments").row(0)
        return length, segments

    def stored(self, replay_id: str) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield the note and the stream of all that is kept of a recording.

        Raises
        ------
        UnknownReplay
            If there is no such replay.
        """
        with self._reading(replay_id) as (file, index):
            yield from _parts(file, index, self._shelf)

    def remove(self, *replay_ids: str) -> None:
        """Delete recordings: their rows, their files and every earlier catalogue.

        Raises
        ------
        UnknownReplay
            If there is no such replay.
        """
        names = [self._file(replay_id) for replay_id in replay_ids]
        gone = pl.col("replay_id").is_in(replay_ids)
        needed = _needs(self._shelf.rows().filter(gone))
        self._shelf.commit(lambda rows: rows.filter(~gone))
        # What they shared with others stays with the others.
        names.extend(sorted(needed - _needs(self._shelf.rows())))
        for replay_id in replay_ids:
            self._files.pop(replay_id, None)
        self._shelf.drop(names)

    def sweep(self) -> None:
        """Delete at once what no catalogue names: drafts and replaced files.

        Nobody else may be writing.
        """
        self._shelf.sweep()

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Collect recordings and commit them together when the block ends well."""
        batch = Batch(self._shelf)
        try:
            yield batch
            batch.commit()
        finally:
            batch.give_up()
        self._files = {}

    # -- files

    def _file(self, replay_id: str) -> str:
        if replay_id not in self._files:
            self.catalogue()
        try:
            return self._files[replay_id]
        except KeyError:
            hint = did_you_mean(replay_id, self._files)
            message = (
                f"No replay {replay_id!r} among {len(self._files):,} recordings. "
                f"{hint}".rstrip()
            )
            raise UnknownReplay(message) from None

    @contextmanager
    def _reading(self, replay_id: str) -> Iterator[tuple[BinaryIO, Index]]:
        name = self._file(replay_id)
        try:
            file = self._shelf.open(name)
        except FileNotFoundError:
            # Another process replaced the recording since the catalogue was read.
            self._files = {}
            try:
                name = self._file(replay_id)
                file = self._shelf.open(name)
            except FileNotFoundError as error:
                message = f"The file of replay {replay_id!r} is gone: {name!r}."
                raise BadRecording(message) from error
        with file:
            yield file, self._index(name, file)

    def _index(self, name: str, file: BinaryIO) -> Index:
        with self._lock:
            index = self._indexes.get(name)
            if index is None:
                index = self._indexes[name] = read_index(file)
                if len(self._indexes) > _INDEXES:
                    self._indexes.popitem(last=False)
            else:
                self._indexes.move_to_end(name)
            return index


def _parts(
    file: BinaryIO, index: Index, shelf: Shelf
) -> Iterator[tuple[Mapping[str, Any], bytes]]:
    for entry in (*index.asides, *index.segments):
        yield entry.note, read_segment(file, entry, shelf.shared)


def _needs(rows: pl.DataFrame) -> set[str]:
    """Return the names of the shared files that recordings need."""
    return {name for text in rows["needs"].drop_nulls() for name in text.split()}


class Held:
    """One recording as it is stored, open for reading."""

    def __init__(self, file: BinaryIO, shelf: Shelf) -> None:
        """Read its index."""
        self._file = file
        self._shelf = shelf
        self._index = read_index(file)

    def state(self) -> bytes | None:
        """Return what was written about going on with it."""
        return read_state(self._file, self._index)

    def summary(self) -> dict[str, Any]:
        """Return the summary written with it."""
        return read_summary(self._file, self._index)

    def segments(self) -> list[tuple[Mapping[str, Any], int]]:
        """Return the note and the size of each of its segments."""
        return [(entry.note, entry.size) for entry in self._index.segments]

    def parts(self) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield the note and the stream of all that is kept of it."""
        return _parts(self._file, self._index, self._shelf)

    def resume(self, draft: Draft) -> Reopened:
        """Let a fresh draft go on with it; return its last segment.

        Raises
        ------
        BadRecording
            If that is not known, or the file is not as it was written. The draft is of
            no use then.
        """
        try:
            return draft.writer.resume(self._file, self._index, self._shelf.shared)
        except (OSError, ValueError, zlib.error) as error:
            raise BadRecording("A stored recording is damaged.") from error


class Batch:
    """Recordings on their way into the catalogue, committed together."""

    def __init__(self, shelf: Shelf) -> None:
        """Look at what is stored now."""
        self._shelf = shelf
        rows = shelf.rows().select(_ABOUT)
        self._known = {row["replay_id"]: row for row in rows.iter_rows(named=True)}
        self._rows: dict[str, Row] = {}
        self._drafts: list[Draft] = []

    def row(self, replay_id: str) -> Row | None:
        """Return the row under which a replay is stored, or None."""
        return self._rows.get(replay_id) or self._known.get(replay_id)

    def digests(self) -> frozenset[str]:
        """Return the digests of all that stored recordings were made of."""
        rows = (*self._known.values(), *self._rows.values())
        return frozenset(digest for row in rows for digest in row["digest"].split())

    @contextmanager
    def held(self, replay_id: str) -> Iterator[Held]:
        """Open a stored recording.

        Raises
        ------
        UnknownReplay
            If there is no such replay.
        BadRecording
            If its file is damaged.
        """
        row = self.row(replay_id)
        if row is None:
            raise UnknownReplay(f"No replay {replay_id!r} is stored.")
        with self._shelf.open(row["file"]) as file:
            yield Held(file, self._shelf)

    def draft(self) -> Draft:
        """Open a file for a new recording."""
        draft = self._shelf.draft()
        self._drafts.append(draft)
        return draft

    def give_up(self) -> None:
        """Delete drafts that were not taken in: they are not wanted after all."""
        for draft in self._drafts:
            draft.discard()
        self._drafts = []

    def put(self, draft: Draft, row: Row, digest: str) -> None:
        """Take a finished draft in, in place of any recording of the same id.

        `digest` names what the recording was made of: one word per source.
        """
        name = self._shelf.keep(draft)
        self._drafts.remove(draft)
        activity = bytes(row.get("activity") or ())
        full = {**dict.fromkeys(STORED), **row}
        self._rows[row["replay_id"]] = {
            **full,
            "activity": activity,
            "file": name,
            "digest": digest,
            "needs": " ".join(sorted(draft.writer.needs)) or None,
        }

    def commit(self) -> None:
        """Write the catalogue; without new recordings nothing happens."""
        if not self._rows:
            return
        fresh = pl.DataFrame(list(self._rows.values()), schema=STORED)
        replaced = fresh["replay_id"].implode()
        self._shelf.commit(
            lambda rows: pl.concat(
                [rows.filter(~pl.col("replay_id").is_in(replaced)), fresh]
            )
        )
        self._rows = {}
