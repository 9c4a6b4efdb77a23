"""Recorded visits as files: analytics in Amplitude's export shape, replays as a zip."""

from __future__ import annotations

import gzip
import json
import random
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from replaykit.demoshop.people import DESKTOPS, FIRST_AMPLITUDE_ID, PHONES, PLACES
from replaykit.demoshop.visitors import NOW, VISITORS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from replaykit.demoshop.itinerary import Visit

_APP: Final = 410_042
_NAMESPACE: Final = uuid.UUID("5a0e6c1e-7d0b-4f0f-9b43-3f6f2a4c8f11")
_REPLAY_ID: Final = "[Amplitude] Session Replay ID"
#: A fixed date inside the zip, so that the same recordings give the same bytes.
_ZIP_DATE: Final = (2026, 3, 31, 18, 0, 0)


def export_rows(visit: Visit, sent: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Complete the rows that the page sent as the collecting server would.

    Adds the `[Amplitude] Replay Captured` row of the session, which the server sends,
    and the warehouse's `Order Shipped` for a purchase, outside any session.
    """
    rng = random.Random(visit.number)
    rows = [_row(visit, row, rng) for row in sent]
    first = rows[0]
    captured = {
        **first,
        "event_type": "[Amplitude] Replay Captured",
        "event_properties": {
            _REPLAY_ID: first["event_properties"][_REPLAY_ID],
            "[Amplitude] Session Recorded": True,
        },
        "user_properties": {},
        "user_id": None,
        "event_id": first["event_id"] + 500,
        "$insert_id": f"{first['$insert_id']}-replay",
        "uuid": _uuid(f"{first['uuid']} replay"),
    }
    rows.insert(1, captured)
    for row in [row for row in rows if row["event_type"] == "Purchase"]:
        later = _parse(row["event_time"]) + timedelta(hours=rng.uniform(20, 50))
        if later < NOW:
            rows.append(_shipped(row, later, rng))
    return rows


def _row(visit: Visit, row: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    person = VISITORS.row(visit.person, named=True)
    place = PLACES[person["place"]]
    device = [*PHONES, *DESKTOPS][visit.device]
    happened = datetime.fromtimestamp(row["client_event_time"] / 1000, UTC)
    uploaded = happened + timedelta(milliseconds=rng.randint(300, 1_000))
    received = uploaded + timedelta(milliseconds=rng.randint(40, 400))
    stored = received + timedelta(milliseconds=rng.randint(100, 900))
    return {
        "event_type": row["event_type"],
        "event_time": _stamp(happened),
        "client_event_time": _stamp(happened),
        "client_upload_time": _stamp(uploaded),
        "server_received_time": _stamp(received),
        "server_upload_time": _stamp(stored),
        "processed_time": _stamp(stored + timedelta(seconds=2)),
        "user_id": row["user_id"],
        "device_id": row["device_id"],
        "amplitude_id": FIRST_AMPLITUDE_ID + visit.person,
        "session_id": row["session_id"],
        "event_id": row["event_id"],
        "$insert_id": row["$insert_id"],
        "uuid": _uuid(row["$insert_id"]),
        "event_properties": row["event_properties"],
        "user_properties": {**row["user_properties"], "channel": person["channel"]},
        "groups": {},
        "group_properties": {},
        "data": {},
        "platform": "Web",
        "os_name": device.os_name,
        "device_type": device.device_type,
        "device_family": device.device_family,
        "country": place.country,
        "region": place.region,
        "city": place.city,
        "language": place.language,
        "version_name": row["version_name"],
        "library": "alder-and-oat/1.4.0",
        "paying": None,
        "app": _APP,
    }


def _shipped(
    purchase: dict[str, Any], moment: datetime, rng: random.Random
) -> dict[str, Any]:
    stamp = _stamp(moment)
    known = purchase["user_id"] is not None
    return {
        **purchase,
        "event_type": "Order Shipped",
        **dict.fromkeys(
            (
                "event_time",
                "client_event_time",
                "client_upload_time",
                "server_received_time",
                "server_upload_time",
                "processed_time",
            ),
            stamp,
        ),
        "device_id": None if known else purchase["device_id"],
        "session_id": -1,
        "event_id": purchase["event_id"] + 1_000,
        "$insert_id": f"{purchase['$insert_id']}-shipped",
        "uuid": _uuid(f"{purchase['uuid']} shipped"),
        "event_properties": {
            "items": purchase["event_properties"]["items"],
            "carrier": rng.choice(("DHL", "DPD", "PostNL")),
        },
        "platform": None,
        "os_name": None,
        "device_type": None,
        "device_family": None,
        "version_name": None,
        "library": "warehouse/2",
    }


def write_events(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write gzipped JSON lines in the order of upload."""
    ordered = sorted(rows, key=lambda row: (row["server_upload_time"], row["uuid"]))
    text = "\n".join(
        json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in ordered
    )
    path.write_bytes(gzip.compress(f"{text}\n".encode(), 9, mtime=0))


def write_replays(path: Path, replays: dict[str, list[Any]]) -> None:
    """Write one deflated `<device>_<session>.json` per recording."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, events in sorted(replays.items()):
            entry = zipfile.ZipInfo(f"{name}.json", _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            text = json.dumps(events, ensure_ascii=False, separators=(",", ":"))
            archive.writestr(entry, text.encode(), compresslevel=9)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _parse(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)


def _uuid(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))
