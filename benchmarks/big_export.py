"""An Amplitude export of any size, as like a real one as random numbers allow.

Ids are random (they do not compress), one row in a hundred comes again with the same
insert id, and a fifth of the rows is anonymous until its device logs in.
"""

from __future__ import annotations

import gzip
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

PART = 250_000
DAYS = 90
START_US = 1_767_225_600_000_000  # 2026-01-01
NAMES = [
    "Page Viewed",
    "Product Viewed",
    "Search",
    "Add to Cart",
    "Purchase",
    "Checkout Started",
    "Sign Up",
    "Video Played",
    *(f"Feature {number:02} Used" for number in range(32)),
]
COUNTRIES = ["Germany", "France", "Spain", "Italy", "Poland", "Japan", "Brazil"]


def export(folder: Path, rows: int, per_user: int = 50) -> list[Path]:
    """Write the export once, in files of `PART` rows; return the files."""
    done = folder / "done"
    paths = [folder / f"{n:03}.json.gz" for n in range(-(-rows // PART))]
    if done.exists():
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    users = max(1, rows // per_user)
    with ThreadPoolExecutor(2) as threads:
        list(
            threads.map(
                lambda n: part(paths[n], min(PART, rows - n * PART), users, n),
                range(len(paths)),
            )
        )
    done.touch()
    return paths


def part(path: Path, rows: int, users: int, number: int) -> None:
    if path.exists():
        return
    rng = np.random.default_rng(number)
    again = rows // 100
    frame = _rows(rng, rows - again, users)
    frame = pl.concat([frame, frame.sample(again, seed=number)])
    plain = path.with_suffix(".part")
    frame.write_ndjson(plain)
    packed = path.with_suffix(".part.gz")
    try:
        subprocess.run(["gzip", "-6", "-f", str(plain)], check=True)
    except FileNotFoundError:
        packed.write_bytes(gzip.compress(plain.read_bytes(), 6))
        plain.unlink()
    packed.rename(path)


def _rows(rng: np.random.Generator, rows: int, users: int) -> pl.DataFrame:
    person = (rng.pareto(1.2, rows) * users / 8).astype(np.int64) % users
    weight = 1 / np.arange(1, len(NAMES) + 1)
    name = rng.choice(len(NAMES), rows, p=weight / weight.sum())
    session = rng.integers(0, 30, rows)
    base = START_US + (person * 7919 + session * 104_729) % (DAYS * 1440) * 60_000_000
    at = base + rng.integers(0, 1_200_000_000, rows)
    stamp = "%Y-%m-%d %H:%M:%S.%6f"

    def moment(values: np.ndarray) -> pl.Series:
        return pl.Series(values).cast(pl.Datetime("us")).dt.to_string(stamp)

    def hexes(width: int) -> pl.Series:
        parts = [
            pl.Series(rng.integers(0, 2**31, rows)).cast(pl.String).str.zfill(10)
            for _ in range(width)
        ]
        return pl.select(pl.concat_str(parts, separator="-")).to_series()

    devices = pl.Series(person * 3 % (users * 2)).cast(pl.String).str.zfill(12)
    named = rng.random(rows) > 0.2
    buys = name == 4
    frame = pl.DataFrame(
        {
            "$insert_id": hexes(3),
            "app": 410_042,
            "city": pl.Series(person % 300).cast(pl.String),
            "client_event_time": moment(at),
            "client_upload_time": moment(at + 500_000),
            "country": pl.Series(COUNTRIES).gather(person % len(COUNTRIES)),
            "device_family": "Mac OS X",
            "device_id": "device-" + devices + "-a1",
            "device_type": "Apple",
            "event_id": rng.integers(1, 10**7, rows),
            "event_time": moment(at),
            "event_type": pl.Series(NAMES).gather(name),
            "ip_address": pl.Series(person % 250).cast(pl.String) + ".168.10.4",
            "language": "English",
            "library": "amplitude-ts/2.11.1",
            "os_name": "Chrome",
            "os_version": "126",
            "platform": "Web",
            "processed_time": moment(at + 3_000_000),
            "region": "Region " + pl.Series(person % 40).cast(pl.String),
            "server_received_time": moment(at + 700_000),
            "server_upload_time": moment(at + 900_000),
            "session_id": base // 1000,
            "uuid": hexes(4),
            "version_name": None,
            "page": "/p/" + pl.Series(rng.integers(0, 500, rows)).cast(pl.String),
            "price": pl.Series(rng.integers(100, 99_999, rows) / 100),
            "position": rng.integers(0, 50, rows),
            "term": "red shoes " + pl.Series(rng.integers(0, 99, rows)).cast(pl.String),
            "plan": pl.Series(["free", "pro", "team"]).gather(person % 3),
            "age": person % 60 + 18,
            "user_id": pl.Series(person).cast(pl.String),
            "named": named,
            "buys": buys,
        }
    )
    event_properties = pl.struct(
        pl.col("page").alias("page"),
        pl.col("price"),
        pl.col("position"),
        pl.col("term").alias("search term"),
        pl.lit("[Amplitude] web").alias("source"),
        pl.col("buys").alias("paid"),
    )
    return frame.with_columns(
        user_id=pl.when("named").then("user-" + pl.col("user_id")),
        event_properties=event_properties,
        user_properties=pl.struct("plan", "age"),
        groups=pl.struct(pl.col("plan").alias("team")),
    ).drop("page", "price", "position", "term", "plan", "age", "named", "buys")


def build_folder() -> Path:
    """Return where benchmarks keep what they build once."""
    given = os.environ.get("BENCH_DATA")
    return Path(given) if given else Path(__file__).parent.parent / "build" / "bench"
