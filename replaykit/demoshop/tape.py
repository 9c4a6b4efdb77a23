"""The tape on which simulated sessions write their events, a whole set at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]


class Pause(NamedTuple):
    """About so many seconds pass before the next event."""

    seconds: float


class Tape:
    """Events of many sessions, in the order in which they were emitted."""

    def __init__(self, rng: np.random.Generator, sessions: int) -> None:
        self._rng = rng
        self._count = sessions
        self._takes: list[pl.DataFrame] = []

    def emit(
        self,
        rows: Rows,
        event: str,
        gap: Floats | Pause | float,
        **properties: NDArray[np.generic] | pl.Series | tuple[str, ...] | str | float,
    ) -> None:
        """Let the sessions `rows` send one event, `gap` seconds after their last."""
        count = len(rows)
        if not count:
            return
        if isinstance(gap, Pause):
            # People linger: log-normal pauses, and now and then the door bell.
            drawn = gap.seconds * self._rng.lognormal(-0.1, 0.8, count)
            away = self._rng.random(count) < 0.012
            gap = np.where(away, self._rng.uniform(120, 900, count), drawn)
        columns: dict[str, object] = {}
        for name, value in properties.items():
            if isinstance(value, tuple):
                columns[name] = pick(value, self._rng.integers(0, len(value), count))
            elif isinstance(value, (str, float)):
                columns[name] = pl.repeat(value, count, eager=True)
            elif isinstance(value, np.ndarray):
                columns[name] = value.astype(np.float64)
            else:
                columns[name] = value
        self._takes.append(
            pl.DataFrame(
                {
                    "session": rows,
                    "gap": np.broadcast_to(np.asarray(gap, dtype=np.float64), (count,)),
                    "event": pl.repeat(event, count, eager=True),
                    **columns,
                }
            ).with_columns(step=pl.lit(len(self._takes), dtype=pl.Int32))
        )

    def chance(self, among: Mask, share: float) -> Mask:
        """Return a random share of the sessions in `among`."""
        return among & (self._rng.random(self._count) < share)

    def played(self) -> pl.DataFrame:
        """Return session, step, gap (seconds), event and all properties."""
        return pl.concat(self._takes, how="diagonal").sort("session", "step")


def pick(words: tuple[str, ...] | list[str], index: NDArray[np.int64]) -> pl.Series:
    """Return the word at each index; -1 is no word."""
    chosen = pl.Series(index)
    return pl.Series(words, dtype=pl.String).gather(
        chosen.set(chosen < 0, None)  # a null index gathers a null
    )
