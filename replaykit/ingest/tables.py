"""Read any table with a column mapping: into a frame in memory, or into a project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from replaykit.errors import BadInput, UnknownProperty, did_you_mean
from replaykit.ingest.frames import files_of, to_lazy
from replaykit.ingest.report import IngestReport, Tally
from replaykit.ingest.report import progress as bar_of
from replaykit.ingest.times import EARLIEST_YEAR, LATEST_YEAR, utc_times
from replaykit.schema import COLUMNS, TIME, session_numbers
from replaykit.timeline import check_zone, localize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replaykit.schema import Owner

_NO_TIME: Final = "no time that can be read"
_NO_EVENT: Final = "no event name"
_NOBODY: Final = "no user"
_AMBIGUOUS: Final = "{} local times happened twice; the earlier was taken"
_JUMPED: Final = "{} local times never happened; the end of the gap was taken"
_SESSION_NAME: Final = "session_name"
_BATCH: Final = 500_000
#: The largest whole number up to which floats are exact.
_EXACT: Final = 2**53


@dataclass(frozen=True)
class Mapping:
    """Which column of a table is what.

    Parameters
    ----------
    user, time, event
        Names of the columns with the user's id, the time and the event name.
    session
        Column with the session's id: numbers, or any text.
    device
        Column with the device's id.
    insert_id
        Column with a unique id of each row, to recognise it when it comes again.
    active
        Column that is false where the event is not an act of the user.
    properties
        Columns to keep as event properties; `None` keeps all others.
    tz
        Zone that times without one are read in.
    """

    user: str
    time: str
    event: str
    session: str | None = None
    device: str | None = None
    insert_id: str | None = None
    active: str | None = None
    properties: tuple[str, ...] | None = None
    tz: str = "UTC"


class FrameEvents(NamedTuple):
    """A table as canonical events, without a store.

    Parameters
    ----------
    rows
        `schema.COLUMNS` and the properties, sorted by (user, time, row).
    directory
        `user` Int32 and `user_id` String, in order of the ids.
    report
        What was read and left out.
    """

    rows: pl.DataFrame
    directory: pl.DataFrame
    report: IngestReport


def from_frame(
    frame: object,
    *,
    user: str,
    time: str,
    event: str,
    session: str | None = None,
    active: str | None = None,
    device: str | None = None,
    tz: str = "UTC",
    properties: Iterable[str] | None = None,
) -> FrameEvents:
    """Turn any table into the canonical event frame, without a store.

    Rows of one user and instant keep the order of the table. Rows without a user, a
    readable time or an event name are left out and counted; equal rows stay. Times
    without a zone are read in `tz`: the earlier of two, the end of a gap for a time
    that never happened, both counted.

    Parameters
    ----------
    frame
        Whatever `frames.to_lazy` reads: polars, pandas, Arrow, DuckDB, or a file.
    user, time, event
        Names of the columns with the user's id, the time and the event name.
    session
        Column with the session's id. Text becomes a number in `session_id`; the text
        itself stays as a property (`session_name` when its own name is taken).
    active
        Column that is false for events that users do not do themselves.
    device
        Column with the device's id, by which recordings are matched.
    tz
        Zone that times without one are read in.
    properties
        Columns to keep as properties; `None` keeps all others.

    Returns
    -------
    FrameEvents
        The rows, the directory of users, and the report.

    Raises
    ------
    UnknownProperty
        If a named column does not exist.
    BadInput
        If the table cannot be read, or no row is an event.

    Examples
    --------
    >>> table = {
    ...     "uid": ["ana", "bob", "ana"],
    ...     "ts": ["2026-03-01 10:00", "2026-03-01 10:01", "2026-03-01 09:00"],
    ...     "name": ["Buy", "Search", "Search"],
    ... }
    >>> events, people, report = from_frame(table, user="uid", time="ts", event="name")
    >>> events.select("user", "event").rows()
    [(0, 'Search'), (0, 'Buy'), (1, 'Search')]
    >>> people.rows()
    [(0, 'ana'), (1, 'bob')]
    """
    kept = None if properties is None else tuple(properties)
    mapping = Mapping(
        user, time, event, session, device, active=active, properties=kept, tz=tz
    )
    tally = Tally("table")
    rows = _read(_collected(_checked(to_lazy(frame), mapping)), mapping, tally, 0)
    # A device only says whose a recording is: it makes no user of rows without one.
    nobody = rows["user_id"].null_count()
    if nobody:
        tally.skip(_NOBODY, nobody)
        rows = rows.drop_nulls("user_id")
    if not rows.height:
        why = f"{tally.rows:,} rows, all left out ({tally.report(0, 0)!r})"
        raise BadInput(
            f"The table has no event: {why if tally.rows else 'it has no row'}."
        )
    people = rows.select("user_id").unique().sort("user_id")
    directory = people.select(
        pl.int_range(pl.len(), dtype=pl.Int32).alias("user"), "user_id"
    )
    wanted = [name for name in rows.columns if name not in _TAKEN]
    canonical = (
        rows.lazy()
        .join(directory.lazy(), on="user_id", maintain_order="left")
        .with_row_index("row")
        .with_columns(
            pl.col("row").cast(pl.Int64), pl.lit(None, TIME).alias("client_time")
        )
        .select(*COLUMNS, *wanted)
        .sort("user", "time", "row")
        .collect()
    )
    return FrameEvents(canonical, directory, tally.report(canonical.height, 0))


_TAKEN: Final = frozenset({*COLUMNS, "user_id", "insert_id"})


class TableSource:
    """A reader of any table, to be handed to `EventStore.ingest`.

    Parameters
    ----------
    table
        Whatever `frames.to_lazy` reads.
    mapping
        Which column is what.
    progress
        Show a bar while reading.

    Examples
    --------
    >>> table = {"uid": ["ana"], "ts": ["2026-03-01 10:00"], "name": ["Buy"], "n": [1]}
    >>> source = TableSource(table, Mapping("uid", "ts", "name"))
    >>> next(source.batches()).select("user_id", "event", "event.n").row(0)
    ('ana', 'Buy', 1)
    """

    def __init__(
        self, table: object, mapping: Mapping, *, progress: bool = False
    ) -> None:
        self._shown = progress
        self._table = _checked(to_lazy(table), mapping)
        self._mapping = mapping
        self._tally = Tally("table")
        files = files_of(table)
        self._tally.files = len(files)
        self._tally.read_bytes = sum(path.stat().st_size for path in files)

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield the rows as `schema.INCOMING`, some hundred thousand at a time."""
        at = 0
        with bar_of("rows", None, shown=self._shown) as bar:
            for part in self._parts():
                bar.update(part.height)
                rows = _read(part, self._mapping, self._tally, at)
                at += part.height
                if rows.height:
                    yield rows.rename(
                        {
                            name: f"event.{name}"
                            for name in rows.columns
                            if name not in _TAKEN
                        }
                    )

    def _parts(self) -> Iterator[pl.DataFrame]:
        try:
            yield from self._table.collect_batches(
                chunk_size=_BATCH, maintain_order=True
            )
        except pl.exceptions.PolarsError as error:
            raise _damaged(error) from error

    def expected(self) -> None:
        """Return nothing: tables are read lazily."""

    def narrow(self) -> dict[tuple[Owner, str, str], int]:
        """Return nothing: every column of a table stays a column."""
        return {}

    def finished(self, new: int, duplicate: int) -> IngestReport:
        """Return the report."""
        return self._tally.report(new, duplicate)


