"""The replay player: a recording, its timeline and its event table, on one clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from replaykit.bundle import bundle_of_player, twin_of_player, with_bundle
from replaykit.capsule import saved_form
from replaykit.errors import BadInput, UnknownEvent, UnknownReplay, did_you_mean
from replaykit.replies import Watching
from replaykit.widgets.view import View
from replaykit.wording import clock, count_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from replaykit.sharing import SharedPage


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

    Attributes
    ----------
    time_ms
        Position in milliseconds from the first recorded event; set it to seek.
    playing, speed
        Whether time runs, and how fast (0.5 to 16).
    session
        Id of the replay on screen; set it to change over.
    event
        Id of the event row under the playhead, `""` before the first.

    Examples
    --------
    >>> import replaykit as rk
    >>> player = rk.Player(rk.demo().replays)
    >>> player.time_ms
    0
    """

    def __init__(self, replays: Watchable | Watching | Sequence[Watchable]) -> None:
        watching = _watching(replays)
        playlist = watching.replays["replay_id"].to_list()
        if not playlist:
            raise UnknownReplay(
                "There is no replay to watch here. Users.replays shows which users "
                "were recorded; shop.replays lists all recordings."
            )
        self._watching = watching
        first = watching.replays.row(0, named=True)
        super().__init__(
            watching,
            kind="player",
            zone=watching.source.zone,
            replays=playlist,
            session=playlist[0],
            time_ms=int(first.get("matched_at") or 0),
        )

    @property
    def events(self) -> pl.DataFrame:
        """The event table beside the replay: one row per event, in order.

        Columns: `t` (Duration from the first recorded event; negative before it),
        `event` String, `state` (`recorded`, `before`, `after`, `out of session`),
        `row` String, `charted` Boolean.
        """
        beside = self._watching.session(self.session)["events"]
        words = ["recorded", "before", "after", "out of session"]
        return pl.DataFrame(
            {
                "t": pl.Series(beside["t"], dtype=pl.Duration("ms")),
                "event": pl.Series(beside["name"], dtype=pl.String),
                "state": pl.Series(
                    [words[state] for state in beside["state"]], dtype=pl.String
                ),
                "row": pl.Series(beside["id"], dtype=pl.String),
                "charted": pl.Series(map(bool, beside["charted"]), dtype=pl.Boolean),
            }
        )

    def seek(
        self, to: str | datetime | None = None, *, ms: float | None = None
    ) -> None:
        """Go to an event, a moment, or a position.

        Parameters
        ----------
        to
            The name of an event: the next one after the playhead, or the first if none
            follows. Or a moment; a naive one is read in the project's zone.
        ms
            Milliseconds from the first recorded event, clamped to the recording.

        Raises
        ------
        UnknownEvent
            If the replay holds no such event.
        BadInput
            If not exactly one of `to` and `ms` is given.
        """
        if (to is None) == (ms is None):
            raise BadInput("seek takes an event name, a moment, or ms=…: one of them.")
        length = int(self._watching.source.replay(self.session)["length_ms"])
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

    def _offset_of(self, moment: datetime) -> float:
        start: datetime = self._watching.source.replay(self.session)["start"]
        if moment.tzinfo is None:
            local = pl.Series([moment]).dt.replace_time_zone(
                self._watching.source.zone, ambiguous="earliest"
            )
            moment = local.dt.convert_time_zone("UTC")[0]
        return (moment.astimezone(UTC) - start).total_seconds() * 1000

    def _offset_of_event(self, name: str) -> float:
        rows = self.events.filter(state="recorded")
        times = rows.filter(event=name)["t"].dt.total_milliseconds()
        if times.is_empty():
            known = rows["event"].unique(maintain_order=True).to_list()
            hint = did_you_mean(name, known)
            message = (
                f"No event named {name!r} in this replay. {hint} "
                f"It holds {', '.join(known) or 'none'}."
            )
            raise UnknownEvent(message.replace("  ", " "))
        later = times.filter(times > self.time_ms)
        return float(later[0] if later.len() else times[0])

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
