"""Read the export of any tool: files to blocks, blocks to rows, parallel and in order.

A tool is described by a `Format`: which fields it writes, and what they mean. All else
(files, damage, bad lines, kinds of properties, the report) is the same for all.
"""

from __future__ import annotations

import os
import re
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import polars as pl

from replaykit.errors import BadInput
from replaykit.ingest.files import (
    LONGEST_LINE,
    PADDING,
    Block,
    Member,
    blocks,
    find_files,
    members,
)
from replaykit.ingest.json_lines import (
    LARGEST_ARRAY,
    Parsed,
    array_as_lines,
    parse_lines,
)
from replaykit.ingest.properties import Columns, Mixed, Shape
from replaykit.ingest.report import IngestReport, Tally, progress
from replaykit.ingest.text_tables import TABLES, text_batches
from replaykit.schema import INCOMING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from replaykit.ingest.files import Paths
    from replaykit.schema import Owner

Item = TypeVar("Item")
Result = TypeVar("Result")

PROBLEM: Final = "problem"
NO_TIME: Final = "no time that can be read"
NO_EVENT: Final = "no event name"
NOBODY: Final = "no user id or device id"

#: The columns of properties as JSON text, and whose properties they are.
TEXTS: Final[dict[str, Owner]] = {
    "event_properties": "event",
    "user_properties": "user",
    "groups": "group",
}
#: Files of these kinds take about six times their size in memory.
_PACKED: Final = frozenset({".gz", ".zip", ".zst", ".parquet"})
#: What some tools write before the text of a file, and how an array begins.
_MARK: Final = b"\xef\xbb\xbf"
_ARRAY: Final = re.compile(rb"\s*\[")
_IDENTITIES: Final = ("user_id", "device_id", "amplitude_id")
# More blocks in flight than threads only cost memory.
_WORKERS: Final = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Format:
    """How a tool spells events.

    Parameters
    ----------
    name
        How reports call it.
    suffixes
        Endings of its files, looked for in folders.
    fields
        The top-level fields that are read, as JSON text.
    rows
        From a frame of these fields to one of `schema.INCOMING`, plus `builtin.NAME`
        columns; as many rows as came in.
    within
        Event properties that `rows` takes as further fields, named `properties.NAME`;
        they get no column of their own.
    built_ins
        Event properties that also are built-in user properties, by name of the latter.
    times, numbers
        Fields that `rows` also takes as naive UTC times and as whole numbers.
    """

    name: str
    suffixes: tuple[str, ...]
    fields: tuple[str, ...]
    rows: Callable[[pl.DataFrame], pl.DataFrame]
    within: tuple[str, ...] = ()
    built_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Read:
    """What became of one block."""

    member: Member
    parsed: Parsed
    rows: pl.DataFrame
    problems: pl.Series
    left: dict[tuple[Owner, str, str], int]
    mixed: dict[str, Mixed]


