"""Replays to watch, and what a player asks of them."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import polars as pl

from replaykit import one_replay
from replaykit.errors import ReplayKitError, UnknownOption, UnknownReplay
from replaykit.replays.anatomy import report
from replaykit.replies.asked import Reply, count_in, counts_in, text_in, unknown
from replaykit.rows_as_json import list_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replaykit.replies.asked import Answers
    from replaykit.source import Source

CANNOT_GROW: Final = (
    "Only a project's recordings grow; those of a frame were read once. Add the files "
    "to a project (shop = rk.create(…), shop.add_replays(…)) and follow shop.replays."
)
#: What a player asks.
KINDS: Final = ("session", "segment", "segments", "growth", "playlist", "anatomy")


#: A first segment beyond this is asked for: a widget's state is no place for it.
OPENING_BYTES: Final = 2**20
#: A longer list of replays is asked for, too.
OPENING_ROWS: Final = 200

#: Segments sent in one answer.
MOST_SEGMENTS: Final = 8


class SideTable(Protocol):
    """A table of another system, on the clock of a replay."""

    def beside(self, replay: Mapping[str, Any], shift_ms: int) -> dict[str, Any]:
        """Return the rows around one replay, as its panel shows them."""
        ...


@dataclass(frozen=True, eq=False)
class Watching:
    """A list of replays to watch, with the reason for each.

    Parameters
    ----------
    source
        Where the replays lie.
    replays
        Rows of the catalogue, in the order of the playlist. `matched_at`, `match` and
        `matched_because` are used where present.
    because
        A sentence that says what these replays have in common.
    tables
        Tables of other systems, each a panel beside the events.
    """

    source: Source
    replays: pl.DataFrame
    because: str | None = None
    tables: Sequence[SideTable] = ()
    _seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    _grown: list[Source] = field(default_factory=list)
    _people: dict[str, Answers] = field(default_factory=dict)

    @property
    def now(self) -> Source:
        """The state that answers come from: the one given, or a newer one followed."""
        return self._grown[0] if self._grown else self.source

    def _matched(self, replay: str) -> dict[str, Any] | None:
        if "matched_at" not in self.replays.columns:
            return None
        found = self.replays.filter(pl.col("replay_id") == replay).head(1)
        return next(found.iter_rows(named=True), None)

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer what a player asks: one of `KINDS`."""
        if "person" in params:
            return self._about(params).answer(kind, _without(params, "person"))
        match kind:
            case "session":
                return Reply(self.session(text_in(params, "replay")))
            case "segment":
                return self._segment(
                    text_in(params, "replay"), count_in(params, "index")
                )
            case "growth":
                return self._growth(
                    text_in(params, "replay"),
                    count_in(params, "length_ms"),
                    count_in(params, "segments"),
                )
            case "segments":
                replay = text_in(params, "replay")
                wanted = counts_in(params, "indexes")[:MOST_SEGMENTS]
                bodies = [self._segment(replay, one).buffers[0] for one in wanted]
                return Reply({}, tuple(bodies))
            case "playlist":
                rows = list_rows(self.replays)
                return Reply({"total": len(rows), "rows": rows})
            case "anatomy":
                found = one_replay.explain(self.now, text_in(params, "replay"))
                return Reply(report(found))
            case _:
                return unknown(kind, KINDS)

    def opening(self, replay: str, t: float) -> list[dict[str, Any]]:
        """Return what a player asks first, answered before it is asked.

        A position's page needs the session and one segment; what cannot be answered is
        left out, and says why when it is asked for.
        """
        answers = []
        with suppress(ReplayKitError):
            session = self.session(replay)
            answers.append(_ready("session", {"replay": replay}, Reply(session)))
            if self.replays.height <= OPENING_ROWS:
                answers.append(_ready("playlist", {}, self.answer("playlist", {})))
            segments = session["segments"]
            starts = [one["start"] for one in segments]
            first = starts[0] if starts else 0
            # A page at t is made by what came strictly before it.
            index = max(0, bisect_left(starts, max(t, first)) - 1)
            if segments and segments[index]["bytes"] <= OPENING_BYTES:
                asked = {"replay": replay, "index": index}
                answers.append(_ready("segment", asked, self._segment(replay, index)))
        return answers

    def session(self, replay: str) -> dict[str, Any]:
        """Return what the player shows of one replay; the last one is kept."""
        if replay not in self._seen:
            matched = self._matched(replay)
            answer = one_replay.session(
                self.now,
                replay,
                matched=matched,
                because=self.because if matched else None,
            )
            if self.tables:
                row, shift = self.now.replay(replay), answer["shift_ms"]
                answer["tables"] = [one.beside(row, shift) for one in self.tables]
            answer["look_up"] = self.now.person is not None
            self._seen.clear()
            self._seen[replay] = answer
        return self._seen[replay]

    def why(self, replay: str) -> tuple[dict[str, Any], set[str]]:
        """Return what only this list says of a replay, and the rows it is about."""
        matched = self._matched(replay)
        because = self.because if matched else None
        return one_replay.opening(matched, because), one_replay.charted_rows(matched)

    def watched(self, _point: object = None) -> Watching:
        """Return what is played: this list."""
        return self

    def over(self, source: Source) -> Watching:
        """Return the same list, read from a part of the events that holds its own."""
        return replace(self, source=source, _seen={}, _grown=[], _people={})

    def _about(self, params: Mapping[str, Any]) -> Answers:
        """Return what answers about a person; the last one is kept."""
        user = text_in(params, "person")
        if self.now.person is None:
            raise UnknownOption("Only a project looks people up: shop.user(id).")
        if user not in self._people:
            self._people.clear()
            self._people[user] = self.now.person(user)
        return self._people[user]

    def _growth(self, replay: str, length_ms: int, segments: int) -> Reply:
        """Answer with the session as it is now, or nothing if it has not grown.

        Whoever added to the recording, in this process or in another one: the catalogue
        of the recordings is read, and all else only when it tells of more.
        """
        if self.now.recordings is None or self.now.again is None:
            raise UnknownOption(CANNOT_GROW)
        if self.now.recordings.extent(replay) == (length_ms, segments):
            return Reply({"session": None})
        self._grown[:] = [self.now.again()]
        self._seen.clear()
        return Reply({"session": self.session(replay)})

    def _segment(self, replay: str, index: int) -> Reply:
        if self.now.recordings is None:
            raise UnknownReplay(f"No replay {replay!r}: there are no recordings.")
        row = self.now.replay(replay)
        if row["status"] == "expired":
            days = self.now.kept_days(row["ingested"])
            raise UnknownReplay(
                f"Replay {replay!r} has expired: recordings are kept for {days} days."
            )
        body = self.now.recordings.segment(replay, index)
        return Reply({"replay": replay, "index": index}, (body,))


def _ready(kind: str, params: dict[str, Any], reply: Reply) -> dict[str, Any]:
    return {
        "kind": kind,
        "params": params,
        "data": reply.data,
        "buffers": list(reply.buffers),
    }


def _without(params: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key != name}
