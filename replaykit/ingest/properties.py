"""JSON objects of properties to typed columns, one per property and kind of value.

The text itself stays beside the columns, so nothing is lost: neither nested objects nor
properties beyond the number that columns are made for. A property that holds numbers in
some rows and text in others gets a column of each: what it is read as is decided over
the whole table (`store.properties`), not by what stood together in one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from re import escape
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl

from replaykit.schema import kind_column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

# Columns made of one batch; more properties than this stay in the text.
_COLUMNS: Final = 400
# Rows x keys of one decoding; a key takes at least five bytes of text.
_CELLS: Final = 50_000_000
_KEY_BYTES: Final = 5
# The same text this often on average is decoded once.
_REPEATED: Final = 4

_NUMBERS: Final = ("boolean", "integer", "float")
_DTYPES: Final[dict[str, pl.DataType]] = {
    "boolean": pl.Boolean(),
    "integer": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "list": pl.List(pl.String()),
}

# Rows from `start` on: what they hold of one property, in one kind.
Part = tuple[str, str, pl.Series]


@dataclass
class Shape:
    """What the last texts of an owner looked like; the next ones mostly do as well."""

    dtype: pl.DataType | None = None


@dataclass(frozen=True)
class Mixed:
    """How many values of a property are text among numbers, and one of them."""

    numbers: int
    texts: int
    example: str


class Columns:
    """The columns made of one batch of property texts.

    Parameters
    ----------
    texts
        JSON objects as text; anything else counts as no properties.
    shape
        Shared by all batches of one owner, to decode faster.
    within
        Properties that are asked for by `text` and get no column.
    """

    def __init__(
        self,
        texts: pl.Series,
        shape: Shape | None = None,
        within: Collection[str] = (),
    ) -> None:
        self._height = len(texts)
        self._within = frozenset(within)
        self._parts: dict[str, list[tuple[int, str, pl.Series]]] = {}
        for start, parts in _distinct(texts, shape or Shape()):
            for name, kind, values in parts:
                self._parts.setdefault(name, []).append((start, kind, values))
        counts = {
            name: sum(len(values) - values.null_count() for _, _, values in parts)
            for name, parts in self._parts.items()
        }
        self._ranked = sorted(
            counts.keys() - self._within, key=lambda name: (-counts[name], name)
        )
        self._counts = counts

    def series(self) -> list[pl.Series]:
        """Return the columns of the most frequent properties.

        A column is named by its property; the texts of a property that has numbers as
        well are named by `schema.kind_column`.
        """
        return [
            self._column(name, kind, had).alias(
                name if number == 0 else kind_column(name, kind)
            )
            for name in self._ranked[:_COLUMNS]
            for number, (kind, had) in enumerate(self._kinds(name).items())
        ]

    def text(self, name: str) -> pl.Series:
        """Return what a property says as text, whatever its kind."""
        if name not in self._parts:
            return _nothing(name, pl.String(), self._height)
        columns = [
            _as(self._column(name, kind, had), kind, "string")
            for kind, had in self._kinds(name).items()
            if kind != "list"
        ]
        if not columns:
            return _nothing(name, pl.String(), self._height)
        first, *others = columns
        for other in others:
            first = first.fill_null(other)
        return first

    def left(self) -> dict[tuple[str, str], int]:
        """Return (name, kind) and rows of the properties that stay in the text."""
        return {
            (name, _one_kind({kind for _, kind, _ in self._parts[name]})): self._counts[
                name
            ]
            for name in self._ranked[_COLUMNS:]
        }

    def mixed(self) -> dict[str, Mixed]:
        """Return the properties that hold both numbers and text here."""
        found: dict[str, Mixed] = {}
        for name in self._ranked[:_COLUMNS]:
            if len(self._kinds(name)) < 2:
                continue
            texts = [part for _, kind, part in self._parts[name] if kind == "string"]
            odd = pl.concat(texts).drop_nulls()
            if len(odd):
                numbers = self._counts[name] - len(odd)
                found[name] = Mixed(numbers, len(odd), str(odd[0]))
        return found

    def _kinds(self, name: str) -> dict[str, frozenset[str]]:
        """Return the kinds of column a property gets, and the kinds that go in each."""
        return _groups({kind for _, kind, _ in self._parts[name]})

    def _column(self, name: str, kind: str, kinds: frozenset[str]) -> pl.Series:
        dtype = _DTYPES[kind]
        pieces: list[pl.Series] = []
        at = 0
        for start, had, values in self._parts[name]:
            if had not in kinds:
                continue
            piece = _as(values, had, kind).alias(name)
            if pieces and start < at:
                # A second kind of the same rows.
                pieces[-1] = pieces[-1].fill_null(piece)
                continue
            if start > at:
                pieces.append(_nothing(name, dtype, start - at))
            pieces.append(piece)
            at = start + len(values)
        if at < self._height:
            pieces.append(_nothing(name, dtype, self._height - at))
        return pl.concat(pieces) if len(pieces) > 1 else pieces[0]


def _nothing(name: str, dtype: pl.DataType, height: int) -> pl.Series:
    return pl.Series(name, [], dtype=dtype).extend_constant(None, height)


def _distinct(texts: pl.Series, shape: Shape) -> Iterable[tuple[int, list[Part]]]:
    """Decode every distinct text once where texts repeat, as those of users do."""
    if texts.null_count() == len(texts):
        return []
    distinct = texts.unique()
    if len(distinct) * _REPEATED > len(texts):
        return _chunked(texts, shape)
    place = pl.DataFrame({"text": distinct}).with_row_index("at")
    at = (
        texts.alias("text")
        .to_frame()
        .join(place, on="text", how="left", maintain_order="left", nulls_equal=True)[
            "at"
        ]
    )
    parts: list[Part] = []
    for start, found in _chunked(distinct, shape):
        for name, kind, values in found:
            # Rows of other chunks of the distinct texts become null.
            inside = at.cast(pl.Int64) - start
            inside = inside.set((inside < 0) | (inside >= len(values)), None)
            parts.append((name, kind, values.gather(inside)))
    return [(0, parts)]


def _chunked(texts: pl.Series, shape: Shape) -> Iterable[tuple[int, list[Part]]]:
    known = _as_before(texts, shape)
    if known is not None:
        yield 0, known
        return
    average = max(1.0, texts.str.len_bytes().sum() / max(1, len(texts)))
    step = max(16, int(sqrt(_CELLS * _KEY_BYTES / average)))
    for start in range(0, len(texts), step):
        yield start, _decoded(texts[start : start + step], shape)


def _as_before(texts: pl.Series, shape: Shape) -> list[Part] | None:
    """Decode texts as the ones before, and prove that nothing was missed.

    Keys and quotes are counted in the text: were there another key, a number where a
    text is expected, or anything nested or escaped, the counts would differ.
    """
    if shape.dtype is None:
        return None
    try:
        fields = texts.str.json_decode(shape.dtype).struct.unnest().get_columns()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    cells = sum(len(one) - one.null_count() for one in fields)
    words = sum(len(one) - one.null_count() for one in fields if one.dtype == pl.String)
    keys, quotes, nulls = (
        int(texts.str.count_matches(sign, literal=True).sum())
        for sign in ('":', '"', '":null')
    )
    if keys != cells + nulls or quotes != 2 * (keys + words):
        return None
    return [part for one in fields for part in _typed(one)]


def _decoded(texts: pl.Series, shape: Shape) -> list[Part]:
    if texts.null_count() == len(texts):
        return []
    try:
        decoded = texts.str.json_decode(infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # Kinds that polars cannot unite, an object beside a number for example.
        return _decoded_one_by_one(texts.to_list())
    if not isinstance(decoded.dtype, pl.Struct):
        return _decoded_one_by_one(texts.to_list())
    shape.dtype = _plain(decoded.dtype)
    # Unnested at once: taking field after field is quadratic.
    columns: list[Part] = []
    for values in decoded.struct.unnest().get_columns():
        for part in _typed(values):
            columns += _told_apart(part, texts) if part[1] == "string" else [part]
    return columns


def _plain(dtype: pl.Struct) -> pl.DataType | None:
    fields = [one for one in dtype.fields if one.dtype != pl.Null]
    if not fields or any(one.dtype.is_nested() for one in fields):
        return None
    return pl.Struct(fields)


def _typed(values: pl.Series) -> list[Part]:
    dtype = values.dtype
    if dtype == pl.Boolean:
        return [(values.name, "boolean", values)]
    if dtype == pl.Int64:
        return [(values.name, "integer", values)]
    if dtype.is_integer() or dtype.is_float():
        return [(values.name, "float", values.cast(pl.Float64, strict=False))]
    if dtype == pl.String:
        return [(values.name, "string", values)]
    if isinstance(dtype, pl.List) and not dtype.inner.is_nested():
        return [(values.name, "list", values.cast(pl.List(pl.String)))]
    return []


def _told_apart(part: Part, texts: pl.Series) -> list[Part]:
    """Split what was decoded as text into numbers and text, as the JSON has them."""
    name, _, values = part
    flags = values.replace_strict(
        ["true", "false"], [1.0, 0.0], default=None, return_dtype=pl.Float64
    )
    numbers = values.cast(pl.Float64, strict=False).fill_null(flags)
    maybe = numbers.is_not_null().arg_true()
    if not len(maybe):
        return [part]
    key = escape(orjson.dumps(name).decode())
    bare = texts.gather(maybe).str.contains(rf"{key}\s*:\s*(-?[0-9]|true|false)")
    if not bare.any():
        return [part]
    mask = pl.Series([False]).new_from_index(0, len(values))
    mask = mask.scatter(maybe.filter(bare), True)  # noqa: FBT003 - a value
    numbers = numbers.set(~mask, None)
    if flags.set(~mask, None).null_count() == numbers.null_count():
        numeric: Part = (name, "boolean", numbers.cast(pl.Boolean))
    elif values.str.contains(r"\d[.eE]").set(~mask, None).any():
        numeric = (name, "float", numbers)
    else:
        whole = values.cast(pl.Int64, strict=False).fill_null(flags.cast(pl.Int64))
        numeric = (name, "integer", whole.set(~mask, None))
    rest = values.set(mask, None)
    if rest.null_count() == len(rest):
        return [numeric]
    return [numeric, (name, "string", rest)]


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
    columns: list[Part] = []
    for name, by_row in values.items():
        for kind, had in _groups(kinds[name]).items():
            cells = [
                _value(by_row[row], kind)
                if row in by_row and _kind(by_row[row]) in had
                else None
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


def _groups(kinds: set[str]) -> dict[str, frozenset[str]]:
    """Return the kinds of column that values become, and which values go in each."""
    numbers = frozenset(kinds & set(_NUMBERS))
    if "list" in kinds or not numbers or numbers == kinds:
        return {_one_kind(kinds): frozenset(kinds)}
    return {_one_kind(set(numbers)): numbers, "string": frozenset(("string",))}


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
