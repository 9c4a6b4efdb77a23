"""An Amplitude export (gzip, 2M rows) into a project, beside DuckDB doing the same job.

DuckDB reads the same files with explicit columns, drops rows that come again with the
device and insert id, sorts by person and time, and writes one zstd Parquet file per
partition; it neither resolves identities nor types the properties. The bare parse is
gzip expanded and every line parsed to columns of text, by polars' JSON reader.

`SIZE=500K make bench NAME=ingest_events` sets the number of rows.
"""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path  # noqa: TC003 - a script

import duckdb
import polars as pl
from big_export import build_folder, export
from isal import igzip
from measure import interleaved, report

import replaykit as rk
from replaykit.ingest.amplitude import FORMAT

ROUNDS = int(os.environ.get("ROUNDS", "3"))
BUCKETS = 16
TEXTS = ("event_properties", "user_properties", "groups")
TIMES = (
    "event_time",
    "client_event_time",
    "client_upload_time",
    "server_received_time",
    "server_upload_time",
)


def rows_asked() -> int:
    text = os.environ.get("SIZE", "2M").upper()
    unit = {"K": 1_000, "M": 1_000_000}[text[-1]]
    return int(float(text[:-1]) * unit)


def fields(paths: list[Path]) -> list[str]:
    """Return the fields that the export has, of those that are read here."""
    with igzip.open(paths[0]) as file:
        first = next(iter(file))
    return [name for name in FORMAT.fields if f'"{name}"'.encode() in first]


def duck(paths: list[Path], names: list[str], out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    kinds = dict.fromkeys(names, "VARCHAR")
    kinds |= dict.fromkeys((n for n in names if n in TEXTS), "JSON")
    kinds |= dict.fromkeys((n for n in names if n in TIMES), "TIMESTAMP")
    kinds |= dict.fromkeys(("session_id", "event_id"), "BIGINT")
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    files = ", ".join(f"'{path}'" for path in paths)
    with duckdb.connect() as con:
        con.sql(f"""
            copy (
              select *, hash(coalesce(user_id, device_id)) % {BUCKETS} as bucket
              from read_json([{files}], format='newline_delimited',
                             columns={{{columns}}})
              qualify row_number() over (
                partition by device_id, "$insert_id" order by server_upload_time) = 1
              order by bucket, coalesce(user_id, device_id), event_time
            ) to '{out}' (format parquet, compression zstd, partition_by (bucket))
        """)


def bare_parse(paths: list[Path], names: list[str]) -> int:
    schema = dict.fromkeys(names, pl.String())
    rows = 0
    for path in paths:
        with igzip.open(path) as file:
            rows += pl.read_ndjson(io.BytesIO(file.read()), schema=schema).height
    return rows


def ours(paths: list[Path], folder: Path) -> rk.Project:
    shutil.rmtree(folder, ignore_errors=True)
    shop = rk.create(folder)
    shop.add_events(paths, progress=False)
    return shop


if __name__ == "__main__":
    rows = rows_asked()
    paths = export(build_folder() / f"export-{rows}", rows)
    names = fields(paths)
    beside = build_folder() / f"ingest-{os.getpid()}"
    beside.mkdir(parents=True)
    mine, theirs = beside / "ours.rk", beside / "duck"
    try:
        runs = {
            "duckdb": lambda: duck(paths, names, theirs),
            "ours": lambda: ours(paths, mine),
            "bare": lambda: bare_parse(paths, names),
        }
        taken = interleaved(runs, ROUNDS)
        stored = rk.open(mine)
        kept = duckdb.sql(f"select count(*) from '{theirs}/*/*.parquet'").fetchall()[0][
            0
        ]
        found = stored.names["rows"].sum()
        print(f"{found:,} rows kept here, {kept:,} by DuckDB, of {rows:,}")
        packed = sum(path.stat().st_size for path in paths)
        report(
            "ingest_events",
            {
                "rate_vs_duckdb": taken["duckdb"] / taken["ours"],
                "rate_vs_bare_parse": taken["bare"] / taken["ours"],
                "rows_per_s": rows / taken["ours"],
                "packed_mib_per_s": packed / 2**20 / taken["ours"],
            },
            rows=rows,
            rounds=ROUNDS,
            equal=int(found) == kept,
            seconds=taken,
        )
    finally:
        shutil.rmtree(beside, ignore_errors=True)
