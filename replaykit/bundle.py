"""What a displayed widget leaves in the notebook, so that it can be shared later.

Beside the widget itself, every displayed result and player emits its own MIME type. It
survives saving, a dead kernel and nbconvert: what the chart shows, the users of each
point up to a budget, and where the recordings lie. `rk.share` reads it and opens the
project; with no project, `capsule` holds the answers themselves (`settled.md` 2).
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from replaykit.errors import BadInput
from replaykit.microscope import Behind
from replaykit.points import parse_key
from replaykit.redaction.rules import Redaction, redacted
from replaykit.replies import Home, Microscope, Point, Watching
from replaykit.rows_as_json import list_rows
from replaykit.twins import home_twin, player_twin
from replaykit.watchlists import POPULATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from replaykit.source import Source

MIME: Final = "application/vnd.replaykit.v1+json"

#: Points whose people travel, the first people of each, and its charted rows. So many
#: points are looked up when a chart is displayed, and so much is saved of them.
POINTS: Final = 64
POINTS_BYTES: Final = 48_000
USERS_PER_POINT: Final = 8
ROWS_PER_UNIT: Final = 12

#: Replays of a player whose rows of other systems' tables are saved.
TABLED_REPLAYS: Final = 10


def with_bundle(
    widget: object, bundle: Mapping[str, Any], twin: str, text: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add our own MIME type, the script-free twin and a text to a widget's display."""
    if isinstance(widget, tuple):
        data, metadata = dict(widget[0]), dict(widget[1])
    else:
        data, metadata = dict(widget or {}), {}  # type: ignore[call-overload]
    data[MIME] = dict(bundle)
    data["text/html"] = twin
    data["text/plain"] = text
    return data, metadata


def bundle_of_player(watching: Watching) -> dict[str, Any]:
    """Return the saved form of a player: its playlist and where the recordings lie."""
    wanted = ["replay_id", "match", "matched_at", "matched_because"]
    columns = [name for name in wanted if name in watching.replays.columns]
    saved = {
        **_origin(watching.source),
        "widget": "player",
        "because": watching.because,
        "replays": watching.replays.select(columns).to_dicts(),
    }
    if watching.tables:
        # The project does not hold these: the rows of the first replays travel along.
        first = watching.replays["replay_id"].head(TABLED_REPLAYS)
        shown = {one: watching.session(one)["tables"] for one in first}
        saved["tables"] = pack(shown)
    return saved


def bundle_of_home(home: Home) -> dict[str, Any]:
    """Return the saved form of a project's home list."""
    return {
        **_origin(home.source),
        "widget": "home",
        "last": home.last,
        "home": home.answer("home", {"last": home.last}).data,
    }