class Export:
    """A reader of export files, to be handed to `EventStore.ingest`.

    Parameters
    ----------
    form
        The tool's format.
    paths
        Files, folders or patterns.
    progress
        Show a bar while reading.

    Raises
    ------
    MissingFile
        If there is no such file.
    """

    def __init__(self, form: Format, paths: Paths, *, progress: bool = True) -> None:
        self._form = form
        self._shown = progress
        self.files = find_files(paths, form.suffixes)
        self._tally = Tally(form.name)
        self._narrow: dict[tuple[Owner, str, str], int] = {}
        self._shapes: dict[str, Shape] = {name: Shape() for name in TEXTS}

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield the rows as `schema.INCOMING`, a block of a file at a time."""
        total = sum(path.stat().st_size for path in self.files)
        good: dict[Member, int] = {}
        bad: dict[Member, tuple[int, str, str]] = {}
        with progress("events", total, shown=self._shown) as bar:

            def advance(count: int) -> None:
                self._tally.read_bytes += count
                bar.update(count)

            for read in in_order(self._parts(advance), self._read):
                parsed, member = read.parsed, read.member
                self._tally.rows += parsed.frame.height + len(parsed.bad)
                good[member] = good.get(member, 0) + parsed.frame.height
                if parsed.bad:
                    bad.setdefault(member, parsed.bad[0])
                if member in bad and not good[member]:
                    raise _no_export(self._form.name, member, *bad[member])
                self._note(read)
                if read.rows.height:
                    yield read.rows

    def expected(self) -> int:
        """Return about how many bytes the rows take in memory."""
        sizes = ((path.stat().st_size, path.suffix) for path in self.files)
        return sum(size * 6 if end in _PACKED else size for size, end in sizes)

    def narrow(self) -> dict[tuple[Owner, str, str], int]:
        """Return properties for which no column was made: they lie in the text."""
        return self._narrow

    def finished(self, new: int, duplicate: int) -> IngestReport:
        """Return the report."""
        return self._tally.report(new, duplicate)

    def _parts(
        self, advance: Callable[[int], object]
    ) -> Iterator[tuple[Member, Block | Parsed]]:
        for path in self.files:
            self._tally.files += 1
            if path.name.lower().endswith(TABLES):
                yield from self._tabular(path, advance)
                continue
            for member in members(path):
                for block in _lines(member, advance):
                    yield member, block

    def _tabular(
        self, path: Path, advance: Callable[[int], object]
    ) -> Iterator[tuple[Member, Parsed]]:
        first = 1
        for frame in text_batches(path, self._form.fields, self._form.name):
            yield Member(path), Parsed(frame, first, None, ())
            first += frame.height
        advance(path.stat().st_size)

    def _read(self, part: tuple[Member, Block | Parsed]) -> _Read:
        """Read one block; runs beside others."""
        member, block = part
        form = self._form
        parsed = (
            block
            if isinstance(block, Parsed)
            else parse_lines(block, form.fields, times=form.times, numbers=form.numbers)
        )
        raw = parsed.frame
        wide: list[pl.Series] = []
        left: dict[tuple[Owner, str, str], int] = {}
        mixed: dict[str, Mixed] = {}
        if form.within:
            columns = Columns(
                raw["properties"], self._shapes["event_properties"], form.within
            )
            raw = raw.with_columns(
                columns.text(name).alias(f"properties.{name}") for name in form.within
            )
            wide = columns.series()
        rows = form.rows(raw)
        for name, owner in TEXTS.items():
            if form.within and owner == "event":
                found = columns
            else:
                found = Columns(rows[name], self._shapes[name])
                wide = found.series()
            rows = rows.with_columns(one.alias(f"{owner}.{one.name}") for one in wide)
            left |= {
                (owner, key, kind): count for (key, kind), count in found.left().items()
            }
            mixed |= found.mixed()
        rows = _with_built_ins(rows, form.built_ins)
        readable = pl.col("time").dt.year().is_between(1970, 2199)
        known = pl.any_horizontal(pl.col(name).is_not_null() for name in _IDENTITIES)
        problem = (
            pl.when(~readable.fill_null(value=False))
            .then(pl.lit(NO_TIME))
            .when(pl.col("event").is_null())
            .then(pl.lit(NO_EVENT))
            .when(~known)
            .then(pl.lit(NOBODY))
        )
        problems = rows.select(problem.alias(PROBLEM))[PROBLEM]
        if problems.null_count() < len(problems):
            rows = rows.filter(problems.is_null())
        filled = [
            name
            for name in rows.columns
            if name in INCOMING or rows[name].null_count() < rows.height
        ]
        rows = rows.select(filled).with_columns(
            pl.col(name).cast(kind)
            for name, kind in INCOMING.items()
            if name in rows.columns
        )
        return _Read(member, parsed, rows, problems, left, mixed)

    def _note(self, read: _Read) -> None:
        """Count what a block brought."""
        for full, count in read.left.items():
            self._narrow[full] = self._narrow.get(full, 0) + count
        for name, mixed in read.mixed.items():
            self._tally.mixed(name, mixed.numbers, mixed.texts, mixed.example)
        member, parsed = read.member, read.parsed
        for number, reason, text in parsed.bad:
            self._tally.skip(reason)
            if self._tally.wants_example(reason):
                self._tally.example(reason, f"{member.name}:{number}", text)
        problems = read.problems
        if problems.null_count() == len(problems):
            return
        for row in problems.is_not_null().arg_true().to_list():
            reason = str(problems[row])
            self._tally.skip(reason)
            if self._tally.wants_example(reason):
                shown = {
                    name: value
                    for name, value in parsed.frame.row(row, named=True).items()
                    if value is not None
                }
                self._tally.example(
                    reason, f"{member.name}:{parsed.line(row)}", str(shown)
                )


def in_order(
    items: Iterator[Item], work: Callable[[Item], Result], workers: int = _WORKERS
) -> Iterator[Result]:
    """Yield `work(item)` in the order of the items, several at a time.

    The next item is made (a file expanded, for example) while others are worked on. An
    error or an interrupt ends it after what has already begun.

    Examples
    --------
    >>> list(in_order(iter([3, 1, 2]), lambda number: number * 2))
    [6, 2, 4]
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers + 1) as pool:
        try:
            ahead: Future[Item | None] | None = pool.submit(next, items, None)
            while ahead is not None or waiting:
                item = None if ahead is None else ahead.result()
                ahead = None
                if item is not None:
                    ahead = pool.submit(next, items, None)
                    waiting.append(pool.submit(work, item))
                if waiting and (ahead is None or len(waiting) > workers):
                    yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _with_built_ins(
    rows: pl.DataFrame, names: Mapping[str, tuple[str, ...]]
) -> pl.DataFrame:
    found = {
        f"builtin.{name}": [
            pl.col(f"event.{one}").cast(pl.String)
            for one in others
            if f"event.{one}" in rows.columns
            and not rows.schema[f"event.{one}"].is_nested()
        ]
        for name, others in names.items()
    }
    return rows.with_columns(
        pl.coalesce(others).alias(name) for name, others in found.items() if others
    )


