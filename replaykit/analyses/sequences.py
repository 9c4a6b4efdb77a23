"""The most frequent exact sequences: every run of n events in a row counts."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from replaykit.analyses.ordered_rows import read_in_order, session_ids, user_numbers
from replaykit.engine import Frames, Pieces
from replaykit.errors import BadInput, check_option
from replaykit.schema import CODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from replaykit.timeline import Span

SequenceWithin: TypeAlias = Literal["session", "user"]
"""`"session"`: sequences inside one session; `"user"`: over all rows of a user."""

WITHIN: Final = ("session", "user")
#: Bits of a packed number that are used.
_WORD_BITS: Final = 62
#: Parts that are tried: does counting a piece before it travels pay?
_TRIED: Final = 8
#: Sequences that are worth a thread of their own.
_FEW: Final = 200_000


def sequences(
    frame: Frames,
    length: int = 5,
    *,
    within: SequenceWithin = "session",
    span: Span | None = None,
    segment: Sequence[pl.Expr] = (),
    inactive: bool = False,
    top: int | None = 100,
) -> pl.DataFrame:
    """Count every sequence of events that directly follow each other.

    Parameters
    ----------
    frame
        Canonical events (`replaykit.schema`), in any row order.
    length
        Events in a sequence; sequences overlap, each event begins one.
    within
        `"session"`: inside one session, whatever happens in others (rows without a
        session are left out); `"user"`: over all rows of a user.
    span
        The date range of the rows.
    segment
        Conditions on the rows.
    inactive
        Whether inactive events count.
    top
        How many sequences; None for all.

    Returns
    -------
    DataFrame
        `path` List(String) and `times` Int64; most frequent first, ties by labels.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame(
    ...     {
    ...         "user": [1, 1, 1],
    ...         "event": ["Search", "Search", "Buy"],
    ...         "time": [datetime(2026, 3, 1, hour) for hour in (10, 11, 12)],
    ...     }
    ... )
    >>> sequences(frame, 2, within="user").rows()
    [(['Search', 'Buy'], 1), (['Search', 'Search'], 1)]
    """
    check_option("within", within, WITHIN)
    if length < 1:
        raise BadInput(f"length={length!r}: a sequence holds at least one event.")
    log = Pieces.of(frame)
    kept = [*segment, *([] if inactive else [pl.col("active")])]
    if span is not None:
        kept.append(span.holds(pl.col("time")))
    if within == "session":
        kept.append(pl.col("session_id").is_not_null())
    numbers = log.codes
    if numbers is None:
        numbers = {name: code for code, name in enumerate(sorted(log.names))}
    packing = Packing.of(max(numbers.values(), default=0), length)
    work = partial(
        _read,
        kept=kept,
        within=within,
        packing=packing,
        numbers=None if log.codes is not None else numbers,
    )
    counted = log.ask(work, partial(_added, top=top))
    # Codes are numbers by arrival: rank them as their labels stand, for ties.
    labels = sorted(numbers)
    place = np.zeros(max(numbers.values(), default=0) + 1, np.int64)
    place[[numbers[label] for label in labels]] = np.arange(len(labels))
    ranks = place[packing.codes(counted.words)]
    columns = {"times": counted.times} | {f"{k}": ranks[:, k] for k in range(length)}
    descending = [True, *[False] * length]
    found = pl.DataFrame(columns).sort(*columns, descending=descending)
    if top is not None:
        found = found.head(top)
    text = pl.Series(labels, dtype=pl.String)
    steps = [text.gather(found[f"{k}"]).alias(f"{k}") for k in range(length)]
    path = pl.DataFrame(steps).select(pl.concat_list(pl.all())).to_series()
    return pl.DataFrame({"path": path, "times": found["times"]})


@dataclass(frozen=True)
class Packing:
    """How the codes of a sequence stand in whole numbers.

    Parameters
    ----------
    length
        Codes in a sequence.
    bits
        Bits of a code.
    step
        Codes in a number. Sequences that need several leave room in the first one.
    """

    length: int
    bits: int
    step: int

    @classmethod
    def of(cls, highest: int, length: int) -> Packing:
        """Return the packing of sequences of codes up to `highest`."""
        bits = max(1, highest.bit_length())
        return cls(length, bits, min(length, _WORD_BITS // bits))

    def codes(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the codes of sequences, oldest first."""
        found = np.empty((len(words), self.length), np.int64)
        for k in range(self.length):
            after = self.length - 1 - k
            word = words.shape[1] - 1 - after // self.step
            shifted = words[:, word] >> (self.bits * (after % self.step))
            found[:, k] = shifted & ((1 << self.bits) - 1)
        return found


