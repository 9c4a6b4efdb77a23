"""Sessions for the bare page: real recordings, cut small, beside made-up analytics events."""

from __future__ import annotations

import copy
import json
import zlib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from replaykit.replays.keyframes import Limits
from replaykit.replays.reducer import Reducer

DATA = Path(__file__).parents[2] / "data"

NAMES = [
    "Editor Opened",
    "File Selected",
    "Code Typed",
    "Checkout Discount Code Rejected After Validation",
    "Preview Refreshed",
    "Snippet Saved",
]


@cache
def events_of(name: str) -> list[dict[str, Any]]:
    """The rrweb events of a recording under `tests/data`."""
    return json.loads((DATA / f"rrweb_{name}.json").read_text())


@cache
def segments_of(name: str, events_per_segment: int = 60) -> list[dict[str, Any]]:
    """Independent segments of a recording, deflated; cut small so that there are many."""
    reducer = Reducer(limits=Limits(events=events_per_segment))
    # Ingest owns the events it is fed, and changes them.
    own = copy.deepcopy(events_of(name))
    made = [*reducer.feed(own), *reducer.finish()]
    return [
        {
            "start": segment.start,
            "end": segment.end,
            "lead": 0 if segment.genuine else segment.lead,
            "body": zlib.compress(b"".join(segment.parts)),
        }
        for segment in made
    ]


def infos_of(name: str, events_per_segment: int = 60) -> list[dict[str, Any]]:
    """What a session says of its segments."""
    return [
        {key: part[key] for key in ("start", "end", "lead")}
        | {"bytes": len(part["body"])}
        for part in segments_of(name, events_per_segment)
    ]


def session_of(name: str, **changes: Any) -> dict[str, Any]:
    """The reply to `session` for a recording, with a dozen events around it."""
    events = events_of(name)
    start_ms = events[0]["timestamp"]
    length = events[-1]["timestamp"] - start_ms
    meta = next(event["data"] for event in events if event["type"] == 4)
    ids, times, names, props, state, charted = [], [], [], [], [], []
    rows = [
        (-2500.0, 1),
        *((length * i / 24, 0) for i in range(24)),
        (length + 4000, 2),
    ]
    rows.insert(9, (length * 7.4 / 24, 3))
    for i, (t, place) in enumerate(rows):
        ids.append(str(9_007_199_254_740_993 + i))
        times.append(round(t))
        names.append("Basket Expired" if place == 3 else NAMES[i % len(NAMES)])
        props.append(
            {"price": 12.5 * i, "plan": "free" if i % 3 else "pro", "path": f"/p/{i}"}
        )
        state.append(place)
        charted.append(int(i in {5, 11}))
    session = {
        "replay": name,
        "user": "kundenkonto:DE-00081234",
        "country": "Germany",
        "agent": "Chrome, Windows",
        "start_ms": start_ms,
        "length_ms": length,
        "status": "ok",
        "status_detail": None,
        "width": meta["width"],
        "height": meta["height"],
        "segments": infos_of(name),
        "opened_t": None,
        "because": "dropped after Discount Code Entered",
        "match": "covering",
        "shift_ms": 400,
        "pages": [
            {"t": 0, "url": "https://shop.example/", "title": "Hearth & Linen"},
            {
                "t": round(length * 0.2),
                "url": "https://shop.example/p/stoneware-pitcher?glaze=grey",
                "title": "Stoneware pitcher, 1.2 l",
            },
            {
                "t": round(length * 0.6),
                "url": "https://shop.example/cart",
                "title": "Basket",
            },
        ],
        "inactive": _inactive(events),
        "gaps": [],
        "marks": [
            _mark(length * 0.12, "dead", "Dead click \u201cGlaze\u201d"),
            _mark(length * 0.311, "request", "POST /api/discounts/validate \u2192 504"),
            _mark(length * 0.313, "error", "TypeError: r.zone is undefined"),
            _mark(length * 0.315, "rage", "Rage click \u201cApply\u201d", 5),
            _mark(length * 0.9, "error", "<b>not markup</b>"),
        ],
        "console": [
            {"t": round(length * 0.1), "level": "info", "text": "rendered in 41 ms"},
            {
                "t": round(length * 0.313),
                "level": "error",
                "text": "TypeError: r.zone is undefined",
                "source": "https://shop.example/assets/basket.8f21.js:1:2345",
            },
        ],
        "network": [
            {
                "t": round(length * 0.311),
                "method": "POST",
                "url": "https://shop.example/api/discounts/validate",
                "status": 504,
                "duration_ms": 3000,
                "error": True,
            },
            {
                "t": round(length * 0.5),
                "method": "GET",
                "url": "https://shop.example/api/reviews?page=1",
                "status": 200,
                "duration_ms": 340,
                "error": False,
            },
        ],
        "density": _density(events, 180),
        "events": {
            "id": ids,
            "t": times,
            "name": names,
            "props": props,
            "state": state,
            "charted": charted,
        },
        "warnings": ["37 external images not shown"],
    }
    return session | changes


def playlist() -> dict[str, Any]:
    """The reply to `playlist`: both recordings and some that cannot be played."""
    rows = []
    for name, user, status in [
        ("code_editor", "kundenkonto:DE-00081234", "ok"),
        ("todo_app", "anon-7f3e19c2-08d1-4c1e", "ok"),
        ("no_snapshot", "mar\u00eda.fern\u00e1ndez+news", "no_snapshot"),
        ("expired", "<b>bob</b>", "expired"),
    ]:
        known = session_of(name if name in {"code_editor", "todo_app"} else "todo_app")
        rows.append(
            {
                "replay": name,
                "user": user,
                "start_ms": known["start_ms"],
                "length_ms": known["length_ms"],
                "country": "Germany" if status == "ok" else None,
                "signals": ["rage", "error"] if name == "code_editor" else [],
                "activity": known["density"][:48],
                "first_page": "/",
                "status": status,
            }
        )
    return {"total": len(rows), "rows": rows}


def _mark(t: float, kind: str, label: str, count: int = 1) -> dict[str, Any]:
    return {"t": round(t), "kind": kind, "label": label, "count": count}


def _density(events: list[dict[str, Any]], bins: int) -> list[int]:
    start = events[0]["timestamp"]
    length = events[-1]["timestamp"] - start
    counts = [0] * bins
    for event in events:
        counts[min(bins - 1, int((event["timestamp"] - start) / length * bins))] += 1
    most = max(counts)
    return [round((count / most) ** 0.5 * 255) for count in counts]


def _inactive(events: list[dict[str, Any]]) -> list[list[float]]:
    start = events[0]["timestamp"]
    acts = [start] + [
        event["timestamp"]
        for event in events
        if event["type"] == 3 and event["data"]["source"] in {1, 2, 3, 4, 5}
    ]
    acts.append(events[-1]["timestamp"])
    return [[a - start, b - start] for a, b in pairwise(acts) if b - a > 10_000]