def _checked(table: pl.LazyFrame, mapping: Mapping) -> pl.LazyFrame:
    check_zone(mapping.tz)
    try:
        names = table.collect_schema().names()
    except pl.exceptions.PolarsError as error:
        raise _damaged(error) from error
    roles = {
        role: getattr(mapping, role)
        for role in (
            "user",
            "time",
            "event",
            "session",
            "device",
            "insert_id",
            "active",
        )
        if getattr(mapping, role) is not None
    }
    wanted = [
        *roles.items(),
        *(("properties", one) for one in mapping.properties or ()),
    ]
    if not names:
        raise BadInput("The table has no columns. Give one row per event.")
    for role, name in wanted:
        if name not in names:
            hint = did_you_mean(name, names)
            message = (
                f"{role}={name!r}: the table has no such column; it has "
                f"{', '.join(names)}. {hint}"
            )
            raise UnknownProperty(message.rstrip())
    if mapping.properties is None:
        return table
    return table.select(list(dict.fromkeys([*roles.values(), *mapping.properties])))


def _collected(table: pl.LazyFrame) -> pl.DataFrame:
    try:
        return table.collect()
    except pl.exceptions.PolarsError as error:
        raise _damaged(error) from error


def _damaged(error: pl.exceptions.PolarsError) -> BadInput:
    return BadInput(f"The table cannot be read: {error}. Nothing was ingested.")


