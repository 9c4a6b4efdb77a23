"""Run a question over pieces of the data: in one scan, on threads, or on a cluster.

A question is a `partial` answer to some whole users, and a way to `combine` partial
answers. Pieces hold whole users, so any way of running gives the same answer. `Pieces`
are what every analysis asks: canonical events, how they are cut, and how to run.
"""

from __future__ import annotations

import os
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache, cached_property
from functools import partial as bound
from importlib.metadata import PackageNotFoundError, version
from typing import (
    TYPE_CHECKING,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

import polars as pl

from replaykit.errors import BadInput, UnknownOption
from replaykit.schema import CODE, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from polars._typing import EngineType


@runtime_checkable
class Cluster(Protocol):
    """A cluster's client that hands out an executor, as `distributed.Client` does."""

    def get_executor(self) -> Executor:
        """Return an executor that runs on the cluster's workers."""
        ...


Engine: TypeAlias = Literal["scan", "threads"] | Executor | Cluster
"""`"scan"`: all pieces as one lazy scan; `"threads"`: a piece per thread; any
`concurrent.futures.Executor`, such as a process pool; or a cluster's client."""

Answer = TypeVar("Answer")
Part = TypeVar("Part")

#: How often a wait looks up, in seconds: with the handler of interrupts that polars
#: has, the system resumes a wait after one, and Python learns of it when it wakes.
_GLANCE_S: Final = 0.1

#: How long an interrupted question waits for what runs, in seconds. polars stops by
#: itself meanwhile, and what is asked next does not meet it.
_LAST_S: Final = 1.0

#: Rows of a piece that is sent to a worker: fewer take less time than the way there.
_PIECE: Final = 10_000_000

#: What must be the same on both sides of a cluster.
_SAME: Final = ("replaykit", "polars", "numba", "numpy")


@dataclass(frozen=True, eq=False)
class Pieces:
    """Canonical events in pieces that hold whole users, and how to run over them.

    Parameters
    ----------
    whole
        All events as one lazy frame (`schema.canonical`).
    engine
        How questions run.
    cut
        Returns the same events in so many pieces, or in as many as there can be (0); by
        default all of them are one piece.
    edges
        The first and the last time, where they are known without reading.
    counted
        Event names and their rows, where they are known without reading.
    codes
        The number of each event name in the column `schema.CODE`, where there is one.
    small
        Whether all of it may be kept in memory once a point is opened.
    mapped
        Whether the pieces are mapped into memory rather than decoded.
    recorded
        Returns the rows of those people alone who were ever recorded, where that takes
        less than reading the rows of all.
    """

    whole: pl.LazyFrame
    engine: Engine = "scan"
    cut: Callable[[int], Sequence[pl.LazyFrame]] | None = None
    edges: tuple[datetime, datetime] | None = None
    counted: Mapping[str, int] | None = None
    codes: Mapping[str, int] | None = None
    small: bool = False
    mapped: bool = False
    recorded: Callable[[], Pieces | None] | None = None

    @classmethod
    def of(cls, frame: Frames, engine: Engine = "scan") -> Pieces:
        """Return events as an analysis takes them: a frame, frames of whole users."""
        if isinstance(frame, Pieces):
            return frame
        if isinstance(frame, pl.LazyFrame | pl.DataFrame):
            return cls(canonical(frame), engine)
        parts = [canonical(part) for part in frame]
        if not parts:
            raise BadInput("There is nothing to run on: no pieces of data were given.")
        return cls(pl.concat(parts), engine, cut=lambda _: parts)

    @cached_property
    def schema(self) -> pl.Schema:
        """The columns that a question may name, and their dtypes."""
        found = self.whole.collect_schema()
        return pl.Schema({name: found[name] for name in found if name != CODE})

    @cached_property
    def parts(self) -> tuple[pl.LazyFrame, ...]:
        """What a question runs over, a piece at a time."""
        if self.engine == "scan" or self.cut is None:
            return (self.whole,)
        return tuple(self.cut(self._worth))

    @cached_property
    def _worth(self) -> int:
        """How many pieces are worth their way to a cluster's workers; 0: all."""
        workers: Callable[[], Mapping[str, int]] | None = getattr(
            self.engine, "nthreads", None
        )
        if not isinstance(self.engine, Cluster) or workers is None:
            return 0
        threads = max(1, sum(workers().values()))
        rows = sum(self.names.values()) if self.counted is not None else 0
        return threads * max(1, round(rows / threads / _PIECE))

    @property
    def bare(self) -> Pieces:
        """What stands in for these events in a question that travels without them."""
        return Pieces(pl.LazyFrame(), codes=self.codes)

    @cached_property
    def opened(self) -> Pieces:
        """The same events for whoever opens a point; in memory where they are few.

        A click on any further point then reads no file.
        """
        if not self.small:
            return self
        rows = self.whole.collect(engine="streaming")
        return replace(
            self,
            whole=rows.lazy(),
            engine="scan",
            cut=None,
            small=False,
            mapped=False,
        )

    @cached_property
    def first_and_last(self) -> tuple[datetime, datetime] | None:
        """The first and the last time; None without events."""
        if self.edges is not None:
            return self.edges
        first, last = pl.col("time").min().alias("first"), pl.col("time").max()
        found = self.collect(lambda lf: lf.select(first, last.alias("last")))
        low, high = found.select(pl.col("first").min(), pl.col("last").max()).row(0)
        return None if low is None else (low, high)

    @cached_property
    def names(self) -> Mapping[str, int]:
        """Event names and their rows."""
        if self.counted is not None:
            return self.counted
        found = self.collect(lambda lf: lf.group_by("event").agg(rows=pl.len()))
        return dict(found.group_by("event").agg(pl.col("rows").sum()).iter_rows())

    def ask(
        self,
        partial: Callable[[pl.LazyFrame], Part],
        combine: Callable[[list[Part]], Answer],
    ) -> Answer:
        """Answer a question; see `run`."""
        if self.mapped:
            partial = bound(_in_place, partial)
        return run(partial, combine, self.parts, self.engine)

    def run(self, partial: Callable[[pl.LazyFrame], pl.DataFrame]) -> pl.DataFrame:
        """Return the partial answers under one another; see `run`."""
        return self.ask(partial, stacked)

    def collect(self, build: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
        """Collect what `build` makes of each piece, under one another.

        Only the lazy frames travel to other processes, so `build` may be any function.
        """
        built = [build(part) for part in self.parts]
        return run(_collected, stacked, built, self.engine)


Frames: TypeAlias = "pl.LazyFrame | pl.DataFrame | Sequence[pl.LazyFrame] | Pieces"
"""What an analysis asks: events in any row order, or in pieces of whole users."""


_COLLECTS: ContextVar[EngineType] = ContextVar("_COLLECTS", default="streaming")


def gathered(piece: pl.LazyFrame) -> pl.DataFrame:
    """Collect rows of a piece that stay as they are, for a kernel.

    What is decoded goes through in batches; mapped columns are used where they lie.

    Examples
    --------
    >>> gathered(pl.LazyFrame({"user": [1, 2]}).filter(pl.col("user") > 1)).height
    1
    """
    return piece.collect(engine=_COLLECTS.get())


def _in_place(partial: Callable[[pl.LazyFrame], Part], piece: pl.LazyFrame) -> Part:
    """Answer a piece that is mapped."""
    token = _COLLECTS.set("in-memory")
    try:
        return partial(piece)
    finally:
        _COLLECTS.reset(token)


def stacked(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Put frames under one another."""
    return parts[0] if len(parts) == 1 else pl.concat(parts)


def _collected(piece: pl.LazyFrame) -> pl.DataFrame:
    return piece.collect(engine="streaming")


def run(
    partial: Callable[[pl.LazyFrame], Part],
    combine: Callable[[list[Part]], Answer],
    pieces: Sequence[pl.LazyFrame],
    engine: Engine = "scan",
) -> Answer:
    """Answer a question over pieces that hold whole users.

    Parameters
    ----------
    partial
        From a frame to what it adds; for an executor of other processes it must
        pickle, as a module's function (or a `functools.partial` of one) does.
    combine
        From all partial answers to the answer.
    pieces
        Lazy frames of one schema, no user in two of them.
    engine
        How to run.

    Examples
    --------
    >>> pieces = [pl.LazyFrame({"user": [1, 1]}), pl.LazyFrame({"user": [2]})]
    >>> def users(piece: pl.LazyFrame) -> pl.DataFrame:
    ...     return piece.select(pl.col("user").n_unique()).collect()
    >>> def total(parts: list[pl.DataFrame]) -> int:
    ...     return pl.concat(parts)["user"].sum()
    >>> [run(users, total, pieces, engine) for engine in ("scan", "threads")]
    [2, 2]
    """
    if not pieces:
        raise BadInput("There is nothing to run on: no pieces of data were given.")
    if isinstance(engine, Executor):
        return combine(_submit(engine, partial, pieces, check=True))
    if isinstance(engine, Cluster):
        with engine.get_executor() as executor:
            return combine(_submit(executor, partial, pieces, check=True))
    if engine == "scan":
        whole = pieces[0] if len(pieces) == 1 else pl.concat(pieces)
        return combine(_threaded(partial, [whole]))
    if engine == "threads":
        return combine(_threaded(partial, pieces))
    raise UnknownOption(
        f"engine={engine!r} is not an option. engine is 'scan', 'threads', a "
        "concurrent.futures.Executor or a cluster's client."
    )


def _threaded(
    partial: Callable[[pl.LazyFrame], Part], pieces: Sequence[pl.LazyFrame]
) -> list[Part]:
    """Answer pieces on threads; one piece, too, is answered beside the caller.

    Only Python code can be interrupted at any moment, and a search in machine code
    cannot: so the caller waits, and an interrupt ends the wait. What still runs then
    ends by itself, and nobody hears of it.
    """
    threads = ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1))
    try:
        return _submit(threads, partial, pieces, check=False)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _submit(
    executor: Executor,
    partial: Callable[[pl.LazyFrame], Part],
    pieces: Sequence[pl.LazyFrame],
    *,
    check: bool,
) -> list[Part]:
    expected = versions() if check else None
    futures = [executor.submit(_work, partial, piece, expected) for piece in pieces]
    waiting = set(futures)
    try:
        while waiting:
            done, waiting = wait(waiting, _GLANCE_S, FIRST_EXCEPTION)
            for future in done:
                future.result()
        return [future.result() for future in futures]
    except BaseException:
        # An error or an interrupt: what has not begun need not begin.
        for future in futures:
            future.cancel()
        wait(futures, _LAST_S)
        raise


def _work(
    partial: Callable[[pl.LazyFrame], Part],
    piece: pl.LazyFrame,
    expected: dict[str, str] | None,
) -> Part:
    """Answer one piece, in a worker whose packages are those of the caller."""
    if expected is not None and versions() != expected:
        own = versions()
        other = ", ".join(
            f"{name} {own[name]} instead of {expected[name]}"
            for name in _SAME
            if own[name] != expected[name]
        )
        raise BadInput(
            f"A worker has {other}. Install the same versions on both sides."
        )
    return partial(piece)


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that an answer depends on.

    Examples
    --------
    >>> sorted(versions())
    ['numba', 'numpy', 'polars', 'replaykit']
    """
    found = {}
    for name in _SAME:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
