"""Which properties the table knows, where each lies, and how it is read.

A property lies in one wide column per kind of value it has had, or, when there are too
many properties, only in the JSON text of its owner. Readers see neither: they name a
property and get one column of one dtype.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast, get_args

import polars as pl

from replaykit.schema import COLUMNS, Owner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

#: How many properties of each owner get a wide column by themselves.
PROMOTED: Final[dict[Owner, int]] = {
    "event": 64,
    "user": 64,
    "builtin": 64,
    "group": 16,
}

#: The JSON text that keeps what an owner has no wide column for.
TEXT: Final[dict[Owner, str]] = {
    "event": "event_properties",
    "user": "user_properties",
    "builtin": "user_properties",
    "group": "groups",
}

#: dtype of each kind of value on disk and in the scan.
KINDS: Final[dict[str, pl.DataType]] = {
    "boolean": pl.Boolean(),
    "integer": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "time": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "list": pl.List(pl.String()),
}

_PREFIX: Final[dict[Owner, str]] = {
    "event": "e_",
    "user": "u_",
    "builtin": "",
    "group": "g_",
}
#: Columns of the table itself, which no property may be named like.
FIXED: Final[dict[str, pl.DataType]] = {
    "bucket": pl.Int32(),
    "user": pl.Int32(),
    "time": pl.Int64(),
    "event": pl.String(),
    "event_code": pl.Int16(),
    "active": pl.Boolean(),
    "session_id": pl.Int64(),
    "row": pl.Int64(),
    "device_id": pl.String(),
    "client_time": pl.Int64(),
    "upload_time": pl.Int64(),
    "event_id": pl.Int64(),
    "insert_id": pl.String(),
    "uuid": pl.String(),
    "key": pl.Int64(),
    "known": pl.Boolean(),
    "event_properties": pl.String(),
    "user_properties": pl.String(),
    "groups": pl.String(),
}
_NUMBERS: Final = ("boolean", "integer", "float")
#: A property is a number while at most one in so many of its values is text.
_ODD: Final = 10
# A bare name belongs to the first of these that has it.
_PRECEDENCE: Final[tuple[Owner, ...]] = ("event", "user", "builtin", "group")


def kind_of(dtype: pl.DataType) -> str | None:
    """Return the kind that values of a dtype are kept as; None if they are not."""
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "float" if dtype in (pl.UInt64, pl.Int128, pl.UInt128) else "integer"
    if dtype.is_float() or dtype.is_decimal():
        return "float"
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Time):
        return "string"
    if isinstance(dtype, pl.Datetime):
        return "time"
    if dtype == pl.Date:
        return "date"
    if dtype == pl.Duration:
        return "float"
    if isinstance(dtype, pl.List | pl.Array) and not dtype.inner.is_nested():
        return "list"
    return None


def as_kind(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Cast a column of `dtype` to the dtype its kind is kept as."""
    kind = kind_of(dtype)
    if kind is None:
        return column
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return column.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if dtype == pl.Duration:
        return column.dt.total_microseconds() / 1_000_000
    return column.cast(KINDS[kind], strict=False)


