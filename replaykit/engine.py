"""Run a question over pieces of the data: in one scan, on threads, or on a cluster.

A question is a `partial` answer to some whole users, and a way to `combine` partial
answers. Pieces hold whole users, so any way of running gives the same answer.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

import polars as pl

from replaykit.errors import BadInput, UnknownOption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Engine: TypeAlias = Literal["scan", "threads"] | Executor
"""`"scan"`: all pieces as one lazy scan; `"threads"`: a piece per thread; or any
`concurrent.futures.Executor`, such as a process pool or a cluster's."""

Answer = TypeVar("Answer")

#: What must be the same on both sides of a cluster.
_SAME: Final = ("replaykit", "polars", "numba", "numpy")


def run(
    partial: Callable[[pl.LazyFrame], pl.DataFrame],
    combine: Callable[[list[pl.DataFrame]], Answer],
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
    if engine == "scan":
        whole = pieces[0] if len(pieces) == 1 else pl.concat(pieces)
        return combine([partial(whole)])
    if engine == "threads":
        workers = min(len(pieces), os.cpu_count() or 1)
        with ThreadPoolExecutor(workers) as threads:
            return combine(_submit(threads, partial, pieces, check=False))
    raise UnknownOption(
        f"engine={engine!r} is not an option. engine is 'scan', 'threads' or a "
        "concurrent.futures.Executor."
    )


def _submit(
    executor: Executor,
    partial: Callable[[pl.LazyFrame], pl.DataFrame],
    pieces: Sequence[pl.LazyFrame],
    *,
    check: bool,
) -> list[pl.DataFrame]:
    expected = versions() if check else None
    futures = [executor.submit(_work, partial, piece, expected) for piece in pieces]
    try:
        return [future.result() for future in futures]
    except BaseException:
        # An error or an interrupt: what has not begun need not begin.
        for future in futures:
            future.cancel()
        raise


def _work(
    partial: Callable[[pl.LazyFrame], pl.DataFrame],
    piece: pl.LazyFrame,
    expected: dict[str, str] | None,
) -> pl.DataFrame:
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
