"""Anything that holds a table, as a polars frame: of other libraries, and files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit.errors import BadInput
from replaykit.ingest.files import find_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SUFFIXES: Final = (
    ".parquet",
    ".csv",
    ".csv.gz",
    ".tsv",
    ".ndjson",
    ".jsonl",
    ".arrow",
    ".feather",
)
#: What splits the columns of a `.csv` whose header holds no comma.
_SEPARATORS: Final = (";", "\t", "|")


def to_lazy(table: object) -> pl.LazyFrame:
    """Return a LazyFrame of whatever table is given; nothing of it is changed.

    Parameters
    ----------
    table
        A polars frame, a pandas frame (its named index becomes a column), a DuckDB
        relation, any object of the Arrow stream protocol, a dict of columns, a list of
        dicts, or the path of a CSV, Parquet, Arrow or JSON lines file (folder,
        pattern, or several).

    Raises
    ------
    BadInput
        If it is none of these, or cannot be read.
    MissingFile
        If a path does not exist.

    Examples
    --------
    >>> to_lazy({"uid": ["ana"], "n": [1]}).collect().shape
    (1, 2)
    """
    if isinstance(table, pl.LazyFrame):
        return table
    if isinstance(table, pl.DataFrame):
        return table.lazy()
    files = files_of(table)
    if files:
        return scan_files(files)
    try:
        return _foreign(table).lazy()
    # Polars panics on Arrow types that it does not know, such as DuckDB's intervals.
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        TypeError,
        ValueError,
    ) as error:
        raise BadInput(
            f"A {type(table).__module__}.{type(table).__name__} is no table that can "
            f"be read ({error}). Give a polars or pandas frame, an Arrow table, a "
            "DuckDB relation or the path of a file."
        ) from error


def files_of(table: object) -> list[Path]:
    """Return the files that a table is given by; none for a table in memory."""
    if isinstance(table, str | os.PathLike):
        return find_files(table, SUFFIXES)
    if isinstance(table, list | tuple) and table:
        paths = [one for one in table if isinstance(one, str | os.PathLike)]
        if len(paths) == len(table):
            return find_files(paths, SUFFIXES)
    return []


def _foreign(table: object) -> pl.DataFrame:
    if type(table).__module__.partition(".")[0] == "pandas":
        return _from_pandas(table)
    if hasattr(table, "__arrow_c_stream__") or isinstance(table, dict):
        return pl.DataFrame(table)
    if isinstance(table, list) and all(isinstance(row, dict) for row in table):
        # Every row is looked at: a property may first appear in the last one.
        return pl.DataFrame(table, infer_schema_length=None)
    for method in ("pl", "fetch_arrow_table", "arrow", "to_arrow", "collect"):
        convert: Callable[[], object] | None = getattr(table, method, None)
        if callable(convert):
            return pl.DataFrame(convert())  # type: ignore[arg-type]
    raise TypeError("it has no Arrow stream")


def _from_pandas(table: Any) -> pl.DataFrame:
    # A named index is data; an unnamed one only numbers the rows.
    named = any(name is not None for name in table.index.names)
    flat = table.reset_index() if named else table.reset_index(drop=True)
    twice = sorted({str(name) for name in flat.columns[flat.columns.duplicated()]})
    if twice:
        raise ValueError(f"several columns are called {', '.join(twice)}")
    columns: list[pl.Series] = []
    for name in flat.columns:
        values = flat[name]
        kind = str(values.dtype)
        if kind == "category":
            values = values.astype(values.cat.categories.dtype)
            kind = str(values.dtype)
        if kind == "object":
            # Object columns may hold anything; they go through plain Python.
            cells = [None if _missing(cell) else cell for cell in values.tolist()]
            columns.append(_of_cells(str(name), cells))
        else:
            one = pl.from_pandas(values.to_frame(name=str(name)))
            columns.append(one.to_series())
    return pl.DataFrame(columns)


def _of_cells(name: str, cells: list[object]) -> pl.Series:
    try:
        return pl.Series(name, cells, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        texts = [None if cell is None else str(cell) for cell in cells]
        return pl.Series(name, texts, dtype=pl.String)


def _missing(cell: object) -> bool:
    if cell is None:
        return True
    # NaN and NaT do not equal themselves; pd.NA does not say.
    same = cell == cell  # noqa: PLR0124
    return same is False or (not isinstance(same, bool) and not _has_truth(same))


def _has_truth(same: object) -> bool:
    try:
        bool(same)
    except TypeError:
        return False
    except ValueError:
        # An array: a value of its own, compared item by item.
        return True
    return True


def scan_files(paths: Iterable[Path]) -> pl.LazyFrame:
    """Scan table files one after the other; missing columns are null.

    Raises
    ------
    BadInput
        If a file is of no kind that is known, or is damaged.
    """
    scans = [_scan(path) for path in paths]
    return scans[0] if len(scans) == 1 else pl.concat(scans, how="diagonal_relaxed")


def _scan(path: Path) -> pl.LazyFrame:
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    try:
        if name.endswith((".csv", ".tsv")):
            scan = _scan_text(path, "\t" if name.endswith(".tsv") else ",")
        elif name.endswith((".parquet", ".pq")):
            scan = pl.scan_parquet(path)
        elif name.endswith((".ndjson", ".jsonl", ".json")):
            scan = pl.scan_ndjson(path, infer_schema_length=None)
        elif name.endswith((".arrow", ".feather", ".ipc")):
            scan = pl.scan_ipc(path)
        else:
            raise BadInput(
                f"{path.name} is no table: its name ends in none of "
                f"{', '.join(SUFFIXES)}. For an export name its format."
            )
        scan.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(
            f"{path} cannot be read as a table: {error}. Nothing was ingested."
        ) from error
    return scan


def _scan_text(path: Path, separator: str) -> pl.LazyFrame:
    """Scan delimited text; where the comma is decimal, exports are split by `;`."""
    scan = pl.scan_csv(path, separator=separator, infer_schema_length=None)
    header = scan.collect_schema().names()
    if len(header) == 1:
        for other in _SEPARATORS:
            if other in header[0]:
                return pl.scan_csv(
                    path,
                    separator=other,
                    infer_schema_length=None,
                    decimal_comma=other == ";",
                )
    return scan