@dataclass(frozen=True)
class Property:
    """One property: owner and name, how often which kind of value, its wide columns."""

    owner: Owner
    name: str
    filled: tuple[tuple[str, int], ...] = ()
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds its values have had."""
        return tuple(kind for kind, _ in self.filled)

    @property
    def promoted(self) -> bool:
        """Whether the values lie in wide columns."""
        return bool(self.columns)

    @property
    def kind(self) -> str:
        """The one kind a reader sees.

        Numbers of several kinds are read as the widest (true is 1), values beside a
        list as lists of one item. Where at most one value in ten is text among numbers,
        the property is a number: texts that read as one count as such, any other is
        null (it stays in the JSON text). Any other mixture is text.
        """
        filled = {kind: rows for kind, rows in self.filled if rows} or dict(self.filled)
        kinds = set(filled)
        if len(kinds) == 1:
            return next(iter(kinds))
        if "list" in kinds:
            return "list"
        numbers = kinds & set(_NUMBERS)
        if not numbers or not kinds - numbers <= {"string"}:
            return "string"
        if filled.get("string", 0) * _ODD > sum(filled.values()):
            return "string"
        return max(numbers, key=_NUMBERS.index)

    def values(self) -> pl.Expr:
        """Return the expression that reads the property from the physical table."""
        kind = self.kind
        if not self.promoted:
            return from_text(TEXT[self.owner], self.name, kind)
        parts = [_read_as(pl.col(name), had, kind) for had, name in self.columns]
        return parts[0] if len(parts) == 1 else pl.coalesce(parts)


@dataclass(frozen=True)
class Registry:
    """All properties a table has had."""

    properties: tuple[Property, ...] = ()
    _by_name: dict[tuple[Owner, str], Property] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Index the properties by owner and name."""
        known = {(one.owner, one.name): one for one in self.properties}
        object.__setattr__(self, "_by_name", known)

    def find(self, name: str) -> Property | None:
        """Return the property that a reader means by `price` or `event.price`."""
        for owner in _PRECEDENCE:
            if name not in COLUMNS and (owner, name) in self._by_name:
                return self._by_name[owner, name]
        owner_text, dot, rest = name.partition(".")
        if dot and owner_text in get_args(Owner):
            owner = cast("Owner", owner_text)
            found = self._by_name.get((owner, rest))
            if found is None and owner == "user":
                found = self._by_name.get(("builtin", rest))
            return found
        return None

    def readable(self) -> dict[str, str]:
        """Map every name a reader can use to its kind, bare names first."""
        bare: dict[str, str] = {}
        full: dict[str, str] = {}
        for owner in _PRECEDENCE:
            for one in self.properties:
                if one.owner != owner:
                    continue
                if one.name in bare or one.name in COLUMNS:
                    shown = "user" if owner == "builtin" else owner
                    full.setdefault(f"{shown}.{one.name}", one.kind)
                else:
                    bare[one.name] = one.kind
        return bare | full

    def columns(self) -> dict[str, pl.DataType]:
        """Map every wide column to its dtype."""
        return {
            column: KINDS[kind]
            for one in self.properties
            for kind, column in one.columns
        }

    def values(self) -> dict[str, int]:
        """Map every wide column to the number of values in it."""
        return {
            column: dict(one.filled).get(kind, 0)
            for one in self.properties
            for kind, column in one.columns
        }

    def absorb(
        self,
        seen: Mapping[tuple[Owner, str, str], int],
        narrow: Mapping[tuple[Owner, str, str], int],
        declared: Collection[str] = (),
    ) -> Registry:
        """Return the registry after rows with these (owner, name, kind) arrived.

        `narrow` names those of which some rows came without a column, `declared` the
        columns of the table: a writer that died may have declared more than it wrote.

        A property gets wide columns when it arrives, the most frequent first, while
        there is room; one that came too late stays in the text until it is promoted, so
        that a wide column is always complete.
        """
        known = dict(self._by_name)
        arrived: dict[tuple[Owner, str], dict[str, int]] = {}
        for (owner, name, kind), rows in (*seen.items(), *narrow.items()):
            kinds = arrived.setdefault((owner, name), {})
            kinds[kind] = kinds.get(kind, 0) + rows
        partial = {(owner, name) for owner, name, _ in narrow}
        taken = {*FIXED, *declared, *self.columns()}
        room = {
            owner: PROMOTED[owner]
            - sum(one.promoted for one in known.values() if one.owner == owner)
            for owner in _PRECEDENCE
        }
        ranked = sorted(
            arrived.items(), key=lambda item: (-sum(item[1].values()), item[0])
        )
        for (owner, name), kinds in ranked:
            old = known.get((owner, name))
            if old is None:
                promote = room[owner] > 0 and (owner, name) not in partial
                room[owner] -= promote
                old = Property(owner, name, ())
            else:
                promote = old.promoted
            columns = dict(old.columns)
            for kind in sorted(kinds):
                if promote and kind not in columns:
                    columns[kind] = _column_name(
                        owner, name, kind, taken, second=bool(columns)
                    )
                    taken.add(columns[kind])
            filled = dict(old.filled)
            for kind, rows in kinds.items():
                filled[kind] = filled.get(kind, 0) + rows
            known[owner, name] = replace(
                old,
                filled=tuple(sorted(filled.items())),
                columns=tuple(columns.items()),
            )
        return Registry(tuple(known.values()))

    def counted(self, values: Mapping[str, int]) -> Registry:
        """Return the registry with what its wide columns really hold.

        Rows that turn out to be duplicates were counted when they arrived.
        """
        return Registry(
            tuple(
                replace(
                    one,
                    filled=tuple(
                        sorted(
                            (kind, values.get(name, 0)) for kind, name in one.columns
                        )
                    ),
                )
                if one.promoted
                else one
                for one in self.properties
            )
        )

    def promote(self, one: Property, declared: Collection[str] = ()) -> Registry:
        """Return the registry with wide columns for `one`."""
        taken = {*FIXED, *declared, *self.columns()}
        kinds = [one.kind]
        if one.kind in _NUMBERS and "string" in one.kinds:
            # The texts among the numbers keep their place, should they become many.
            kinds.append("string")
        columns: dict[str, str] = {}
        for kind in kinds:
            columns[kind] = _column_name(
                one.owner, one.name, kind, taken, second=bool(columns)
            )
            taken.add(columns[kind])
        rows = sum(rows for _, rows in one.filled)
        wide = replace(one, filled=((one.kind, rows),), columns=tuple(columns.items()))
        return Registry(
            tuple(wide if other == one else other for other in self.properties)
        )

    def extracted(self, column: str) -> pl.Expr | None:
        """Return what fills a new wide column of a property, from the text."""
        for one in self.properties:
            kinds = {name: kind for kind, name in one.columns}
            if column not in kinds:
                continue
            text = TEXT[one.owner]
            value = from_text(text, one.name, kinds[column])
            first = one.columns[0][0]
            if kinds[column] == first:
                return value
            return pl.when(from_text(text, one.name, first).is_null()).then(value)
        return None

    def to_json(self) -> list[dict[str, object]]:
        """Return the registry as plain values."""
        return [
            {
                "owner": one.owner,
                "name": one.name,
                "filled": dict(one.filled),
                "columns": dict(one.columns),
            }
            for one in self.properties
        ]

    @classmethod
    def from_json(cls, raw: Iterable[Mapping[str, object]]) -> Registry:
        """Read what `to_json` wrote."""
        return cls(
            tuple(
                Property(
                    cast("Owner", one["owner"]),
                    str(one["name"]),
                    tuple(_filled(one).items()),
                    tuple(cast("dict[str, str]", one["columns"]).items()),
                )
                for one in raw
            )
        )


