"""Read Amplitude's event export: JSON lines, plain, gzipped, or zipped.

The rules of `spec/model.md` 1: `event_time` as exported, or worked out by the clock
rule when a row has none; -1 is no session; a row needs a time, a type, an identity.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from replaykit.errors import BadInput
from replaykit.ingest.files import (
    LONGEST_LINE,
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
from replaykit.ingest.properties import Columns
from replaykit.ingest.report import IngestReport, Tally, progress
from replaykit.ingest.times import utc_times
from replaykit.schema import BUILT_INS, INCOMING, Owner, session_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replaykit.ingest.files import Paths

SUFFIXES: Final = (".json", ".json.gz", ".gz", ".zip", ".ndjson", ".jsonl")

_TIMES: Final = (
    "client_event_time",
    "client_upload_time",
    "server_received_time",
    "server_upload_time",
)
_IDENTITIES: Final = ("user_id", "device_id", "amplitude_id")
_TEXTS: Final[dict[str, Owner]] = {
    "event_properties": "event",
    "user_properties": "user",
    "groups": "group",
}
# The upload endpoint spells some fields otherwise than the export.
_ALSO: Final = {"event_time": "time", "$insert_id": "insert_id"}
_FIELDS: Final = (
    "event_type",
    "event_time",
    *_TIMES,
    *_IDENTITIES,
    "session_id",
    "$insert_id",
    "uuid",
    "event_id",
    *_TEXTS,
    *BUILT_INS,
    *_ALSO.values(),
)
_NUMERIC: Final = ("location_lat", "location_lng")
_ADJUST_BEYOND: Final = timedelta(seconds=60)

_NO_TIME: Final = "no time that can be read"
_NO_TYPE: Final = "no event type"
_NOBODY: Final = "no user id, device id or amplitude id"


def clock_rule(
    client_event_time: pl.Expr,
    client_upload_time: pl.Expr,
    server_received_time: pl.Expr,
) -> pl.Expr:
    """Return the event time: the client's, corrected when its clock is off.

    The difference of server and client clock at upload is added when it is more than 60
    seconds in either direction; exactly 60 seconds does not adjust. A missing upload
    time is taken as the time of receipt.

    Examples
    --------
    >>> from datetime import datetime
    >>> day = pl.DataFrame({"at": [datetime(2024, 3, 1, 10)]}).with_columns(
    ...     up=pl.col("at"), got=pl.col("at") + pl.duration(seconds=61)
    ... )
    >>> day.select(clock_rule(pl.col("at"), pl.col("up"), pl.col("got"))).item()
    datetime.datetime(2024, 3, 1, 10, 1, 1)
    """
    difference = server_received_time - client_upload_time
    off = difference.abs() > _ADJUST_BEYOND
    return (
        pl.when(off).then(client_event_time + difference).otherwise(client_event_time)
    )


def read(paths: Paths, *, progress: bool = True) -> AmplitudeExport:
    """Return a reader of export files: `AmplitudeExport`."""
    return AmplitudeExport(paths, progress=progress)


class AmplitudeExport:
    """A reader of export files, to be handed to `EventStore.ingest`.

    Parameters
    ----------
    paths
        Files, folders or patterns; `.json`, `.json.gz`, `.zip` of these.
    progress
        Show a bar while reading.

    Raises
    ------
    MissingFile
        If there is no such file.

    Examples
    --------
    >>> import gzip, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> when = '"event_time": "2024-03-01 10:00:00"'
    >>> line = '{"event_type": "Search", "user_id": "ana", %s}' % when
    >>> _ = (folder / "day.json.gz").write_bytes(gzip.compress(line.encode()))
    >>> [batch["event"].to_list() for batch in AmplitudeExport(folder).batches()]
    [['Search']]
    """

    def __init__(self, paths: Paths, *, progress: bool = True) -> None:
        self._shown = progress
        self.files = find_files(paths, SUFFIXES)
        self._tally = Tally("Amplitude")
        self._narrow: dict[tuple[Owner, str, str], int] = {}

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield the rows as `schema.INCOMING`, a block of a file at a time."""
        total = sum(path.stat().st_size for path in self.files)
        with progress("events", total, shown=self._shown) as bar:

            def advance(count: int) -> None:
                self._tally.read_bytes += count
                bar.update(count)

            for path in self.files:
                self._tally.files += 1
                for member in members(path):
                    yield from self._read(member, advance)

    def narrow(self) -> dict[tuple[Owner, str, str], int]:
        """Return properties for which no column was made: they lie in the text."""
        return self._narrow

    def finished(self, new: int, duplicate: int) -> IngestReport:
        """Return the report."""
        return self._tally.report(new, duplicate)

    def _read(
        self, member: Member, advance: Callable[[int], object]
    ) -> Iterator[pl.DataFrame]:
        good = 0
        bad: tuple[int, str, str] | None = None
        for block in _lines(member, advance):
            parsed = parse_lines(block, _FIELDS)
            self._tally.rows += parsed.frame.height + len(parsed.bad)
            good += parsed.frame.height
            if parsed.bad and bad is None:
                bad = parsed.bad[0]
            if bad is not None and not good:
                number, reason, text = bad
                raise BadInput(
                    f"{member.name} is not an event export: line {number} is {reason} "
                    f"({text[:60]!r}), and no line before or near it is an event. "
                    "Nothing was ingested. An export has one JSON object per line."
                )
            for number, reason, text in parsed.bad:
                self._tally.skip(reason)
                if self._tally.wants_example(reason):
                    self._tally.example(reason, f"{member.name}:{number}", text)
            batch = self._rows(parsed, member)
            if batch.height:
                yield batch

    def _rows(self, parsed: Parsed, member: Member) -> pl.DataFrame:
        raw = parsed.frame
        raw = raw.with_columns(
            pl.coalesce(name, other).alias(name) for name, other in _ALSO.items()
        ).with_columns(
            # An empty id is none.
            pl.when(pl.col(name) != "").then(name)
            for name in ("event_type", "uuid", "$insert_id", *_IDENTITIES)
        )
        raw = raw.with_columns(
            [utc_times(raw[name]) for name in ("event_time", *_TIMES)]
        ).with_columns(
            pl.col("amplitude_id").cast(pl.Int64, strict=False),
            pl.col("event_id").cast(pl.Int64, strict=False),
            session_numbers(raw["session_id"]),
        )
        received = pl.col("server_received_time")
        clock = clock_rule(
            pl.col("client_event_time"), pl.col("client_upload_time"), received
        )
        raw = raw.with_columns(event_time=pl.coalesce("event_time", clock))
        # Years apart, a clock is not off but broken.
        readable = pl.col("event_time").dt.year().is_between(1970, 2199)
        known = pl.any_horizontal(pl.col(name).is_not_null() for name in _IDENTITIES)
        problem = (
            pl.when(~readable.fill_null(value=False))
            .then(pl.lit(_NO_TIME))
            .when(pl.col("event_type").is_null())
            .then(pl.lit(_NO_TYPE))
            .when(~known)
            .then(pl.lit(_NOBODY))
        )
        problems = raw.select(problem.alias("problem"))["problem"]
        if problems.null_count() < len(problems):
            self._skip(problems, parsed, member)
            raw = raw.filter(problems.is_null())
        rows = raw.select(
            time="event_time",
            event="event_type",
            session_id="session_id",
            device_id="device_id",
            client_time="client_event_time",
            user_id="user_id",
            amplitude_id="amplitude_id",
            upload_time="server_upload_time",
            event_id="event_id",
            insert_id="$insert_id",
            uuid="uuid",
            **{name: _object(name) for name in _TEXTS},
        )
        wide = [_built_in(raw[name]) for name in BUILT_INS]
        for name, owner in _TEXTS.items():
            columns = Columns(rows[name])
            wide += [one.alias(f"{owner}.{one.name}") for one in columns.series()]
            for (key, kind), count in columns.left().items():
                full = (owner, key, kind)
                self._narrow[full] = self._narrow.get(full, 0) + count
        filled = [one for one in wide if one.null_count() < len(one)]
        return rows.cast(
            {name: dtype for name, dtype in INCOMING.items() if name in rows.columns}
        ).with_columns(filled)

    def _skip(self, problems: pl.Series, parsed: Parsed, member: Member) -> None:
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


def _lines(member: Member, advance: Callable[[int], object]) -> Iterator[Block]:
    """Yield blocks of JSON lines, also from a file that is one JSON array."""
    array: list[bytes] = []
    size = 0
    first = True
    for block in blocks(member, advance):
        if first:
            first = False
            data = block.data.removeprefix(b"\xef\xbb\xbf")
            if data.lstrip()[:1] == b"[":
                array.append(data)
                size += len(data)
                continue
            yield Block(data, block.first_line)
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
            yield Block(part, start)


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


def _object(name: str) -> pl.Expr:
    # `{}` says no more than null.
    text = pl.col(name).str.strip_chars()
    return pl.when(text.str.starts_with("{") & (text != "{}")).then(text).alias(name)


def _built_in(values: pl.Series) -> pl.Series:
    name = f"builtin.{values.name}"
    if values.name in _NUMERIC:
        return values.cast(pl.Float64, strict=False).alias(name)
    if values.name == "paying":
        return (
            values.str.to_lowercase()
            .replace_strict(
                ["true", "false"], [True, False], default=None, return_dtype=pl.Boolean
            )
            .alias(name)
        )
    return values.alias(name)
