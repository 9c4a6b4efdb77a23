"""DuckDB and chDB on the same events: on the project's Parquet files, and in tables.

Tables are sorted as the project is, by user and time, and built once under
`build/bench`. Times are whole seconds, in the column `t`.
"""

from __future__ import annotations

import shutil
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final

import duckdb

if TYPE_CHECKING:
    from events import Log

COLUMNS: Final = (
    '"user" u, "time" // 1000000 t, event n, session_id s, "row" r, country c'
)
MERGED: Final = (
    "user u, intDiv(time, 1000000) t, event n, session_id s, row r, country c"
)


class Peers:
    """Both engines, with a view `e` of the files and a sorted table `m`."""

    def __init__(self, log: Log) -> None:
        """Open nothing yet."""
        self.log = log
        self.folder = log.folder.parent / f"{log.folder.stem}.chdb"

    @cached_property
    def duck(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection, made when first asked for."""
        listed = ", ".join(f"'{file}'" for file in self.log.files)
        made = duckdb.connect(str(self.folder.with_suffix(".duckdb")))
        made.sql(
            f"create or replace temp view e as select {COLUMNS} "
            f"from read_parquet([{listed}], hive_partitioning = false)"
        )
        tables = {name for (name,) in made.sql("show tables").fetchall()}
        if "m" not in tables:
            made.sql("create table m as select * from e order by u, t, r")
        return made

    def close(self) -> None:
        """Let other processes open both."""
        self.duck.close()
        if _chdb.cache_info().currsize:
            self.chdb.close()  # type: ignore[attr-defined]

    @property
    def chdb(self) -> object:
        """The chDB session, made when first asked for."""
        return _chdb(self.folder, tuple(self.log.files))

    def sql(self, text: str) -> list[tuple[object, ...]]:
        """Ask DuckDB."""
        return self.duck.sql(text).fetchall()

    def house(self, text: str) -> list[tuple[object, ...]]:
        """Ask chDB; numbers come back as numbers."""
        found = self.chdb.query(text, "CSV")  # type: ignore[attr-defined]
        lines = str(found).splitlines()
        return [tuple(_value(one) for one in line.split(",")) for line in lines]

    @property
    def files(self) -> str:
        """The Parquet files as chDB reads them."""
        globbed = f"{self.log.folder}/events/bucket=*/*.parquet"
        return f"(select {MERGED} from file('{globbed}', Parquet))"


def _value(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text.strip('"')


@cache
def _chdb(folder: object, files: tuple[str, ...]) -> object:
    from chdb import session  # noqa: PLC0415 - optional, and large

    done = folder / "done"  # type: ignore[operator]
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)  # type: ignore[arg-type]
    made = session.Session(str(folder))
    if not done.exists():
        made.query("create database if not exists rk")
        made.query(
            "create table rk.m (u Int32, t Int64, n LowCardinality(String), s Int64, "
            "r Int64, c LowCardinality(String)) engine = MergeTree order by (u, t)"
        )
        for file in files:
            made.query(f"insert into rk.m select {MERGED} from file('{file}', Parquet)")
        made.query("optimize table rk.m final")
        done.touch()
    return made