class Counted(NamedTuple):
    """Sequences in parts (`sequence_kernel.dealt`): the mergeable answer of a piece.

    `times` is how often each occurs; empty: every line stands for one occurrence.
    """

    words: NDArray[np.int64]
    times: NDArray[np.int64]
    starts: NDArray[np.int64]

    def part(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the lines of a part, and how often each occurs."""
        words = self.words[self.starts[number] : self.starts[number + 1]]
        if not len(self.times):
            return words, np.ones(len(words), np.int64)
        return words, self.times[self.starts[number] : self.starts[number + 1]]

    def least(self, times: int) -> Counted:
        """Return what occurs at least so often, as one part."""
        often = self.times >= times
        return Counted(
            self.words[often], self.times[often], np.array([0, np.sum(often)])
        )


def _read(
    lf: pl.LazyFrame,
    kept: Sequence[pl.Expr],
    within: str,
    packing: Packing,
    numbers: Mapping[str, int] | None,
) -> Counted:
    """Return the sequences of one piece; `numbers` where its events have no codes."""
    from replaykit.analyses.sequence_kernel import (  # noqa: PLC0415 - numba
        PARTS,
        dealt,
        grams,
    )
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    if numbers is None:
        code = pl.col(CODE)
    else:
        code = pl.col("event").cast(pl.Enum(list(numbers))).to_physical()
    columns = {
        "@user": pl.col("user"),
        "@time": pl.col("time"),
        "@code": code.cast(pl.Int32),
    }
    session = np.zeros(0, np.int64)
    if within == "session":
        columns["@session"] = pl.col("session_id")
    rows = read_in_order(lf.filter(*kept), columns)
    if within == "session":
        session = session_ids(rows)
    words, starts = dealt(
        grams(
            frozen(user_numbers(rows)),
            frozen(session),
            frozen(rows["@code"].to_numpy()),
            packing.length,
            packing.bits,
            packing.step,
        )
    )
    found = Counted(words, np.zeros(0, np.int64), starts)
    # Counting first makes less of sequences that recur, and is lost on rare ones.
    if 2 * len(_most([found], range(_TRIED)).words) > starts[_TRIED]:
        return found
    return _most([found], range(PARTS))


def _added(pieces: list[Counted], top: int | None) -> Counted:
    """Return the most frequent sequences of all pieces, its parts shared by threads."""
    from replaykit.analyses.sequence_kernel import PARTS  # noqa: PLC0415 - numba

    lines = sum(len(one.words) for one in pieces)
    workers = min(os.cpu_count() or 1, 1 + lines // _FEW)
    shares = [range(first, PARTS, workers) for first in range(workers)]
    count = partial(_most, pieces, top=top)
    if workers == 1:
        return count(shares[0])
    with ThreadPoolExecutor(workers) as threads:
        return _stacked(list(threads.map(count, shares)))


def _most(
    pieces: Sequence[Counted], parts: Sequence[int], top: int | None = None
) -> Counted:
    """Count some parts of all pieces; with `top`, only what may be among the first."""
    from replaykit.analyses.sequence_kernel import counted  # noqa: PLC0415 - numba
    from replaykit.compiled import frozen  # noqa: PLC0415 - numba

    found: list[Counted] = []
    least = 1
    for number in parts:
        words, times = zip(*(one.part(number) for one in pieces), strict=True)
        own = counted(
            frozen(np.concatenate(words)), frozen(np.concatenate(times)), least
        )
        found.append(Counted(*own, np.array([0, len(own[1])])))
        if top is not None and sum(len(one.times) for one in found) > 2 * top:
            seen = np.concatenate([one.times for one in found])
            least = int(np.partition(seen, -top)[-top])
            found = [one.least(least) for one in found]
    return _stacked(found)


def _stacked(found: Sequence[Counted]) -> Counted:
    """Put counted parts under one another, in their order."""
    sizes = [len(one.times) for one in found]
    return Counted(
        np.concatenate([one.words for one in found]),
        np.concatenate([one.times for one in found]),
        np.cumsum([0, *sizes]),
    )
