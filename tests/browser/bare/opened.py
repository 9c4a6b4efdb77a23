"""A chart's points, opened: users, streams and replays around a real recording."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from replaykit import charts
from tests.browser.bare.server import STATIC
from tests.browser.bare.sessions import playlist, segments_of, session_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

MARKUP = "<b>bob</b> & $x$"
USERS = [
    "kundenkonto:DE-00081234",
    "1",
    "mar\u00eda.fern\u00e1ndez+news",
    "u/4711#\u03b2",
    "<b>bob</b>",
    "O\u2019Brien, Siobh\u00e1n",
    'tenant=9;"ana"',
    "zo\u00eb@home",
]
RECORDED, EVERYBODY = 1204, 3313
REPLAY = "code_editor"


def funnel() -> go.Figure:
    users = [18204, 7431, 4118, 2287]
    table = pl.DataFrame(
        {
            "step": [1, 2, 3, 4],
            "event": ["Search Submitted", "Add to Cart", "Checkout Started", MARKUP],
            "users": users,
            "share": [number / users[0] for number in users],
            "step_share": [
                None,
                *(b / a for a, b in pairwise(users)),
            ],
            "dropped_before": [
                0,
                *(a - b for a, b in pairwise(users)),
            ],
        }
    )
    return charts.funnel_chart(
        table, title="Funnel \u00b7 4 steps in this order, within 7 days"
    )


def segmentation(groups: int = 2, days: int = 14) -> go.Figure:
    rng = random.Random(groups)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [
        {
            "event": event,
            "country": "(none)" if group == 0 else f"C{group}",
            "time": start + timedelta(days=day),
            "value": rng.randint(50, 90) * (group % 7 + 1),
            "incomplete": day == days - 1,
        }
        for event in ("Search", MARKUP)
        for group in range(groups)
        for day in range(days)
    ]
    return charts.segmentation_chart(pl.DataFrame(rows), by=["country"])


def sessions() -> go.Figure:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    table = pl.DataFrame(
        {
            "time": [start + timedelta(days=day) for day in range(9)],
            "value": [252.0 + 30 * (day % 4) for day in range(9)],
            "incomplete": [day == 8 for day in range(9)],
        }
    )
    return charts.sessions_chart(table, measure="average length")


def tree() -> pl.DataFrame:
    rows = [
        ("1", ["Search"], 0, "Search", "event", 1000),
        ("1.1", ["Search", "View"], 1, "View", "event", 600),
        ("1.2", ["Search", MARKUP], 1, MARKUP, "event", 150),
        ("1.3", ["Search", "other"], 1, "other", "other", 50),
        ("1.4", ["Search", "dropped"], 1, "dropped", "dropped", 200),
        ("1.1.1", ["Search", "View", "Add to Cart"], 2, "Add to Cart", "event", 240),
        ("1.1.2", ["Search", "View", "Search"], 2, "Search", "event", 160),
        ("1.1.3", ["Search", "View", "dropped"], 2, "dropped", "dropped", 200),
        ("1.2.1", ["Search", MARKUP, "View"], 2, "View", "event", 100),
        ("1.2.2", ["Search", MARKUP, "dropped"], 2, "dropped", "dropped", 50),
    ]
    names = ["node", "path", "step", "event", "kind", "users"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    return table.with_columns(share=pl.col("users") / 1000)


def retention() -> go.Figure:
    rows = []
    for cohort in range(7):
        for index in range(8):
            come = index <= 7 - cohort
            rate = 100 * 0.86**index if come else None
            rows.append(
                {
                    "cohort": f"2026-03-{cohort + 1:02}",
                    "offset": index,
                    "users": 200,
                    "returned": round(2 * rate) if rate else 0,
                    "value": rate,
                    "incomplete": index == 7 - cohort,
                }
            )
    return charts.retention_chart(pl.DataFrame(rows))


FIGURES = {
    "funnel": funnel,
    "segmentation": segmentation,
    "forty": lambda: segmentation(20, 8),
    "many": lambda: segmentation(250, 10),
    "sessions": sessions,
    "journeys": lambda: charts.journeys_tree_chart(
        tree(), title="Journeys from Search"
    ),
    "icicle": lambda: charts.journeys_icicle_chart(tree()),
    "sunburst": lambda: charts.journeys_sunburst_chart(tree()),
    "retention": retention,
}


def chart(figure: go.Figure) -> dict[str, Any]:
    plain = json.loads(figure.to_json())
    layout = plain["layout"]
    about = layout["meta"]
    return {
        "figure": plain,
        "title": about["title"],
        "note": about["note"],
        "height": layout["height"],
    }


@dataclass
class Answers:
    """What the page asked, and what it was told."""

    figure: str = "funnel"
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)

    def __call__(self, kind: str, params: dict[str, Any]) -> tuple[Any, list[bytes]]:
        self.asked.append((kind, params))
        if kind in self.failing:
            raise KeyError(kind)
        match kind:
            case "chart":
                return chart(FIGURES[self.figure]()), []
            case "plotly" | "views":
                return {}, [zlib.compress((STATIC / f"{kind}.js").read_bytes())]
            case "point":
                return point(params["key"]), []
            case "users":
                return users(**params), []
            case "stream":
                return stream(params["user"]), []
            case "playlist":
                return playlist(), []
            case "session":
                opened = {"opened_t": 4000} if params.get("point") else {}
                return session_of(params["replay"], **opened), []
            case "segment":
                part = segments_of(params["replay"])[params["index"]]
                return {"start": part["start"], "end": part["end"]}, [part["body"]]
            case "home":
                return home(params["last"]), []
            case "sessions":
                rows = captured(params["offset"], params["limit"])
                return {"total": CAPTURED, "rows": rows}, []
            case _:
                raise KeyError(kind)


def point(key: str) -> dict[str, Any]:
    return {
        "key": key,
        "title": "Dropped after Add to Cart",
        "subtitle": "1 \u2013 31 Mar 2026, 7-day window",
        "code": 'lost = checkout.dropped(after="Add to Cart")',
        "users": EVERYBODY,
        "users_with_replays": RECORDED,
        "replays": 1377,
    }


def users(*, key: str, with_replays: bool, offset: int, limit: int) -> dict[str, Any]:
    total = RECORDED if with_replays else EVERYBODY
    start = session_of(REPLAY)["start_ms"]
    rows = [
        {
            "user": USERS[i] if i < len(USERS) else f"user-{i:05}",
            "country": ["France", "Canada", None][i % 3],
            "replays": 1 + i % 3 if with_replays or i % 4 else 0,
            "first_ms": start + i * 60_000,
            "signals": [["rage", "error"], ["dead"], [], ["request"]][i % 4],
        }
        for i in range(offset, min(total, offset + limit))
    ]
    return {"total": total, "rows": rows}


def stream(user: str) -> dict[str, Any]:
    """Rows before, the recording's own rows, and rows of a session without a recording."""
    if user == USERS[1]:
        raise KeyError(user)
    recorded = session_of(REPLAY)
    start, events = recorded["start_ms"], recorded["events"]
    day = 86_400_000
    before = [
        (str(10 + i), start - day + i * 60_000, "Page Viewed", {"path": "/"})
        for i in (0, 1)
    ]
    inside = [
        (one, start + t, name, props)
        for one, t, name, props in zip(
            events["id"], events["t"], events["name"], events["props"], strict=True
        )
    ]
    after = [("90", start + 8 * day, MARKUP, {"plan": "<i>pro</i>"})]
    rows = [*before, *inside, *after]
    out = [0, 0, *(int(place == 3) for place in events["state"]), 0]
    sessions, at = [], 0
    for name, size, replay in [
        ("100", 2, None),
        ("200", out.index(1) - 2, REPLAY),
        (None, 1, None),
        ("200", len(inside) - (out.index(1) - 2) - 1, REPLAY),
        ("300", 1, None),
    ]:
        sessions.append(
            {
                "session": name,
                "start_ms": rows[at][1],
                "length_ms": rows[at + size - 1][1] - rows[at][1],
                "replay": replay,
                "match": "covering" if replay else None,
                "at_t": 4000 if replay else None,
                "first_row": at,
                "rows": size,
            }
        )
        at += size
    return {
        "user": user,
        "before": 2,
        "within": len(inside),
        "after": 1,
        "sessions": sessions,
        "rows": {
            "id": [row[0] for row in rows],
            "time_ms": [row[1] for row in rows],
            "name": [row[2] for row in rows],
            "props": [row[3] for row in rows],
            "charted": [0, 0, *events["charted"], 0],
            "place": [0, 0, *[1] * len(inside), 2],
            "out_of_session": out,
        },
    }


