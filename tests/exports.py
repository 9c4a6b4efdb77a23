"""Write Amplitude exports that tell a story, and read back what the store made of them."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import polars as pl

from replaykit.ingest import AmplitudeExport
from replaykit.store import open_store

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
DATA = Path(__file__).parent / "data"


def stamp(at):
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def event(minute, name, user=None, device=None, *, n=None, **fields):
    """Return one exported event; arrival follows the minute unless said otherwise."""
    at = START + timedelta(minutes=minute)
    upload = fields.pop("upload", minute)
    number = minute if n is None else n
    return {
        "event_type": name,
        "event_time": stamp(at),
        "client_event_time": stamp(at),
        "server_upload_time": stamp(START + timedelta(minutes=upload)),
        "user_id": user,
        "device_id": device,
        "event_id": int(minute * 1000),
        "$insert_id": f"{device}/{number}",
        "uuid": f"uuid-{device}-{number}",
        "session_id": -1,
        "event_properties": {},
        "user_properties": {},
        **fields,
    }


def lines(events):
    return b"\n".join(orjson.dumps(one) for one in events) + b"\n"


def export(folder, events, name="export.json"):
    """Write events as a file whose form is told by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    raw = lines(events)
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("1/part.json.gz", gzip.compress(raw))
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(raw))
    else:
        path.write_bytes(raw)
    return path


def ingest(folder, paths):
    return open_store(folder).ingest(AmplitudeExport(paths, progress=False))


def truth(folder, properties=None):
    """Return the sorted rows with public ids and without numbers given by the store."""
    store = open_store(folder)
    frame = store.scan(properties).join(
        store.directory.lazy().select("user", "user_id"), on="user"
    )
    named = frame.with_columns(user=pl.col("user_id")).drop("user_id")
    rows = named.sort("user", "time", "row").drop("row").collect()
    return rows.select(*sorted(rows.columns))


def column(folder, *names):
    store = open_store(folder)
    people = store.directory.select("user", public="user_id")
    frame = (
        store.scan().collect().join(people, on="user", how="left").sort("time", "row")
    )
    return frame.select(
        *[pl.col("public").alias("user") if name == "user" else name for name in names]
    ).rows()


def gz_bytes(raw):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as file:
        file.write(raw)
    return buffer.getvalue()