def _read(
    part: pl.DataFrame, mapping: Mapping, tally: Tally, first: int
) -> pl.DataFrame:
    """Return the good rows: canonical names, properties under their own."""
    tally.rows += part.height
    times, unread = _times(part[mapping.time], mapping.tz, tally)
    fixed: dict[str, pl.Series] = {
        "user_id": _ids(part[mapping.user]),
        "time": times,
        "event": part[mapping.event].cast(pl.String),
        "session_id": _empty(part.height, pl.Int64())
        if mapping.session is None
        else _sessions(part[mapping.session]),
        "device_id": _empty(part.height, pl.String())
        if mapping.device is None
        else _ids(part[mapping.device]),
        "active": pl.Series([True]).new_from_index(0, part.height)
        if mapping.active is None
        else part[mapping.active].cast(pl.Boolean).fill_null(value=True),
        "insert_id": _empty(part.height, pl.String())
        if mapping.insert_id is None
        else _ids(part[mapping.insert_id]),
    }
    used = {mapping.user, mapping.time, mapping.event, mapping.device}
    used |= {mapping.insert_id, mapping.active}
    extra: dict[str, pl.Series] = {}
    for name in part.columns:
        values = part[name]
        if name in used or values.dtype == pl.Null:
            continue
        if name == mapping.session:
            # The words of a session stay; its number is only for the engine.
            if values.dtype.is_integer():
                continue
            name = _SESSION_NAME if name in _TAKEN else name  # noqa: PLW2901
        elif name in _TAKEN:
            name = f"{name}_"  # noqa: PLW2901
        plain = values.dtype in (pl.Categorical, pl.Enum)
        extra[name] = values.cast(pl.String) if plain else values
    rows = pl.DataFrame(fixed | extra)
    problem = (
        pl.when(pl.col("time").is_null())
        .then(pl.lit(_NO_TIME))
        .when(pl.col("event").is_null() | (pl.col("event") == ""))
        .then(pl.lit(_NO_EVENT))
        .when(pl.col("user_id").is_null() & pl.col("device_id").is_null())
        .then(pl.lit(_NOBODY))
    )
    problems = rows.select(problem.alias("problem"))["problem"]
    if problems.null_count() == len(problems):
        return rows
    for row in problems.is_not_null().arg_true().to_list():
        reason = str(problems[row])
        tally.skip(reason)
        if tally.wants_example(reason):
            shown = unread[row] if reason == _NO_TIME else None
            tally.example(reason, f"row {first + row + 1}", str(shown or ""))
    return rows.filter(problems.is_null())


def _empty(height: int, dtype: pl.DataType) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, height)


def _ids(values: pl.Series) -> pl.Series:
    if values.dtype.is_float() and values.drop_nulls().is_finite().all():
        # pandas turns whole numbers into floats as soon as one of them is missing.
        values = _whole(values)
    text = values.cast(pl.String)
    return text.set(text == "", None)


def _whole(values: pl.Series) -> pl.Series:
    if (values.abs() > _EXACT).any():
        raise BadInput(
            f"{values.name!r} holds ids beyond 2^53 as floats, which cannot tell "
            "neighbours apart. Read the column as Int64 or as text."
        )
    whole = values.cast(pl.Int64)
    return whole if (whole == values).all() else values


def _sessions(values: pl.Series) -> pl.Series:
    if values.dtype.is_float():
        values = values.cast(pl.Int64, strict=False)
    return session_numbers(values)


def _times(values: pl.Series, tz: str, tally: Tally) -> tuple[pl.Series, pl.Series]:
    """Read a column of times; return UTC times and the column as it was."""
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return _sane(values.dt.convert_time_zone("UTC").dt.cast_time_unit("us")), values
    if dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
        dtype = values.dtype
    if dtype == pl.Datetime or dtype == pl.Date:  # noqa: PLR1714
        return _sane(_localized(values.cast(pl.Datetime("us")), tz, tally)), values
    if dtype.is_numeric():
        return utc_times(values.cast(pl.Int64, strict=False).cast(pl.String)), values
    if dtype != pl.String:
        raise BadInput(
            f"time={values.name!r} is a column of {dtype}. Times are dates, datetimes, "
            "ISO 8601 text, or numbers since the epoch."
        )
    if tz == "UTC":
        return utc_times(values), values
    # Text with an offset or Z says its zone itself; only the rest is local.
    zoned = values.str.contains(r"(Z|[+-]\d{2}:?\d{2})$") | values.str.contains(
        r"^\d{9,}(\.\d+)?$"
    )
    absolute = utc_times(values.set(~zoned, None))
    civil = utc_times(values.set(zoned, None)).dt.replace_time_zone(None)
    local = _localized(civil, tz, tally)
    return absolute.fill_null(_sane(local)), values


def _localized(civil: pl.Series, tz: str, tally: Tally) -> pl.Series:
    frame = civil.alias("at").to_frame()
    if tz != "UTC":
        zoned = frame.select(
            early=pl.col("at").dt.replace_time_zone(
                tz, ambiguous="earliest", non_existent="null"
            ),
            late=pl.col("at").dt.replace_time_zone(
                tz, ambiguous="latest", non_existent="null"
            ),
        )
        tally.note(_AMBIGUOUS, int((zoned["early"] != zoned["late"]).sum()))
        tally.note(_JUMPED, zoned["early"].null_count() - civil.null_count())
    return frame.select(
        localize(pl.col("at"), tz).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    ).to_series()


def _sane(times: pl.Series) -> pl.Series:
    inside = times.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR - 1)
    return times.set(~inside, None)