CAPTURED = 1284


def captured(offset: int, limit: int) -> list[dict[str, Any]]:
    start = session_of(REPLAY)["start_ms"]
    rows = []
    for i in range(offset, min(CAPTURED, offset + limit)):
        rng = random.Random(i)
        real = i < 2
        rows.append(
            {
                "replay": ["code_editor", "todo_app"][i] if real else f"d{i}/100",
                "user": USERS[i % len(USERS)],
                "start_ms": start - i * 400_000,
                "length_ms": rng.randint(5_000, 2_500_000),
                "country": ["Japan", "Germany", None, "Bosnia and Herzegovina"][i % 4],
                "signals": [["rage", "error"], ["dead"], [], ["request", "error"]][
                    i % 4
                ],
                "activity": [rng.choice([0, 0, 40, 120, 255]) for _ in range(48)],
                "first_page": ["/search?q=stoneware", "/", "/p/serving-bowl-ash-glaze"][
                    i % 3
                ],
                "status": "ok"
                if real
                else ["ok", "short", "no_snapshot", "expired"][i % 4],
            }
        )
    return rows


def home(last: str) -> dict[str, Any]:
    some = last != "30d"
    facts = [
        ("1,284", "replays captured, 7 days"),
        ("1,301", "sessions with a replay id, 7 days"),
        ("9,660", "sessions, 7 days"),
        ("4,218,907", "events since 1 Jan 2026"),
        ("83,112", "users"),
        ("90 days", "kept for, from ingestion"),
    ]
    return {
        "title": "shop.rk",
        "zone": "Europe/Paris",
        "span": "25 Feb \u2013 3 Mar 2026",
        "facts": [{"value": value, "label": label} for value, label in facts],
        "total": CAPTURED if some else 0,
        "rows": captured(0, 100) if some else [],
    }
