"""What the look-up widget may ask of a person: their stream, page by page, and charts.

The stream is the one of `Person.stream`: by session, the newest first. Its groups
travel at once as columns, its rows by the page, so that a hundred thousand events stay
light.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

import polars as pl

from replaykit.errors import BadInput, UnknownUser, check_option
from replaykit.replies import Followed, Reply
from replaykit.replies.asked import MOST_ROWS, count_in, inside, text_in, texts_in
from replaykit.rows_as_json import epoch_ms, list_rows, properties, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from replaykit.replies import Watching
    from replaykit.source import Source

#: Charts that can be made of selected events, and of how many at most.
CHARTS: Final = ("segmentation", "funnel", "journeys")
MOST_SELECTED: Final = 10

#: So many created charts stay open.
_KEPT: Final = 8

#: Properties shown beside an event in the info view, at most.
_LATEST: Final = 200


class Looked(Protocol):
    """What is asked of a person (`lookup.Person`)."""

    @property
    def source(self) -> Source:
        """Where their events lie."""
        ...

    @property
    def user(self) -> int:
        """Their number."""
        ...

    @property
    def user_id(self) -> str:
        """Their public id."""
        ...

    @property
    def found_by(self) -> str:
        """Which kind of id was given."""
        ...

    @property
    def profile(self) -> dict[str, Any]:
        """Their latest properties."""
        ...

    @property
    def totals(self) -> dict[str, Any]:
        """What is counted of them."""
        ...

    def stream(self, *, device: str | None = None) -> pl.DataFrame:
        """Return their events by session, newest first."""
        ...

    @property
    def merged_ids(self) -> list[tuple[str, str]]:
        """Other identities that turned out to be theirs: kind and id each."""
        ...

    def insights(self) -> dict[str, Any]:
        """Return their small figures."""
        ...

    def watching(self) -> Watching:
        """Return what a player plays."""
        ...

    def ask(self, question: str, *data: str, **options: str) -> Any:  # noqa: ANN401
        """Ask a question of all events of the project."""
        ...


@dataclass(eq=False)
class LookUp:
    """The answers of a look-up widget; searching moves it to another person.

    Attributes
    ----------
    person
        Who is shown.
    find
        Looks somebody up by any id.
    """

    person: Looked
    find: Callable[[str], Looked]
    _streams: dict[str, _Stream] = field(default_factory=dict)
    _made: dict[str, Followed] = field(default_factory=dict)

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer `person`, `activity`, `rows`, `insights`, `create`, and a player."""
        if "within" in params:
            name, inner = inside(params)
            return self._chart(name).answers.answer(kind, inner)
        match kind:
            case "person":
                return Reply(self._about(params.get("id")))
            case "activity":
                return Reply(self._stream(params).groups())
            case "rows":
                offset, limit = count_in(params, "offset"), count_in(params, "limit")
                page = min(limit, MOST_ROWS)
                return Reply(self._stream(params).page(offset, page))
            case "insights":
                return Reply(self.person.insights())
            case "create":
                name = to_json([text_in(params, "question"), texts_in(params, "rows")])
                made = self._chart(name)
                return Reply({"within": name, "title": made.title, "code": made.code})
            case _:
                return self.person.watching().answer(kind, params)

    def _about(self, given: object) -> dict[str, Any]:
        """Say who it is: totals, latest properties, ids, replays and cohorts."""
        if isinstance(given, str) and given not in ("", self.person.user_id):
            self.person = self.find(given.strip())
            self._streams.clear()
        person, totals = self.person, self.person.totals
        source = person.source
        replays = person.watching().replays
        known = {name: value for name, value in person.profile.items() if value != ""}
        names = self._stream({}).names()
        return {
            "project": source.title,
            "user": person.user_id,
            "found_by": person.found_by,
            "code": f"shop.user({person.user_id!r})",
            "totals": _totals(totals),
            "profile": list(known.items())[:_LATEST],
            "devices": totals["devices"],
            "merged": [list(one) for one in person.merged_ids],
            "names": names,
            "replays": {"total": replays.height, "rows": list_rows(replays)},
            "cohorts": [
                {"name": name, "member": member}
                for name, member in source.cohorts_of(person.user)
            ],
        }

    def _stream(self, params: Mapping[str, Any]) -> _Stream:
        device, only = params.get("device"), texts_in(params, "only")
        edges = [params.get("from_ms"), params.get("until_ms")]
        name = to_json([device, only, edges])
        if name not in self._streams:
            rows = self.person.stream(device=device or None)
            moment = pl.col("time").dt.epoch("ms")
            for edge, met in zip(edges, (moment.__ge__, moment.__lt__), strict=True):
                if isinstance(edge, int):
                    rows = rows.filter(met(edge))
            if only:
                rows = rows.filter(pl.col("event").is_in(only))
            self._streams.clear()
            self._streams[name] = _Stream(self.person, rows)
        return self._streams[name]

    def _chart(self, name: str) -> Followed:
        """Make a chart of selected events, and keep it while it is among the last."""
        if name not in self._made:
            question, rows = json.loads(name)
            self._made[name] = self._create(question, rows)
            while len(self._made) > _KEPT:
                self._made.pop(next(iter(self._made)))
        return self._made[name]

    def _create(self, question: str, rows: list[str]) -> Followed:
        """Ask a question of the selected events, oldest first."""
        check_option("question", question, CHARTS)
        if not 0 < len(rows) <= MOST_SELECTED:
            raise BadInput(
                f"{len(rows)} events are selected; a chart is made of 1 to "
                f"{MOST_SELECTED}."
            )
        stream = self.person.stream()
        chosen = stream.filter(pl.col("row").cast(pl.String).is_in(rows))
        if chosen.height != len(set(rows)):
            raise UnknownUser(f"Some selected events are not of {self.person.user_id}.")
        # The stream is newest first, in the order of time and, on ties, of rows.
        names = chosen.sort("time", "row")["event"].to_list()
        data, options = _arguments(question, names)
        result = self.person.ask(question, *data, **options)
        written = [*map(repr, data), *(f"{k}={v!r}" for k, v in options.items())]
        code = f"shop.events.{question}({', '.join(written)})"
        return Followed(question.capitalize(), code, result.widget._answers)  # noqa: SLF001 - the widget's own answers


