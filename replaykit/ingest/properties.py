"""JSON objects of properties to one typed column per property.

The text itself stays beside the columns, so nothing is lost: neither nested objects nor
properties beyond the number that columns are made for.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

# Columns made of one batch; more properties than this stay in the text.
_COLUMNS: Final = 400
# Rows x keys of one decoding; a key takes at least five bytes of text.
_CELLS: Final = 50_000_000
_KEY_BYTES: Final = 5

_NUMBERS: Final = ("boolean", "integer", "float")
_DTYPES: Final[dict[str, pl.DataType]] = {
    "boolean": pl.Boolean(),
    "integer": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "list": pl.List(pl.String()),
}


class Columns:
    """The columns made of one batch of property texts.

    Parameters
    ----------
    texts
        JSON objects as text; anything else counts as no properties.
    """

    def __init__(self, texts: pl.Series) -> None:
        self._height = len(texts)
        self._parts: dict[str, list[tuple[int, str, pl.Series]]] = {}
        average = max(1.0, texts.str.len_bytes().sum() / max(1, len(texts)))
        step = max(16, int(sqrt(_CELLS * _KEY_BYTES / average)))
        for start in range(0, len(texts), step):
            for name, kind, values in _decoded(texts[start : start + step]):
                self._parts.setdefault(name, []).append((start, kind, values))
        counts = {
            name: sum(len(values) - values.null_count() for _, _, values in parts)
            for name, parts in self._parts.items()
        }
        self._ranked = sorted(counts, key=lambda name: (-counts[name], name))
        self._counts = counts

    def series(self) -> list[pl.Series]:
        """Return the columns of the most frequent properties, named by property."""
        return [self._column(name) for name in self._ranked[:_COLUMNS]]

    def left(self) -> dict[tuple[str, str], int]:
        """Return (name, kind) and rows of the properties that stay in the text."""
        return {
            (name, _one_kind({kind for _, kind, _ in self._parts[name]})): self._counts[
                name
            ]
            for name in self._ranked[_COLUMNS:]
        }

    def _column(self, name: str) -> pl.Series:
        parts = self._parts[name]
        kind = _one_kind({had for _, had, _ in parts})
        dtype = _DTYPES[kind]
        pieces: list[pl.Series] = []
        at = 0
        for start, had, values in parts:
            if start > at:
                pieces.append(
                    pl.Series(name, [], dtype=dtype).extend_constant(None, start - at)
                )
            pieces.append(_as(values, had, kind).alias(name))
            at = start + len(values)
        if at < self._height:
            pieces.append(
                pl.Series(name, [], dtype=dtype).extend_constant(
                    None, self._height - at
                )
            )
        return pl.concat(pieces) if len(pieces) > 1 else pieces[0]


def _decoded(texts: pl.Series) -> list[tuple[str, str, pl.Series]]:
    if texts.null_count() == len(texts):
        return []
    try:
        decoded = texts.str.json_decode(infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # Kinds that polars cannot unite, an object beside a number for example.
        return _decoded_one_by_one(texts.to_list())
    if not isinstance(decoded.dtype, pl.Struct):
        return _decoded_one_by_one(texts.to_list())
    columns: list[tuple[str, str, pl.Series]] = []
    # Unnested at once: taking field after field is quadratic.
    for values in decoded.struct.unnest().get_columns():
        dtype = values.dtype
        if dtype == pl.Boolean:
            columns.append((values.name, "boolean", values))
        elif dtype == pl.Int64:
            columns.append((values.name, "integer", values))
        elif dtype.is_integer() or dtype.is_float():
            columns.append(
                (values.name, "float", values.cast(pl.Float64, strict=False))
            )
        elif dtype == pl.String:
            columns.append((values.name, "string", values))
        elif isinstance(dtype, pl.List) and not dtype.inner.is_nested():
            texts_list = values.cast(pl.List(pl.String))
            columns.append((values.name, "list", texts_list))
    return columns


def _decoded_one_by_one(
    texts: Sequence[str | None],
) -> list[tuple[str, str, pl.Series]]:
    values: dict[str, dict[int, object]] = {}
    kinds: dict[str, set[str]] = {}
    for row, text in enumerate(texts):
        try:
            found = orjson.loads(text) if text is not None else None
        except orjson.JSONDecodeError:
            continue
        if not isinstance(found, dict):
            continue
        for name, value in found.items():
            kind = _kind(value)
            if kind is not None:
                values.setdefault(name, {})[row] = value
                kinds.setdefault(name, set()).add(kind)
    columns: list[tuple[str, str, pl.Series]] = []
    for name, by_row in values.items():
        kind = _one_kind(kinds[name])
        cells = [
            None if row not in by_row else _value(by_row[row], kind)
            for row in range(len(texts))
        ]
        columns.append((name, kind, pl.Series(name, cells, dtype=_DTYPES[kind])))
    return columns


def _kind(value: object) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -(2**63) <= value < 2**63 else "float"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list) and not any(
        isinstance(one, list | dict) for one in value
    ):
        return "list"
    return None


def _value(value: object, kind: str) -> object:
    if kind == "list":
        items = value if isinstance(value, list) else [value]
        return [None if item is None else _text(item) for item in items]
    if kind == "string":
        return _text(value)
    if kind == "float" and isinstance(value, int | float):
        return float(value)
    if kind == "integer" and isinstance(value, int):
        return int(value)
    return value


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return orjson.dumps(value).decode()


def _one_kind(kinds: set[str]) -> str:
    """Return the kind that values of several kinds are kept as in one batch."""
    if len(kinds) == 1:
        return next(iter(kinds))
    if "list" in kinds:
        return "list"
    if kinds <= set(_NUMBERS):
        return max(kinds, key=_NUMBERS.index)
    return "string"


def _as(values: pl.Series, had: str, kind: str) -> pl.Series:
    if had == kind:
        return values
    text = values.cast(pl.String)
    if had == "float":
        text = text.str.strip_suffix(".0")
    if kind == "string":
        return text
    if kind == "list":
        frame = text.to_frame("one")
        wrapped = pl.when(pl.col("one").is_not_null()).then(pl.concat_list("one"))
        return frame.select(wrapped).to_series()
    return values.cast(_DTYPES[kind])