def _no_export(
    what: str, member: Member, number: int, reason: str, text: str
) -> BadInput:
    return BadInput(
        f"{member.name} is not an event export of {what}: line {number} is {reason} "
        f"({text[:60]!r}), and no line before or near it is an event. "
        "Nothing was ingested. An export has one JSON object per line."
    )


def json_object(name: str) -> pl.Expr:
    """Return a column of JSON text where it is an object that says something."""
    # `{}` says no more than null.
    text = pl.col(name).str.strip_chars()
    return pl.when(text.str.starts_with("{") & (text != "{}")).then(text).alias(name)


def filled_text(names: Iterable[str]) -> list[pl.Expr]:
    """Return columns of text in which the empty text is null: an empty id is none."""
    return [pl.when(pl.col(name) != "").then(name) for name in names]


def _lines(member: Member, advance: Callable[[int], object]) -> Iterator[Block]:
    """Yield blocks of JSON lines, also from a file that is one JSON array."""
    array: list[bytes | bytearray] = []
    size = 0
    first = True
    for given in blocks(member, advance):
        block = given
        if first:
            first = False
            if block.data.startswith(_MARK):
                data = block.data[len(_MARK) :]
                block = Block(data, block.first_line, block.ends)
            if _ARRAY.match(block.data):
                array.append(block.data)
                size += len(block.data)
                continue
        if not array:
            yield block
            continue
        array.append(block.data)
        size += len(block.data)
        if size > LARGEST_ARRAY:
            raise BadInput(
                f"{member.name} is one JSON array of more than {LARGEST_ARRAY >> 30} "
                "GiB. Write it as one JSON object per line."
            )
    if array:
        lines = array_as_lines(b"".join(array), member.name)
        for start, part in _pieces(lines):
            ends = part.count(b"\n") + (not part.endswith(b"\n"))
            yield Block(b"".join((part, b"\n", PADDING)), start, ends)


def _pieces(lines: bytes) -> Iterator[tuple[int, bytes]]:
    step = LONGEST_LINE // 4
    at = 0
    number = 1
    while at < len(lines):
        end = lines.find(b"\n", min(at + step, len(lines)))
        end = len(lines) if end < 0 else end + 1
        yield number, lines[at:end]
        number += lines.count(b"\n", at, end)
        at = end
