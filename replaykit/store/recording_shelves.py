"""Where recordings' files and their catalogue lie: in a project's folder, or in memory.

A file is written whole under a temporary name before the catalogue mentions it, and
the catalogue changes in one commit. Whatever stops a writer, readers see the state
before or after it.
"""

from __future__ import annotations

import io
import math
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import (
    CommitFailedError,
    DeltaError,
    TableNotFoundError,
)

from replaykit.errors import BadInput, BadRecording
from replaykit.schema import TIME
from replaykit.store.objects import ObjectPath, Place, open_file, options_of
from replaykit.store.recording_files import (
    Piece,
    RecordingWriter,
    read_shared,
    write_shared,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The catalogue as callers see it.
CATALOGUE: Final[dict[str, pl.DataType]] = {
    "replay_id": pl.String(),
    "user": pl.Int32(),
    "user_id": pl.String(),
    "device_id": pl.String(),
    "session_id": pl.Int64(),
    "start": TIME,
    "end": TIME,
    "length_ms": pl.Int64(),
    "events": pl.Int64(),
    "pages": pl.Int32(),
    "first_page": pl.String(),
    "urls": pl.List(pl.String()),
    "width": pl.Int32(),
    "height": pl.Int32(),
    "clicks": pl.Int32(),
    "rage_clicks": pl.Int32(),
    "dead_clicks": pl.Int32(),
    "errors": pl.Int32(),
    "failed_requests": pl.Int32(),
    "inactive_ms": pl.Int64(),
    "segments": pl.Int32(),
    "bytes": pl.Int64(),
    "status": pl.String(),
    "ingested": TIME,
    "activity": pl.List(pl.UInt8()),
    "agent": pl.String(),
    "network": pl.String(),
}
#: The catalogue as it lies on disk. Delta knows no unsigned integers, so the activity
#: bins are bytes there, and addresses are lines of one text; `file`, `digest` and
#: `needs` (other files) are the store's own.
STORED: Final[dict[str, pl.DataType]] = {
    **CATALOGUE,
    "urls": pl.String(),
    "activity": pl.Binary(),
    "file": pl.String(),
    "digest": pl.String(),
    "needs": pl.String(),
}

_FILES: Final = "files"
_TABLE: Final = "catalogue"
_SUFFIX: Final = ".rec"
_DRAFT: Final = ".draft"
_RETRIES: Final = 20
#: Shared pieces kept in memory.
_PIECES: Final = 64
#: What no catalogue names is swept after this many seconds: a reader or another writer
#: may still be at it.
_GRACE: Final = 3_600
#: So many seconds for a file that another replaced: whoever looks for it later reads
#: the catalogue again, and a recording that grows would fill the disk with itself.
_REPLACED: Final = 60
#: Earlier catalogues are deleted when there are more than this many.
_TABLE_FILES: Final = 16
#: Each so many commits the log is summed up: whoever follows a recording that grows
#: reads it every few seconds.
_CHECKPOINT_EVERY: Final = "10"


class Draft:
    """A recording being written, in a file that nothing refers to yet."""

    def __init__(
        self,
        file: BinaryIO,
        path: Path | None = None,
        share: Callable[[bytes], Piece] | None = None,
        *,
        scratch: bool = False,
    ) -> None:
        """Write to `file`, which lies at `path` unless it is in memory."""
        self.scratch = scratch
        self.file = file
        self.path = path
        self.writer = RecordingWriter(file, share)

    def discard(self) -> None:
        """Give the draft up."""
        self.file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            if self.scratch:
                shutil.rmtree(self.path.parent, ignore_errors=True)


class Shelf(Protocol):
    """A place for recordings."""

    def rows(self) -> pl.DataFrame:
        """Return the catalogue with the columns of `STORED`."""
        ...

    def commit(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Replace the catalogue by `change(catalogue)`, all or nothing."""
        ...

    def draft(self) -> Draft:
        """Open a file for a new recording."""
        ...

    def keep(self, draft: Draft) -> str:
        """Make a finished draft durable; return the name of its file."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a recording's file for reading."""
        ...

    def shared(self, name: str) -> bytes:
        """Return the piece in a file that several recordings need."""
        ...

    def drop(self, names: Iterable[str]) -> None:
        """Delete files that the catalogue no longer names, and all trace of them."""
        ...

    def sweep(self) -> None:
        """Delete at once what no catalogue names."""
        ...


class MemoryShelf:
    """Recordings that last as long as the process."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows = pl.DataFrame(schema=STORED)
        self._files: dict[str, bytes] = {}

    def rows(self) -> pl.DataFrame:
        """Return the catalogue."""
        return self._rows

    def commit(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Replace the catalogue."""
        self._rows = change(self._rows)

    def draft(self) -> Draft:
        """Open a buffer."""
        return Draft(io.BytesIO(), share=self._share)

    def _share(self, text: bytes) -> Piece:
        name = shared_name(text)
        if name not in self._files:
            file = io.BytesIO()
            write_shared(file, text)
            self._files[name] = file.getvalue()
        return name, len(self.shared(name))

    def shared(self, name: str) -> bytes:
        """Return the piece in a file that several recordings need."""
        return read_shared(io.BytesIO(self._files[name]))

    def keep(self, draft: Draft) -> str:
        """Keep the buffer's bytes."""
        name = secrets.token_hex(8)
        draft.file.seek(0)
        self._files[name] = draft.file.read()
        draft.file.close()
        return name

    def open(self, name: str) -> BinaryIO:
        """Open the bytes for reading."""
        return io.BytesIO(self._files[name])

    def drop(self, names: Iterable[str]) -> None:
        """Forget files."""
        for name in names:
            self._files.pop(name, None)

    def sweep(self) -> None:
        """Do nothing: nothing is left behind in memory."""


class FolderShelf:
    """Recordings in a folder: `files/` and a Delta table `catalogue/`."""

    def __init__(self, folder: Place) -> None:
        """Use `folder`, which is made on the first write."""
        self._files = folder / _FILES
        self._table = folder / _TABLE
        self._options = options_of(folder)
        self._pieces: dict[str, bytes] = {}

    def rows(self) -> pl.DataFrame:
        """Read the catalogue of the newest commit."""
        table = self._open_table()
        return pl.DataFrame(schema=STORED) if table is None else _read(table)

    def _open_table(self) -> DeltaTable | None:
        # Asking first keeps a mistyped path from being created.
        if not (self._table / "_delta_log").is_dir():
            return None
        try:
            return DeltaTable(str(self._table), storage_options=self._options)
        except TableNotFoundError:
            return None

    def commit(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Replace the catalogue in one commit; start over if another writer was first.

        Delta's own retry would let a stale writer overwrite the other's rows.
        """
        for attempt in range(_RETRIES):
            table = self._open_table()
            before = pl.DataFrame(schema=STORED) if table is None else _read(table)
            after = change(before)
            try:
                if table is None:
                    self._create(after)
                else:
                    write_deltalake(
                        table,
                        after,
                        mode="overwrite",
                        schema_mode="overwrite",
                        commit_properties=CommitProperties(max_commit_retries=0),
                    )
            except CommitFailedError:
                time.sleep(0.01 * (attempt + 1))
                continue
            self._age({*before["file"]} - {*after["file"]})
            self._sweep(known=after)
            return
        message = (
            f"The catalogue in {str(self._table)!r} kept changing under this writer "
            f"({_RETRIES} tries). Let the other writers finish, then try again."
        )
        raise BadInput(message)

    def _create(self, rows: pl.DataFrame) -> None:
        self._table.mkdir(parents=True, exist_ok=True)
        try:
            write_deltalake(
                str(self._table),
                rows,
                mode="error",
                storage_options=self._options,
                # Ids stay out of the log: no statistics on text.
                configuration={
                    "delta.dataSkippingStatsColumns": "length_ms",
                    "delta.checkpointInterval": _CHECKPOINT_EVERY,
                },
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except DeltaError as error:
            if self._open_table() is None:
                raise
            # Another writer made the table in the meantime.
            raise CommitFailedError(str(error)) from error

    def draft(self) -> Draft:
        """Open a temporary file; beside object storage, one of this machine."""
        path = self._scratch() / f"{secrets.token_hex(8)}{_DRAFT}"
        away = isinstance(self._files, ObjectPath)
        return Draft(path.open("w+b"), path, self._share, scratch=away)

    def _scratch(self) -> Path:
        if isinstance(self._files, ObjectPath):
            return Path(tempfile.mkdtemp(prefix="replaykit-"))
        self._files.mkdir(parents=True, exist_ok=True)
        return self._files

    def _share(self, text: bytes) -> Piece:
        """Write a text under a name made of it, unless it is there."""
        path = self._files / shared_name(text)
        if isinstance(path, ObjectPath):
            # Putting it again makes it young, as the other branch does.
            whole = io.BytesIO()
            write_shared(whole, text)
            path.put(whole.getvalue())
            return path.name, len(self.shared(path.name))
        try:
            # It is young again: nobody sweeps it before the catalogue names it.
            os.utime(path)
        except FileNotFoundError:
            draft = self._scratch() / f"{secrets.token_hex(8)}{_DRAFT}"
            with draft.open("w+b") as file:
                write_shared(file, text)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        return path.name, len(self.shared(path.name))

    def shared(self, name: str) -> bytes:
        """Return the piece in a file that several recordings need.

        Raises
        ------
        BadRecording
            If the file is gone.
        """
        if name not in self._pieces:
            try:
                with open_file(self._files / name) as file:
                    piece = read_shared(file)
            except FileNotFoundError as error:
                message = (
                    f"A part of this recording is gone: {name!r}. Remove it "
                    "(`remove_replays`) and add its files again."
                )
                raise BadRecording(message) from error
            while len(self._pieces) >= _PIECES:
                self._pieces.pop(next(iter(self._pieces)), None)
            self._pieces[name] = piece
        return self._pieces[name]

    def keep(self, draft: Draft) -> str:
        """Flush the draft to the disk and give it its final name."""
        if draft.path is None:
            message = "This draft was opened by another shelf."
            raise ValueError(message)
        draft.file.flush()
        os.fsync(draft.file.fileno())
        draft.file.close()
        path = draft.path.with_suffix(_SUFFIX)
        if isinstance(self._files, ObjectPath):
            (self._files / path.name).put(draft.path)
            draft.discard()
        else:
            draft.path.rename(path)
        return path.name

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        return open_file(self._files / name)

    def drop(self, names: Iterable[str]) -> None:
        """Delete files at once, and the earlier catalogues that named them."""
        for name in names:
            (self._files / name).unlink(missing_ok=True)
        table = self._open_table()
        if table is not None:
            _vacuum(table, hours=0)

    def sweep(self) -> None:
        """Delete at once what no catalogue names."""
        self._sweep(grace=0)

    def _found(self) -> list[str]:
        if isinstance(self._files, ObjectPath):
            return [path.name for path in self._files.glob("*")]
        if not self._files.is_dir():
            return []
        with os.scandir(self._files) as entries:
            return [entry.name for entry in entries]

    def _age(self, replaced: Iterable[str]) -> None:
        """Let the sweep take files sooner that no catalogue will name again."""
        if isinstance(self._files, ObjectPath):
            return
        at = time.time() - _GRACE + _REPLACED
        for name in replaced:
            with suppress(FileNotFoundError):
                os.utime(self._files / name, (at, at))

    def _sweep(self, grace: float = _GRACE, known: pl.DataFrame | None = None) -> None:
        """Delete what crashed writers and replaced recordings left behind.

        What is `known` to be named need not be looked at.
        """
        table = self._open_table()
        if table is None:
            return
        if not grace:
            _vacuum(table, hours=0)
        elif sum(1 for _ in self._table.glob("*.parquet")) > _TABLE_FILES:
            _vacuum(table, hours=1)
        old = time.time() - grace
        skipped = frozenset() if known is None else _named(known)
        stale = [
            self._files / name
            for name in self._found()
            if name not in skipped
            and name.endswith((_SUFFIX, _DRAFT))
            and _modified(self._files / name) <= old
        ]
        if stale:
            named = _named(_read(table))  # by all writers, as of now
            for path in stale:
                if path.name not in named:
                    path.unlink(missing_ok=True)


def _named(rows: pl.DataFrame) -> frozenset[str]:
    """Return the names of all files that a catalogue needs."""
    needed = " ".join(rows["needs"].drop_nulls()).split()
    return frozenset((*rows["file"], *needed))


def shared_name(text: bytes) -> str:
    """Return the name of the file that holds a text for several recordings.

    Examples
    --------
    >>> shared_name(b'"body {}"') == shared_name(b'"body {}"')
    True
    """
    return blake2b(text, digest_size=16).hexdigest() + _SUFFIX


def _modified(path: Place) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # a draft that another writer has just finished
        return math.inf


def _vacuum(table: DeltaTable, *, hours: int) -> None:
    table.vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False)


def _read(table: DeltaTable) -> pl.DataFrame:
    rows = pl.scan_delta(table)
    held = rows.collect_schema()
    return rows.select(
        # A catalogue written before a column was thought of has no value for it.
        (pl.col(name) if name in held else pl.lit(None).alias(name)).cast(dtype)
        for name, dtype in STORED.items()
    ).collect()