def bundle_of_result(
    question: str, scope: Microscope, keys: Iterable[str], most: int = POINTS
) -> dict[str, Any]:
    """Return the saved form of a result: its chart, and who is behind its points.

    Parameters
    ----------
    question
        The kind of result.
    scope
        What answers for it.
    keys
        Its points.
    most
        How many of them are saved at most, the latest intervals first; fewer if they
        would take more than `POINTS_BYTES` in a notebook. `of` says how many there are.
    """
    ordered = newest_first(keys)
    people, empty = [], 0
    for key in ordered[:most]:
        behind = scope.behind(key)
        if behind.users == 0:
            empty += 1
            continue
        first = _first_people(behind)
        people.append(
            {
                "key": key,
                **scope.about(key, behind),
                "units": _columns(scope.source, first),
            }
        )
    timed = any(hasattr(parse_key(key), "time_ms") for key in ordered)
    return {
        **_origin(scope.source),
        "widget": "result",
        "question": question,
        "chart": scope.chart(),
        "points": _within(people, POINTS_BYTES * max(1, most // POINTS)),
        "of": len(ordered) - empty,
        "order": "latest" if timed else "first",
    }


def _within(people: list[dict[str, Any]], most: int) -> str:
    """Pack as many of the first points as fit."""
    packed, kept = pack(people), len(people)
    while len(packed) > most and kept > 1:
        kept = max(1, min(kept - 1, kept * most // len(packed)))
        packed = pack(people[:kept])
    return packed


def newest_first(keys: Iterable[str]) -> list[str]:
    """Put the points of the latest interval first; all others keep their order.

    Examples
    --------
    >>> newest_first(["sessions||1000", "sessions||2000"])
    ['sessions||2000', 'sessions||1000']
    """
    return sorted(keys, key=lambda key: -getattr(parse_key(key), "time_ms", 0))


def _first_people(behind: Behind) -> pl.DataFrame:
    """Return the units of a few users, those with replays first."""
    enough = behind.recorded_users >= USERS_PER_POINT
    population = behind.recorded if enough else behind.population
    recorded = behind.watch["user"].unique().implode()
    chosen = (
        population.with_columns(known=pl.col("user").is_in(recorded))
        .sort(["known", "at", "user"], descending=[True, False, False])
        .select(pl.col("user").unique(maintain_order=True).head(USERS_PER_POINT))
    )
    return population.join(chosen, on="user", how="semi").sort("at", "user")


def _columns(source: Source, population: pl.DataFrame) -> dict[str, list[Any]]:
    return {
        "user": source.user_ids(population["user"]).to_list(),
        **{
            name: population[name].dt.epoch("us").to_list()
            for name in ("start", "end", "at")
        },
        "rows": [
            [str(row) for row in rows]
            for rows in population["rows"].list.head(ROWS_PER_UNIT)
        ],
    }


def _origin(source: Source) -> dict[str, Any]:
    project = (
        None
        if source.path is None
        else {"path": source.path, "version": source.version}
    )
    taken_out = source.redaction
    return {
        "v": 1,
        "title": source.title,
        "zone": source.zone,
        "project": project,
        **({} if taken_out is None else {"redaction": taken_out.to_dict()}),
    }


@dataclass(frozen=True, eq=False)
class SavedTable:
    """A table of another system as a saved player showed it, by replay."""

    name: str
    answers: Mapping[str, dict[str, Any]]

    def beside(self, replay: Mapping[str, Any], _shift_ms: int) -> dict[str, Any]:
        """Return the rows saved with one replay, or none."""
        none = {"columns": [], "t": [], "state": [], "rows": [], "total": 0}
        saved = self.answers.get(replay["replay_id"])
        return saved if saved is not None else {"name": self.name, **none}


def saved_tables(bundle: Mapping[str, Any]) -> list[SavedTable]:
    """Return the foreign tables of a saved player."""
    if not bundle.get("tables"):
        return []
    by_replay = unpack(bundle["tables"])
    names = [one["name"] for one in next(iter(by_replay.values()), [])]
    return [
        SavedTable(name, {replay: all_of[i] for replay, all_of in by_replay.items()})
        for i, name in enumerate(names)
    ]


@dataclass(frozen=True, eq=False)
class SavedPoint:
    """A point as it was when its notebook was saved."""

    about: dict[str, Any]
    population: pl.DataFrame


def answers_of(bundle: Mapping[str, Any], source: Source) -> Microscope | Watching:
    """Make a saved bundle answer again, over the project it came from."""
    widget = bundle.get("widget")
    taken_out = bundle.get("redaction")
    if isinstance(taken_out, dict):
        source = redacted(source, Redaction.from_dict(taken_out))
    if widget == "player":
        tables = saved_tables(bundle)
        return Watching(
            source, _playlist(bundle, source), bundle.get("because"), tables
        )
    if widget == "home":
        return Watching(source, source.catalogue)
    if widget != "result":
        raise BadInput(f"A saved output of kind {widget!r} is not known here.")
    points = saved_points(bundle, source)
    return Microscope(
        source,
        lambda: dict(bundle["chart"]),
        lambda key: Behind(source, lambda: _saved(points, key).population),
        lambda key: Point(*(_saved(points, key).about[name] for name in Point._fields)),
    )


def saved_points(bundle: Mapping[str, Any], source: Source) -> dict[str, SavedPoint]:
    """Return the points of a saved result, by key."""
    return {
        entry["key"]: SavedPoint(
            {name: entry[name] for name in entry if name != "units"},
            _population(source, entry["units"]),
        )
        for entry in unpack(bundle["points"])
    }


def _saved(points: dict[str, SavedPoint], key: str) -> SavedPoint:
    if key not in points:
        raise BadInput("The people behind this point were not saved with the notebook.")
    return points[key]


def _population(source: Source, units: Mapping[str, list[Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "user_id": units["user"],
            **{name: units[name] for name in ("start", "end", "at")},
            "rows": [[int(row) for row in rows] for rows in units["rows"]],
        },
        schema_overrides={"user_id": pl.String, "rows": pl.List(pl.Int64)},
    )
    moments = (
        pl.col(name).cast(pl.Datetime("us", "UTC")) for name in ("start", "end", "at")
    )
    return (
        frame.with_columns(moments)
        .join(source.directory.select("user", "user_id"), on="user_id")
        .select(*POPULATION)
    )


def _playlist(bundle: Mapping[str, Any], source: Source) -> pl.DataFrame:
    saved = pl.DataFrame(
        bundle["replays"],
        schema_overrides={
            "replay_id": pl.String,
            "matched_at": pl.Int64,
            "match": pl.String,
            "matched_because": pl.List(pl.String),
        },
    )
    return saved.join(
        source.catalogue, on="replay_id", how="inner", maintain_order="left"
    )


def pack(value: object) -> str:
    """Write JSON small enough to sit in a notebook.

    Examples
    --------
    >>> unpack(pack([{"key": "funnel"}]))
    [{'key': 'funnel'}]
    """
    raw = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def unpack(text: str) -> Any:
    """Read what `pack` wrote."""
    try:
        return json.loads(zlib.decompress(base64.b64decode(text)))
    except (ValueError, zlib.error) as error:
        raise BadInput(
            f"A saved output is damaged ({error}). Run its cell again."
        ) from error


def twin_of_player(watching: Watching) -> str:
    """Return the first replay's moments and events as HTML with no script."""
    replays = list_rows(watching.replays)
    first = watching.session(replays[0]["replay"])
    return player_twin(first, more=len(replays) - 1)


def twin_of_home(home: Home) -> str:
    """Return the home list as HTML with no script and no style."""
    return home_twin(home.answer("home", {"last": home.last}).data)
