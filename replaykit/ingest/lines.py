"""Plain JSON lines to columns, with a kernel that finds the fields in the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from replaykit.ingest.arrow_columns import MOMENT, NUMBER, TEXT, frame_of
from replaykit.ingest.files import PADDING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from replaykit.ingest.arrow_columns import Column


class Lines:
    r"""The wanted fields of a block of JSON lines.

    Parameters
    ----------
    data
        Whole lines, and `files.PADDING`.
    fields
        The wanted top-level fields.
    ends
        How many lines there are.
    times, numbers
        Fields that become naive `Datetime("us")` and `Int64` columns where all their
        values are plainly such.

    Examples
    --------
    >>> lines = b'{"a": 1, "b": {"c": "d"}}\n\n{"a": 1e5}\n'
    >>> found = Lines(lines + PADDING, ("a", "b"), 3)
    >>> found.frame().row(0), found.numbers().to_list()
    (('1', '{"c":"d"}'), [0, 2])
    >>> list(found.odd_lines())
    [(1, b'{"a": 1e5}')]
    """

    def __init__(
        self,
        data: bytes | bytearray,
        fields: Collection[str],
        ends: int,
        *,
        times: Collection[str] = (),
        numbers: Collection[str] = (),
    ) -> None:
        from replaykit.compiled import frozen  # noqa: PLC0415 - numba
        from replaykit.ingest.lines_kernel import (  # noqa: PLC0415 - numba
            ABSENT,
            NUMERIC,
            TEMPORAL,
            TEXTUAL,
            scan,
        )

        self._fields = list(fields)
        keys = [name.encode() for name in self._fields]
        self._data = frozen(np.frombuffer(data, np.uint8))
        most = ends + 1
        self._starts = np.zeros((len(keys), most), np.int32)
        self._lengths = np.empty((len(keys), most), np.int32)
        self._lines = np.empty(most, np.int32)
        self._ends = np.empty(most, np.int32)
        kinds = [
            TEMPORAL if name in times else NUMERIC if name in numbers else TEXTUAL
            for name in self._fields
        ]
        self._kinds = np.array(kinds, np.uint8)
        typed = self._kinds != TEXTUAL
        self._slots = np.cumsum(typed, dtype=np.int32) - np.int32(1)
        self._values = np.zeros((int(typed.sum()), most), np.int64)
        self._read = np.ones(len(keys), np.uint8)
        odd = np.empty(most, np.uint8)
        self.height, self.odd = scan(
            self._data,
            frozen(np.frombuffer(b"".join(keys) + PADDING, np.uint8)),
            frozen(np.cumsum([0, *map(len, keys)], dtype=np.int32)),
            self._starts,
            self._lengths,
            self._kinds,
            self._slots,
            self._values,
            self._read,
            self._lines,
            self._ends,
            odd,
        )
        if not data.isascii() and not _is_text(data):
            for row in range(self.height):
                if not odd[row] and not _is_text(self._line(row)):
                    odd[row] = True
                    self._lengths[:, row] = ABSENT
                    self.odd += 1
        #: By row: whether it must be read by the parser; its fields are null here.
        self.odd_rows = pl.Series(odd[: self.height].astype(bool))

    def numbers(self) -> pl.Series:
        """Return the number of each row's line, the first line being 0."""
        breaks = np.flatnonzero(self._data == ord("\n"))
        lines = np.searchsorted(breaks, self._lines[: self.height])
        return pl.Series(lines.astype(np.int64))

    def odd_lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the row and the text of each line that must be read by the parser."""
        for row in self.odd_rows.arg_true():
            yield row, self._line(row)

    def _line(self, row: int) -> bytes:
        return self._data[self._lines[row] : self._ends[row]].tobytes()

    def frame(self) -> pl.DataFrame:
        """Return the fields as columns, null where a line has none.

        All are text where a row is odd: its fields may be anything.
        """
        from replaykit.ingest.lines_kernel import (  # noqa: PLC0415 - numba
            ABSENT,
            TEMPORAL,
        )

        laid: list[Column] = []
        for field, name in enumerate(self._fields):
            valid = self._lengths[field, : self.height] != ABSENT
            if not valid.any():
                continue
            kind = 0 if self.odd else self._kinds[field] * self._read[field]
            if kind:
                form = MOMENT if kind == TEMPORAL else NUMBER
                values = self._values[self._slots[field], : self.height]
                laid.append((name, form, (_bits(valid), values)))
            else:
                laid.append((name, TEXT, (_bits(valid), *self._text(field))))
        if not laid:
            nothing = pl.Series([], dtype=pl.String).extend_constant(None, self.height)
            return pl.DataFrame(dict.fromkeys(self._fields, nothing))
        found = frame_of(laid, self.height)
        return found.select(
            pl.col(name)
            if name in found.columns
            else pl.lit(None, pl.String).alias(name)
            for name in self._fields
        )

    def _text(self, field: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the views of a field and the texts they point into."""
        from replaykit.ingest.texts_kernel import gather  # noqa: PLC0415 - numba
        from replaykit.ingest.typed_kernel import LOOSE  # noqa: PLC0415 - numba

        starts = self._starts[field, : self.height]
        lengths = self._lengths[field, : self.height]
        known = lengths[lengths >= 0] & (LOOSE - 1)
        texts = np.empty(int(known.sum(dtype=np.int64)) + len(PADDING), np.uint8)
        views = np.empty(self.height * 4, np.int32)
        used = gather(self._data, starts, lengths, views, texts)
        if used * 1.1 < len(texts):
            texts = texts[: used + 1].copy()
        return views, texts


def _bits(valid: np.ndarray) -> np.ndarray:
    return np.packbits(valid, bitorder="little")


def _is_text(data: bytes | bytearray) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
