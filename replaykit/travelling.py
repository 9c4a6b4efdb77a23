"""Asking beforehand: which recordings travel, and every answer a page will need.

The questions a reader can ask of a figure are put to its `Answers` while the page is
written. Of one source, whoever travels is read once, and every recording is asked about
once, however many points of however many charts lead to it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import polars as pl

from replaykit import one_replay
from replaykit.bundle import pack, unpack
from replaykit.capsule import Blobs, Capsule
from replaykit.errors import ReplayKitError
from replaykit.held import in_memory, people_of
from replaykit.replies import Answers, Microscope, key_of
from replaykit.rows_as_json import list_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from replaykit.capsule import Export
    from replaykit.replies import Watching
    from replaykit.source import Source

#: Replays of one player or home list, and people of one point, that travel at most.
PER_LIST: Final = 10
PER_POINT: Final = 8
#: A saved output without a project behind it stays below this, deflated.
SAVED_BYTES: Final = 250_000
SAVED_POINTS: Final = 12
SAVED_PEOPLE: Final = 3
SAVED_IDS: Final = 5_000

_PLAYABLE: Final = ("ok", "gaps", "short")
_PLAYS: Final = pl.col("status").is_in(_PLAYABLE)


class Travelling(Answers, Protocol):
    """Who answers for a figure that can be brought along: a chart, a list, a player."""

    @property
    def source(self) -> Source:
        """Where its events and recordings lie."""
        ...

    def watched(self, point: object = None, /) -> Watching:
        """Return the replays of a point, or all it plays."""
        ...

    def over(self, source: Source, /) -> Travelling:
        """Return the same, read from a part of the events that holds its own."""
        ...


def planned(
    answers: Travelling, bundle: Mapping[str, Any], export: Export
) -> list[str]:
    """Return the replays that a figure brings to its page, in its own order."""
    if export == "none":
        return []
    match bundle["widget"]:
        case "player":
            return [row["replay_id"] for row in bundle["replays"]][:PER_LIST]
        case "home":
            rows = bundle["home"]["rows"]
            playable = [row["replay"] for row in rows if row["status"] in _PLAYABLE]
            return playable[:PER_LIST]
        case _:
            if export == "shown":
                return []
            return list(
                dict.fromkeys(
                    replay
                    for key in point_keys(bundle)
                    for replay in _played(answers, key).head(export)
                )
            )


def _played(answers: Travelling, key: str) -> pl.Series:
    return answers.watched(key).replays.filter(_PLAYS)["replay_id"]


def collect(
    answers: Travelling,
    bundle: Mapping[str, Any],
    *,
    travelling: Iterable[str],
    blobs: Blobs,
    people: int = PER_POINT,
    once: Once | None = None,
) -> Capsule:
    """Ask everything that a reader of the page can ask of one figure.

    Parameters
    ----------
    answers
        Who answers: live, or a saved output over its project.
    bundle
        The saved form of the figure (`bundle.py`).
    travelling
        The replays that any figure of the page brings; this one plays those it lists.
    blobs
        Where large parts are kept.
    people
        People of each point who travel at most; those with replays go first.
    once
        What figures of the same page have found already.
    """
    chosen = frozenset(travelling)
    once = once or Once()
    once.hold([(answers, bundle)], chosen, people)
    asked = _Asking(once.over(answers), bundle, chosen, blobs, people, once)
    match bundle["widget"]:
        case "player":
            asked.player()
        case "home":
            asked.home()
        case _:
            asked.result()
    return asked.capsule


def point_keys(bundle: Mapping[str, Any]) -> list[str]:
    """Return the keys of the points whose people were saved, in the chart's order."""
    if "points" not in bundle:
        return []
    return [entry["key"] for entry in unpack(bundle["points"])]