def _filled(raw: Mapping[str, object]) -> dict[str, int]:
    if "filled" in raw:
        return cast("dict[str, int]", raw["filled"])
    # Projects of the first release counted rows, not kinds.
    return dict.fromkeys(cast("list[str]", raw["kinds"]), cast("int", raw["rows"]))


def _read_as(column: pl.Expr, had: str, kind: str) -> pl.Expr:
    if had == kind:
        return column
    if kind == "list":
        text = _read_as(column, had, "string")
        # A null must stay null, not become a list of one null.
        return pl.when(column.is_not_null()).then(pl.concat_list(text))
    if had == "list":
        return pl.format("[{}]", column.list.join(","))
    if kind == "string" and had == "float":
        # 1.0 beside text reads "1", as it does when text and number share a file.
        return column.cast(pl.String).str.strip_suffix(".0")
    if kind == "string" and had == "time":
        return column.dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ")
    return column.cast(KINDS[kind], strict=False)


def from_text(text: str, name: str, kind: str) -> pl.Expr:
    """Return the expression that extracts one property from a column of JSON text."""
    if "'" in name or "\\" in name:
        # A path cannot quote such a name; decoding one named field can.
        decoded = pl.col(text).str.json_decode(pl.Struct({name: pl.String}))
        value = decoded.struct.field(name)
    else:
        value = pl.col(text).str.json_path_match(f"$['{name}']")
    value = pl.when(value != "null").then(value)
    if kind == "string":
        return value
    if kind == "list":
        many = value.str.starts_with("[")
        decoded = pl.when(many).then(value).str.json_decode(pl.List(pl.String))
        one = pl.when(value.is_not_null()).then(pl.concat_list(value))
        return pl.when(many).then(decoded).otherwise(one)
    if kind == "boolean":
        return value.str.to_lowercase() == "true"
    if kind == "date":
        return value.str.to_date(strict=False)
    if kind == "time":
        return value.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    number = value.replace({"true": "1", "false": "0"})
    return number.cast(KINDS[kind], strict=False)


def _column_name(
    owner: Owner,
    name: str,
    kind: str,
    taken: set[str],
    *,
    second: bool,
) -> str:
    # Other engines refuse spaces and brackets in column names.
    slug = re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")[:60] or "property"
    wanted = _PREFIX[owner] + slug + (f"__{kind}" if second else "")
    free = wanted
    number = 2
    while free in taken:
        free = f"{wanted}_{number}"
        number += 1
    return free