def _arguments(question: str, names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return what a question is asked with, of names in the order of time."""
    once = list(dict.fromkeys(names))
    if question == "segmentation":
        return once, {}
    if question == "funnel":
        if len(names) < 2:
            raise BadInput("A funnel has at least two steps: select another event.")
        return names, {"within": "7d"}
    ends = {"start": once[0], "end": once[-1]} if len(once) > 1 else {"start": once[0]}
    return [], ends


def _totals(totals: Mapping[str, Any]) -> list[list[str | int | None]]:
    """Return the counted facts with their words; moments in ms."""
    usage: timedelta = totals["usage"]
    found: list[list[str | int | None]] = [
        ["events", totals["events"]],
        ["sessions", totals["sessions"]],
        ["usage_ms", round(usage.total_seconds() * 1000)],
    ]
    for name in ("first", "last"):
        moment = totals[name]
        found.append([f"{name}_ms", None if moment is None else epoch_ms(moment)])
    found += [[name, totals[name]] for name in ("purchases", "revenue") if totals[name]]
    return found


@dataclass(frozen=True, eq=False)
class _Stream:
    """A stream by session, newest first, ready to be sent."""

    person: Looked
    rows: pl.DataFrame

    def names(self) -> list[list[str | int]]:
        """Return the event names and how often each stands here."""
        counts = self.rows["event"].value_counts(sort=True)
        return [[name, count] for name, count in counts.iter_rows()]

    def groups(self) -> dict[str, Any]:
        """Return the sessions by column, and how many rows there are in all.

        Rows out of session that follow each other are one line: none of them is headed.
        """
        alone = pl.col("session_id").is_null()
        begins = (pl.col("group") != pl.col("group").shift()) & ~(alone & alone.shift())
        groups = (
            self.rows.with_row_index("place")
            .with_columns(run=begins.fill_null(value=True).cum_sum())
            .group_by("run", maintain_order=True)
            .agg(
                pl.col("session_id").first(),
                pl.col("device_id").drop_nulls().first(),
                first_row=pl.col("place").min(),
                rows=pl.len(),
                start=pl.col("time").min(),
                end=pl.col("time").max(),
            )
        )
        replays = self._replays
        found = [replays.get(session) for session in groups["session_id"]]
        return {
            "total": self.rows.height,
            "session": [_text(value) for value in groups["session_id"]],
            "device": groups["device_id"].to_list(),
            "first_row": groups["first_row"].to_list(),
            "rows": groups["rows"].to_list(),
            "start_ms": groups["start"].dt.epoch("ms").to_list(),
            "end_ms": groups["end"].dt.epoch("ms").to_list(),
            "replay": [None if one is None else one["replay_id"] for one in found],
            "replay_start_ms": [
                None if one is None else epoch_ms(one["start"]) for one in found
            ],
            "status": [None if one is None else one["status"] for one in found],
        }

    def page(self, offset: int, limit: int) -> dict[str, Any]:
        """Return some of the rows by column."""
        page = self.rows.slice(offset, limit)
        return {
            "offset": offset,
            "id": [str(row) for row in page["row"]],
            "time_ms": page["time"].dt.epoch("ms").to_list(),
            "name": page["event"].to_list(),
            "active": [int(one) for one in page["active"]],
            "out_of_session": [int(one is None) for one in page["session_id"]],
            "props": [_shown(row) for row in page.iter_rows(named=True)],
        }

    @cached_property
    def _replays(self) -> dict[int, dict[str, Any]]:
        """The replay of each session: a playable one first, then the longest."""
        mine = self.person.source.catalogue.filter(
            pl.col("user") == self.person.user, pl.col("session_id").is_not_null()
        )
        playable = pl.col("status").is_in(["ok", "gaps", "short"])
        best = mine.sort(playable, "length_ms", descending=[True, True]).unique(
            "session_id", keep="first", maintain_order=True
        )
        return {row["session_id"]: row for row in best.iter_rows(named=True)}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: v for name, v in properties(row).items() if name != "group"}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