def saved_form(answers: Travelling, bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a notebook keeps of a figure: with no project, its answers too."""
    if bundle["project"] is not None:
        return dict(bundle)
    saved = {**bundle, "capsule": freeze(answers, bundle)}
    return {**saved, "order": "largest"} if "order" in bundle else saved


def freeze(answers: Travelling, bundle: Mapping[str, Any]) -> str:
    """Return the ready answers of a figure that has no project to be read from again.

    This happens whenever the figure is displayed, so it is kept short: the largest
    points, few people of each, and as many recordings as stay small.
    """
    kept = dict(bundle)
    if "points" in bundle:
        points = sorted(unpack(bundle["points"]), key=lambda point: -point["users"])
        kept["points"] = pack(points[:SAVED_POINTS])
    listed = planned(answers, kept, 1)
    source = getattr(answers, "source", None)
    known = [] if source is None else source.directory["user_id"].drop_nulls()
    ids = list(known[:SAVED_IDS])
    text = ""
    for count in (len(listed), 3, 1, 0):
        blobs = Blobs()
        capsule = collect(
            answers, kept, travelling=listed[:count], blobs=blobs, people=SAVED_PEOPLE
        )
        text = pack(
            {
                **capsule.to_dict(),
                "title": capsule.title,
                "left_behind": capsule.left_behind,
                "ids": ids,
                "blobs": {
                    name: [base64.b64encode(blob.body).decode("ascii"), blob.label]
                    for name, blob in blobs.parts.items()
                },
            }
        )
        if len(text) <= SAVED_BYTES:
            break
    return text


def thaw(text: str, blobs: Blobs) -> Capsule:
    """Read what `freeze` wrote, and put its large parts beside the page's own."""
    saved = unpack(text)
    for body, label in saved.pop("blobs").values():
        blobs.add(base64.b64decode(body), label)
    return Capsule(**saved)


class _Kept(NamedTuple):
    """A replay as it travels: its plain session, the rows in it, its segments."""

    blob: str
    rows: list[str]
    segments: list[tuple[dict[str, Any], dict[str, Any], list[str]]]


@dataclass(eq=False)
class Once:
    """What all figures of one page ask once: who travels, and each replay."""

    _held: dict[int, tuple[Source, Source]] = field(default_factory=dict)
    _replays: dict[tuple[int, str], _Kept] = field(default_factory=dict)

    def hold(
        self,
        figures: Iterable[tuple[Travelling, Mapping[str, Any]]],
        travelling: Collection[str],
        people: int = PER_POINT,
    ) -> None:
        """Read everybody who travels with these figures, each source once."""
        users: dict[int, list[pl.Series]] = {}
        sources: dict[int, Source] = {}
        for answers, bundle in figures:
            source = answers.source
            if id(source) in self._held:
                continue
            if id(source) not in sources:
                sources[id(source)] = source
                played = pl.col("replay_id").is_in(list(travelling))
                users[id(source)] = [source.catalogue.filter(played)["user"]]
            if isinstance(answers, Microscope):
                keys = point_keys(bundle)
                users[id(source)].append(people_of(answers, keys, people))
        for name, source in sources.items():
            known = pl.concat(users[name]).drop_nulls().unique()
            # The source is kept with it, so that its id stays its own.
            self._held[name] = source, in_memory(source, known)

    def over(self, answers: Travelling) -> Travelling:
        """Return the same answers over the people who are held."""
        return answers.over(self._held[id(answers.source)][1])

    def replay(self, answers: Travelling, replay: str, blobs: Blobs) -> _Kept:
        """Return one replay, asked about and deflated the first time only."""
        if getattr(answers, "tables", ()):
            return _whole(answers, replay, blobs)  # its session holds their rows
        name = id(answers.source), replay
        if name not in self._replays:
            self._replays[name] = _whole(answers, replay, blobs)
        return self._replays[name]


def _whole(answers: Travelling, replay: str, blobs: Blobs) -> _Kept:
    """Ask for one session, less what only this list says of it, and its segments."""
    session = answers.answer("session", {"replay": replay}).data
    events = session["events"]
    plain = {
        **session,
        **one_replay.opening(None, None),
        "events": {**events, "charted": [0] * len(events["id"])},
    }
    who = f"replay of {session['user']} ({replay})"
    segments = []
    for index in range(len(session["segments"])):
        question = {"replay": replay, "index": index}
        reply = answers.answer("segment", question)
        buffers = [blobs.add(bytes(body), who) for body in reply.buffers]
        segments.append((question, reply.data, buffers))
    return _Kept(blobs.add_json(plain, who), events["id"], segments)


@dataclass(eq=False)
class _Asking:
    """One figure being asked."""

    answers: Travelling
    bundle: Mapping[str, Any]
    travelling: frozenset[str]
    blobs: Blobs
    most: int
    once: Once

    def __post_init__(self) -> None:
        self.capsule = Capsule(
            self.bundle["widget"], self.bundle["title"], self.bundle["zone"]
        )

    def player(self) -> None:
        rows = self.answers.answer("playlist", {}).data["rows"]
        kept = [row for row in rows if row["replay"] in self.travelling]
        self._keep("playlist", {}, {"total": len(kept), "rows": kept})
        self.capsule.left_behind = len(rows) - len(kept)
        for row in kept:
            self._replay(row["replay"], None)

    def home(self) -> None:
        saved, last = self.bundle["home"], self.bundle["last"]
        self._keep("home", {"last": last}, saved)
        for row in saved["rows"]:
            if row["replay"] in self.travelling:
                self._replay(row["replay"], None)
        self.capsule.left_behind = len(saved["rows"]) - len(self.capsule.replays)

    def result(self) -> None:
        # What the notebook showed, not what a chart drawn anew would show.
        self._keep("chart", {}, self.bundle["chart"])
        points = unpack(self.bundle["points"])
        for entry in points:
            about = {name: entry[name] for name in entry if name != "units"}
            try:
                self._point(entry["key"], about)
            except ReplayKitError:
                # A user or a replay of this point is gone from the project since.
                self.capsule.left_behind += 1

    def _point(self, key: str, about: dict[str, Any]) -> None:
        recorded = self._users(key, with_replays=True)
        others = self._users(key, with_replays=False)
        people = {row["user"]: row for row in [*recorded, *others]}
        first = list(people.values())[: self.most]
        shown = sorted(first, key=lambda row: (row["first_ms"], row["user"]))
        if len(shown) < about["users"]:
            count = (
                f"the first {len(shown)} of {about['users']:,} users are in this page"
            )
            said = " · ".join(filter(None, (about["subtitle"], count)))
            about = {**about, "subtitle": said}
        self._keep("point", {"key": key}, about)
        for flag in (True, False):
            rows = [row for row in shown if row["replays"] or not flag]
            question = {"key": key, "with_replays": flag}
            self._keep("users", question, {"total": len(rows), "rows": rows})
        playable = self._streams(key, [row["user"] for row in shown])
        replays = self.answers.watched(key).replays
        brought = pl.col("replay_id").is_in(list(self.travelling))
        rows = list_rows(replays.filter(brought & _PLAYS))
        self._keep("playlist", {"point": key}, {"total": len(rows), "rows": rows})
        for name in dict.fromkeys([*(row["replay"] for row in rows), *playable]):
            self._replay(name, key)

    def _users(self, key: str, *, with_replays: bool) -> list[dict[str, Any]]:
        question = {"key": key, "with_replays": with_replays}
        page = {"offset": 0, "limit": self.most}
        rows: list[dict[str, Any]] = self.answers.answer(
            "users", {**question, **page}
        ).data["rows"]
        return rows

    def _streams(self, key: str, users: list[str]) -> list[str]:
        playable = []
        for user in users:
            question = {"key": key, "user": user}
            whole = self.answers.answer("stream", {**question, "whole": True})
            stream = dict(whole.data)
            rows = stream.pop("rows")
            columns = zip(
                rows["id"],
                rows["time_ms"],
                rows["name"],
                rows["props"],
                rows["out_of_session"],
                strict=True,
            )
            for name, *values in columns:
                self.capsule.rows[name] = values
            sessions = [self._session(session) for session in stream["sessions"]]
            playable += [one["replay"] for one in sessions if one["replay"]]
            kept = {
                **stream,
                "sessions": sessions,
                "rows": {name: rows[name] for name in ("id", "charted", "place")},
            }
            self._keep("stream", question, kept)
        return playable

    def _session(self, session: dict[str, Any]) -> dict[str, Any]:
        """Return the head of a stream's session; one not here is told from none."""
        if session["replay"] is None or session["replay"] in self.travelling:
            return session
        return {**session, "replay": None, "elsewhere": True}

    def _replay(self, replay: str, point: str | None) -> None:
        """Keep one session and its segments; what only this point says stands apart."""
        question = (
            {"replay": replay} if point is None else {"replay": replay, "point": point}
        )
        kept = self.once.replay(self.answers, replay, self.blobs)
        said, about = self.answers.watched(point).why(replay)
        charted = [at for at, row in enumerate(kept.rows) if row in about]
        self.capsule.replies[key_of("session", question)] = {
            "blob": kept.blob,
            "said": said,
            "charted": charted,
        }
        if replay in self.capsule.replays:
            return
        self.capsule.replays.append(replay)
        for segment, data, buffers in kept.segments:
            self._keep("segment", segment, data, buffers)

    def _keep(
        self,
        kind: str,
        params: Mapping[str, Any],
        data: Mapping[str, Any],
        buffers: list[str] | None = None,
    ) -> None:
        reply: dict[str, Any] = {"data": dict(data)}
        if buffers:
            reply["buffers"] = buffers
        self.capsule.replies[key_of(kind, params)] = reply
