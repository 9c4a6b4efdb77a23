"""The replay player: a recording, its timeline and its event table, on one clock."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

import polars as pl
import traitlets

from replaykit.bundle import bundle_of_player, twin_of_player, with_bundle
from replaykit.errors import (
    BadInput,
    BadTime,
    UnknownEvent,
    UnknownReplay,
    did_you_mean,
)
from replaykit.foreign import read_tables
from replaykit.replays.offsets import current
from replaykit.replies import Watching
from replaykit.replies.watching import CANNOT_GROW
from replaykit.timeline import instant, microseconds
from replaykit.travelling import saved_form
from replaykit.widgets.notes import Note, checked, notes_frame, read_notes
from replaykit.widgets.view import View
from replaykit.wording import clock, count_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from replaykit.sharing import SharedPage
    from replaykit.sharing.filmstrip import Filmstrip

#: How much of the past `Player.window` lists.
WINDOW_MS: Final = 10_000

#: Recordings are read with this threshold; longer ones are chosen among what it found.
_INACTIVE_MS: Final = 10_000

_STATES: Final = ("recorded", "before", "after", "out of session")


class Watchable(Protocol):
    """Users, replays, or anything else that names replays to watch."""

    def watching(self) -> Watching:
        """Return the replays in the order in which to watch them."""
        ...


class Player(View):
    """Watch replays beside their events, synced both ways.

    Parameters
    ----------
    replays
        `Users`, `Replays`, one row of them, or a list of these.
    tables
        Frames of other systems (polars, pandas, Arrow, …) by the word on their tab,
        each a panel on the same clock. Their moments are in a column `time` (or the
        only column of moments); a column `user` or `replay_id` keeps the rows of
        whoever is on screen. Moments without a zone are read in the project's.
    notes
        Notes to go on from: a frame with `replay_id`, `time_ms` and `text`, as
        `Player.notes` is.
    inactive
        How long nobody must have acted for a stretch to be inactive, from `"10s"` on:
        it is drawn as a band and jumped over. Exactly so long is not yet inactive.
    follow
        Go on as the recording grows: what `shop.add_replays` adds to it, here or in
        another process, is shown when it comes, and playing waits at its end for more.

    Attributes
    ----------
    time_ms
        Position in whole milliseconds from the first recorded event; set it to seek.
    playing, speed
        Whether time runs, and how fast (0.5 to 16).
    session
        Id of the replay on screen; set it to change over.
    event
        Id of the event row under the playhead, `""` before the first.
    window
        What is on screen, to read and observe: `url` and `title` of the page, and
        `events`, those of the last ten seconds as `{"event", "t", "row"}`, oldest
        first, `t` in milliseconds from the first recorded event.
    inactive_ms
        The threshold of inactive stretches in milliseconds.
    note_list
        The notes as they are synced: `{"replay", "t", "text"}` each, in the order of
        writing. Observe it; read them as `notes`.
    follow
        Whether the player looks for what is added to the recording on screen.

    Raises
    ------
    UnknownReplay
        If there is nothing to watch, or `session` is set to no replay.
    UnknownProperty
        If a table has no column of moments, or notes lack a column.
    BadInput, BadDuration
        If `replays` names no replays, `inactive` is no duration from `"10s"` on, or
        `follow` is asked of recordings that lie in no project.

    Examples
    --------
    >>> import replaykit as rk
    >>> player = rk.Player(rk.demo().replays)
    >>> player.time_ms
    0
    >>> sorted(player.window)
    ['events', 'title', 'url']
    """

    window: traitlets.Dict[str, Any] = traitlets.Dict(read_only=True)
    inactive_ms = traitlets.Int(_INACTIVE_MS).tag(sync=True)
    note_list: traitlets.List[Note] = traitlets.List(traitlets.Dict()).tag(sync=True)
    follow = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(
        self,
        replays: Watchable | Watching | Sequence[Watchable],
        *,
        tables: Mapping[str, object] | None = None,
        notes: object = None,
        inactive: str = "10s",
        follow: bool = False,
    ) -> None:
        watching = _watching(replays)
        playlist = watching.replays["replay_id"].to_list()
        if not playlist:
            raise UnknownReplay(
                "There is no replay to watch here. Users.replays shows which users "
                "were recorded; shop.replays lists all recordings."
            )
        if tables:
            read = read_tables(tables, watching.source.zone)
            watching = replace(watching, tables=read, _seen={}, _grown=[], _people={})
        self._watching = watching
        first = watching.replays.row(0, named=True)
        super().__init__(
            watching,
            kind="player",
            zone=watching.source.zone,
            replays=playlist,
            session=playlist[0],
            time_ms=int(first.get("matched_at") or 0),
            inactive_ms=microseconds(inactive) // 1000,
            note_list=read_notes(notes),
            follow=follow,
        )

    def _first_answers(self) -> list[dict[str, Any]]:
        if not self.session:
            return []
        return self._watching.opening(self.session, self.time_ms)

    @traitlets.default("window")
    def _first_window(self) -> dict[str, Any]:
        return self._look()

    @traitlets.validate("session")
    def _known_session(self, proposal: traitlets.Bunch) -> str:
        name: str = proposal["value"]
        if name:
            self._watching.now.replay(name)
        return name

    @traitlets.validate("inactive_ms")
    def _long_enough(self, proposal: traitlets.Bunch) -> int:
        length: int = proposal["value"]
        if length < _INACTIVE_MS:
            raise BadInput(
                f"inactive={length / 1000:g} s is too short: recordings are read with "
                "a threshold of 10 s, and shorter stretches were not kept. Give '10s' "
                "or longer."
            )
        return length

    @traitlets.validate("follow")
    def _can_follow(self, proposal: traitlets.Bunch) -> bool:
        wanted: bool = proposal["value"]
        if wanted and self._watching.source.again is None:
            raise BadInput(CANNOT_GROW)
        return wanted

    @traitlets.observe("time_ms", "session")
    def _moved(self, _change: object) -> None:
        """Keep `event` and `window` in step, with a front end or without one."""
        if self.session:
            window = self._look()
            if window != self.window:
                self.set_trait("window", window)

    def _look(self) -> dict[str, Any]:
        answer = self._watching.session(self.session)
        beside, pages = answer["events"], answer["pages"]
        at, now = self.time_ms, max(0, self.time_ms)
        # Rows of other sessions stand between them and never are under the playhead.
        mine = [i for i, state in enumerate(beside["state"]) if state == 0]
        times = [beside["t"][i] for i in mine]
        found = current(times, at, answer["length_ms"])
        self.event = "" if found < 0 else beside["id"][mine[found]]
        page = bisect_right([page["t"] for page in pages], now) - 1
        shown = pages[max(page, 0)] if pages else {"url": "", "title": ""}
        recent = mine[bisect_left(times, at - WINDOW_MS) : bisect_right(times, at)]
        return {
            "url": shown["url"],
            "title": shown["title"],
            "events": [
                {
                    "event": beside["name"][i],
                    "t": beside["t"][i],
                    "row": beside["id"][i],
                }
                for i in recent
            ],
        }

    @property
    def events(self) -> pl.DataFrame:
        """The event table beside the replay: one row per event, in order.

        Columns: `t` (Duration from the first recorded event; negative before it),
        `time` Datetime in the project's zone, `event` String, `state` (`recorded`,
        `before`, `after`, `out of session`), `row` String, `charted` Boolean, then the
        properties of these events, each as it is named (`property <name>` where that
        name is taken by one of these columns).
        """
        answer = self._watching.session(self.session)
        beside = answer["events"]
        t = pl.Series(beside["t"], dtype=pl.Int64)
        zero = answer["start_ms"] + answer["shift_ms"]
        time = pl.from_epoch(t + zero, "ms").dt.replace_time_zone("UTC")
        table = pl.DataFrame(
            {
                "t": t.cast(pl.Duration("ms")),
                "time": time.dt.convert_time_zone(self.zone),
                "event": pl.Series(beside["name"], dtype=pl.String),
                "state": pl.Series(
                    [_STATES[state] for state in beside["state"]], dtype=pl.String
                ),
                "row": pl.Series(beside["id"], dtype=pl.String),
                "charted": pl.Series(map(bool, beside["charted"]), dtype=pl.Boolean),
            }
        )
        names = dict.fromkeys(name for props in beside["props"] for name in props)
        return table.with_columns(
            pl.Series(
                f"property {name}" if name in table.columns else name,
                [props.get(name) for props in beside["props"]],
                strict=False,
            )
            for name in names
        )

    @property
    def notes(self) -> pl.DataFrame:
        """What was noted while watching: typed in the player, or by `note`.

        One row per note, by replay in the order of the player, then by time:
        `replay_id`, `user` String, `time_ms` Int64 (position in the replay), `time`
        Datetime UTC (by the recorder's clock), `text` String; `stands_for` Int64 where
        the replays were picked. They live in this object: keep them with
        `notes.write_csv(…)`, go on with `rk.Player(…, notes=…)`.
        """
        return notes_frame(self.note_list, self._watching.replays)

    def note(self, text: str, *, ms: float | None = None) -> None:
        """Note something on the replay on screen.

        Parameters
        ----------
        text
            What is seen; 2,000 characters at most.
        ms
            Milliseconds from the first recorded event; where the player is by default.

        Raises
        ------
        BadInput
            If the text is blank or too long.

        Examples
        --------
        >>> import replaykit as rk
        >>> player = rk.Player(rk.demo().replays)
        >>> player.note("Looks for the size guide", ms=12_000)
        >>> player.notes.select("time_ms", "text").rows()
        [(12000, 'Looks for the size guide')]
        """
        made = checked(self.session, self.time_ms if ms is None else ms, text)
        self.note_list = [*self.note_list, made]

    def seek(
        self, to: str | datetime | None = None, *, ms: float | None = None
    ) -> None:
        """Go to an event, a moment, or a position.

        Parameters
        ----------
        to
            The name of an event: the next one after the playhead, or the first if none
            follows. Or a moment, as a datetime or written out (`"2026-03-03 14:08"`); a
            naive one is read in the project's zone.
        ms
            Milliseconds from the first recorded event, clamped to the recording.

        Raises
        ------
        UnknownEvent
            If the replay holds no such event, and the text is no moment.
        BadInput
            If not exactly one of `to` and `ms` is given.
        """
        if (to is None) == (ms is None):
            raise BadInput("seek takes an event name, a moment, or ms=…: one of them.")
        length = int(self._watching.now.replay(self.session)["length_ms"])
        if ms is not None:
            if not isinstance(ms, int | float) or math.isnan(ms):
                raise BadInput(f"ms={ms!r} is not a number of milliseconds.")
            target = ms
        elif isinstance(to, datetime):
            target = self._offset_of(to)
        elif isinstance(to, str):
            target = self._offset_of_event(to)
        else:
            raise BadInput(
                f"{to!r} is neither an event name nor a moment. For a position write "
                "seek(ms=42_000)."
            )
        self.time_ms = round(min(max(target, 0), length))

    def _offset_of(self, moment: str | datetime) -> float:
        answer = self._watching.session(self.session)
        at = instant(moment, self.zone).timestamp() * 1000
        return at - float(answer["start_ms"]) - float(answer["shift_ms"])

    def _offset_of_event(self, name: str) -> float:
        beside = self._watching.session(self.session)["events"]
        rows = [
            (one, t)
            for one, t, state in zip(
                beside["name"], beside["t"], beside["state"], strict=True
            )
            if state == 0
        ]
        times = [t for one, t in rows if one == name]
        if not times:
            try:
                return self._offset_of(name)
            except BadTime:
                pass
            known = list(dict.fromkeys(one for one, _ in rows))
            hint = did_you_mean(name, known)
            message = (
                f"No event named {name!r} in this replay. {hint} "
                f"It holds {', '.join(known) or 'none'}."
            )
            raise UnknownEvent(message.replace("  ", " "))
        later = [t for t in times if t > self.time_ms]
        return float((later or times)[0])

    def __repr__(self) -> str:
        """Say how many replays there are, and which is on screen."""
        count = count_words(len(self.replays), "replay")
        return f"Player of {count}, at {clock(self.time_ms)} of {self.session}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_bundle(
            super()._repr_mimebundle_(**kwargs),
            saved_form(*self._replaykit_share_()),
            twin_of_player(self._watching),
            repr(self),
        )

    def _replaykit_share_(self) -> tuple[Watching, dict[str, Any]]:
        return self._watching, bundle_of_player(self._watching)

    def filmstrip(self) -> Filmstrip:
        """Draw key moments of the first replay: a picture that every viewer shows.

        A headless Chromium draws them from the recording if one is found, sealed and
        with no network; otherwise they are cards of text. The notebook keeps the
        picture, so it is there where scripts and widgets are not.
        """
        # Drawn by the page, which stands above widgets.
        made = import_module("replaykit.sharing.filmstrip")
        strip: Filmstrip = made.Filmstrip.of(self)
        return strip

    def save(self, path: str | PathLike[str]) -> SharedPage:
        """Write this player as one page that plays with no network and no notebook.

        `rk.share(player, to=path)` does the same and takes more options.

        Parameters
        ----------
        path
            The page to write.
        """
        # Pages stand above widgets: they are what widgets are put on.
        page: SharedPage = import_module("replaykit.sharing").share(self, to=path)
        return page


def _watching(replays: object) -> Watching:
    if isinstance(replays, Watching):
        return replays
    if hasattr(replays, "watching"):
        found: Watching = replays.watching()
        return found
    if isinstance(replays, list | tuple) and replays:
        lists = [_watching(item) for item in replays]
        frames = [one.replays for one in lists]
        return Watching(
            lists[0].source,
            pl.concat(frames, how="diagonal_relaxed").unique(
                "replay_id", keep="first", maintain_order=True
            ),
            lists[0].because,
        )
    raise BadInput(
        f"A player watches Users or Replays, not {type(replays).__name__}. "
        "Try rk.Player(shop.replays) or result.point(…).watch()."
    )
