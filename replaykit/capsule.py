"""Ready answers: what a page with no kernel will ask, asked beforehand.

A shared page shows the same widgets as a notebook, but nobody answers there. So the
questions its reader can ask are put to an `Answers` object while it is written, and the
replies travel along. Large parts (recordings, sessions) are named by their content, so
that figures that show the same replay share its bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, TypeGuard

import polars as pl

from replaykit.bundle import pack, unpack
from replaykit.errors import ReplayKitError, UnknownOption
from replaykit.replies import Microscope, key_of
from replaykit.rows_as_json import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from replaykit.replies import Answers, Reply
    from replaykit.source import Source

#: What travels: the replays of the players shown (`"shown"`), these and the first so
#: many replays of every point of every chart (a number), or no recording (`"none"`).
Export: TypeAlias = int | Literal["shown", "none"]

#: Replays of one player or home list, and people of one point, that travel at most.
PER_LIST: Final = 10
PER_POINT: Final = 8
#: A saved output without a project behind it stays below this, deflated.
SAVED_BYTES: Final = 600_000
SAVED_POINTS: Final = 12
SAVED_PEOPLE: Final = 3
SAVED_IDS: Final = 5_000

_PLAYABLE: Final = ("ok", "gaps", "short")


class Blob(NamedTuple):
    """Deflated bytes, and what they are in words."""

    body: bytes
    label: str


@dataclass(eq=False)
class Blobs:
    """The large parts of a page, each once, under the hash of its content."""

    parts: dict[str, Blob] = field(default_factory=dict)

    def add(self, body: bytes, label: str) -> str:
        """Keep deflated bytes and return their name."""
        name = hashlib.sha256(body).hexdigest()[:20]
        self.parts.setdefault(name, Blob(body, label))
        return name

    def json(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return a JSON value by its name."""
        return json.loads(zlib.decompress(self.parts[name].body))

    def add_json(self, value: object, label: str) -> str:
        """Keep a JSON value and return its name."""
        return self.add(zlib.compress(to_json(value).encode(), 9), label)


@dataclass(eq=False)
class Capsule:
    """The ready answers of one figure.

    `replies` maps a question to `{"data": …}`, or to `{"blob": name}` with the few
    fields of a session that depend on who asks; `buffers` names its bytes. The rows of
    streams stand once in `rows`, by id, because the same person stands behind many
    points.
    """

    kind: str
    title: str
    zone: str
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, list[Any]] = field(default_factory=dict)
    #: Replays this figure can play, in the order in which it lists them.
    replays: list[str] = field(default_factory=list)
    #: Replays it lists or points it draws that stay behind.
    left_behind: int = 0
    #: Ids of users of a source that is gone, for a page that is masked later.
    ids: list[str] = field(default_factory=list)
    #: A chart of the author's own: nothing stands behind its points.
    plain: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return what the page's runtime reads."""
        return {
            "kind": self.kind,
            "zone": self.zone,
            "replies": self.replies,
            "rows": self.rows,
            "replays": self.replays,
            **({"plain": True} if self.plain else {}),
        }


def check_export(export: object) -> None:
    """Raise `UnknownOption` unless `export` says what travels.

    Examples
    --------
    >>> check_export("shown")
    >>> check_export(3)
    """
    if export in ("shown", "none"):
        return
    if isinstance(export, int) and not isinstance(export, bool) and export > 0:
        return
    raise UnknownOption(
        f"export={export!r} is not an option. export is 'shown' (the replays of the "
        "players), a number (these, and so many per point of each chart) or 'none'."
    )


def planned(answers: Answers, bundle: Mapping[str, Any], export: Export) -> list[str]:
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
                    row["replay"]
                    for key in point_keys(bundle)
                    for row in _playlist(answers, key)[:export]
                )
            )


def collect(
    answers: Answers,
    bundle: Mapping[str, Any],
    *,
    travelling: Iterable[str],
    blobs: Blobs,
    people: int = PER_POINT,
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
    """
    asked = _Asking(answers, bundle, frozenset(travelling), blobs, people)
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


def saved_form(answers: Answers, bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a notebook keeps of a figure: with no project, its answers too."""
    if bundle["project"] is not None:
        return dict(bundle)
    return {**bundle, "capsule": freeze(answers, bundle)}


def freeze(answers: Answers, bundle: Mapping[str, Any]) -> str:
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


@dataclass(eq=False)
class _Asking:
    """One figure being asked."""

    answers: Answers
    bundle: Mapping[str, Any]
    travelling: frozenset[str]
    blobs: Blobs
    most: int

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
        keys = [entry["key"] for entry in points]
        self.answers = _narrowed(self.answers, keys, self.most)
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
        listed = _playlist(self.answers, key)
        rows = [row for row in listed if row["replay"] in self.travelling]
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
        session = self.answers.answer("session", question).data
        said = {name: session[name] for name in ("opened_t", "match", "because")}
        events = session["events"]
        charted = [i for i, hit in enumerate(events["charted"]) if hit]
        plain = {
            **session,
            **dict.fromkeys(said),
            "events": {**events, "charted": [0] * len(events["id"])},
        }
        who = f"replay of {session['user']} ({replay})"
        self.capsule.replies[key_of("session", question)] = {
            "blob": self.blobs.add_json(plain, who),
            "said": said,
            "charted": charted,
        }
        if replay in self.capsule.replays:
            return
        self.capsule.replays.append(replay)
        for index in range(len(session["segments"])):
            segment = {"replay": replay, "index": index}
            reply = self.answers.answer("segment", segment)
            self._keep("segment", segment, reply.data, self._buffers(reply, who))

    def _buffers(self, reply: Reply, label: str) -> list[str]:
        return [self.blobs.add(bytes(body), label) for body in reply.buffers]

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


def _playlist(answers: Answers, key: str) -> list[dict[str, Any]]:
    rows = answers.answer("playlist", {"point": key}).data["rows"]
    return [row for row in rows if row["status"] in _PLAYABLE]


def _narrowed(answers: Answers, keys: list[str], most: int) -> Answers:
    """Return the same answers over the rows of the people who travel, held in memory.

    A page asks some hundred small questions about few people; each would otherwise
    read the project again.
    """
    if not isinstance(answers, Microscope):
        return answers
    if not keys:
        return answers
    recorded = answers.source.catalogue["user"].drop_nulls().unique().implode()
    chosen = []
    for key in keys:
        people = answers.behind(key).population.sort("at", "user").select("user")
        unique = people.unique(maintain_order=True)
        chosen += [
            unique.head(most),
            unique.filter(pl.col("user").is_in(recorded)),
        ]
    users = pl.concat(chosen)["user"].unique()
    return answers.over(_in_memory(answers.source, users))


def _is_frame(found: pl.DataFrame | None) -> TypeGuard[pl.DataFrame]:
    return found is not None


def _in_memory(source: Source, users: pl.Series) -> Source:
    held = source.scan(None, users=users.to_list()).collect()
    of_user = held.partition_by("user", as_dict=True)

    def scan(
        properties: Iterable[str] | None,
        users: Iterable[int] | None = None,
        *,
        buckets: Iterable[int] | None = None,
    ) -> pl.LazyFrame:
        del properties, buckets  # all are held, in one piece
        if users is None:
            return held.lazy()
        found = [of_user.get((user,)) for user in users]
        return pl.concat([held.clear(), *filter(_is_frame, found)]).lazy()

    narrow = replace(source, scan=scan, known=None, held={})
    # The catalogue is worked out from all rows, so it is taken over, not derived again.
    narrow.__dict__["catalogue"] = source.catalogue
    return narrow
