"""A funnel's encoded rows, handed to its kernels a block at a time.

What kernels read of a row takes more room than the row does on disk; it stands in the
same room block after block, however many rows there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

STEP_BITS: Final = 0x3FF
#: Rows of a block, beside those of its last unit.
BLOCK: Final = 1 << 18


class Lookup(NamedTuple):
    """What the number of a row's event says.

    The steps it satisfies, and the gaps it breaks when inactive and when active.
    """

    bits: NDArray[np.uint16]
    gaps: NDArray[np.uint16]
    either: NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Block:
    """Some units' rows, as the kernels read them (`tick_kernel`).

    Where `place` is given, they are not all of the rows. What is here is gone once the
    next block is asked for.
    """

    start: int
    place: NDArray[np.int64] | None
    unit: NDArray[np.int32]
    tick: NDArray[np.int64]
    mask: NDArray[np.uint16]
    broken: NDArray[np.uint16]
    bucket: NDArray[np.int32]
    kind: NDArray[np.int32]

    @property
    def is_plain(self) -> bool:
        """Whether a row is at most one step, and nothing breaks a path."""
        return not (len(self.broken) or len(self.bucket) or len(self.kind))

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where rows of the block stand in the frame."""
        return (rows if self.place is None else self.place[rows]) + self.start


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in (unit, time) order, and the frame they stand in.

    Attributes
    ----------
    frame
        `@user`, `@time`, further columns `@name`, and what rows are to the funnel:
        `#event` (its number), or `#mask` and `#broken` where conditions decided.
    unit
        The unit of each row: whole numbers that differ between neighbours.
    bucket, kind
        See `tick_kernel`.
    intervals
        What the numbers of `bucket` mean.
    lookup
        What the numbers of events say; None where conditions decided.
    resolution
        Microseconds in a tick.
    unordered
        Whether steps may come in any order.
    """

    frame: pl.DataFrame
    unit: NDArray[np.int32]
    bucket: NDArray[np.int32]
    kind: NDArray[np.int32]
    intervals: pl.Series | None
    lookup: Lookup | None
    resolution: int
    unordered: bool

    @property
    def whole(self) -> Block:
        """All rows as one block."""
        return next(self.blocks(max(1, len(self.unit))))

    def blocks(self, size: int | None = None) -> Iterator[Block]:
        """Yield the rows, about `size` at a time, and whole units."""
        from replaykit.analyses.rows_kernel import block_ends  # noqa: PLC0415 - numba
        from replaykit.compiled import frozen  # noqa: PLC0415 - numba

        ends = block_ends(frozen(self.unit), size or BLOCK)
        room = _Room(int(np.diff(ends, prepend=0).max()))
        take = self._given() if self.lookup is None else self._looked_up(self.lookup)
        start = 0
        for stop in map(int, ends):
            yield take(start, stop, room)
            start = stop

    def _given(self) -> Callable[[int, int, _Room], Block]:
        """Return how rows are taken of which conditions decided what they are."""
        time = self._column("@time", np.int64)
        mask = self._column("#mask", np.uint16)
        broken = self._column("#broken", np.uint16)

        def take(start: int, stop: int, room: _Room) -> Block:
            del room
            at = slice(start, stop)
            return Block(
                start,
                None,
                self.unit[at],
                time[at] // self.resolution,
                mask[at],
                broken[at],
                self.bucket[at],
                self.kind[at],
            )

        return take

    def _looked_up(self, lookup: Lookup) -> Callable[[int, int, _Room], Block]:
        """Return how rows are taken of which the events' numbers say what they are."""
        from replaykit.analyses.distil_kernel import distil  # noqa: PLC0415 - numba
        from replaykit.analyses.rows_kernel import decode  # noqa: PLC0415 - numba
        from replaykit.compiled import frozen  # noqa: PLC0415 - numba

        unit, time = frozen(self.unit), frozen(self._column("@time", np.int64))
        code = frozen(self._column("#event", np.int16))
        enters = frozen(self._column("#enters", np.bool_))
        idle = "#active" in self.frame.columns and not self.frame["#active"].all()
        active = frozen(self._column("#active" if idle else "", np.bool_))
        bits, gaps, either = map(frozen, lookup)
        most = int(np.bitwise_or.reduce(either))

        def take(start: int, stop: int, room: _Room) -> Block:
            at = slice(start, stop)
            own = unit[at], time[at], code[at], bits
            bucket, kind = self.bucket[at], self.kind[at]
            if not most:
                tick, mask = room.tick[: stop - start], room.mask[: stop - start]
                decode(*own[1:], enters[at], self.resolution, tick, mask)
                none = np.zeros(0, np.uint16)
                return Block(start, None, unit[at], tick, mask, none, bucket, kind)
            many = distil(
                *own,
                gaps,
                either,
                most,
                enters[at],
                active[at],
                self.resolution,
                self.unordered,
                room.place,
                room.unit,
                room.tick,
                room.mask,
                room.broken,
            )
            place = room.place[:many]
            return Block(
                start,
                place,
                room.unit[:many],
                room.tick[:many],
                room.mask[:many],
                room.broken[:many],
                bucket[place] if len(bucket) else bucket,
                kind[place] if len(kind) else kind,
            )

        return take

    def _column(self, name: str, dtype: type[T]) -> NDArray[T]:
        """Return a column's values as they are; none where there is no such column."""
        if name not in self.frame.columns:
            return np.zeros(0, dtype)
        return self.frame[name].to_physical().to_numpy()


class _Room:
    """Room for the rows of a block."""

    def __init__(self, rows: int) -> None:
        self.place = np.empty(rows, np.int64)
        self.unit = np.empty(rows, np.int32)
        self.tick = np.empty(rows, np.int64)
        self.mask = np.empty(rows, np.uint16)
        self.broken = np.empty(rows, np.uint16)
