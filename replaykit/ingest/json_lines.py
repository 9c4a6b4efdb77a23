"""JSON lines to a frame of text columns, leaving out what is not JSON."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl

from replaykit.errors import BadInput
from replaykit.ingest.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Collection

    from replaykit.ingest.files import Block

# Whole files that are one JSON array are read at once; larger ones must be lines.
LARGEST_ARRAY: Final = 1 << 30
_WHOLE: Final = 10**15


@dataclass(frozen=True, eq=False)
class Parsed:
    """A frame with one row per good line, and the bad lines.

    Parameters
    ----------
    frame
        One text column per wanted field; objects and lists as JSON text.
    lines
        The line number of each row, or `None` when rows and lines agree.
    bad
        (line number, reason, text) of each line that is left out.
    """

    frame: pl.DataFrame
    first_line: int
    lines: pl.Series | None
    bad: tuple[tuple[int, str, str], ...]

    def line(self, row: int) -> int:
        """Return the line number of a row."""
        return self.first_line + row if self.lines is None else int(self.lines[row])


def parse_lines(
    block: Block,
    fields: Collection[str],
    *,
    times: Collection[str] = (),
    numbers: Collection[str] = (),
) -> Parsed:
    """Parse a block of JSON lines into text columns.

    Numbers, booleans and null keep their JSON spelling, so that `7` and `"7"` are one
    value and no number is too large.

    Parameters
    ----------
    block
        Whole lines.
    fields
        The wanted top-level fields.
    times, numbers
        Fields that become naive UTC `Datetime("us")` and `Int64` columns where every
        value of the block is plainly one; else they are text like the others.
    """
    found = Lines(block.data, fields, block.ends, times=times, numbers=numbers)
    if not found.odd:
        frame = found.frame()
        # Empty lines are no rows.
        whole = frame.height == block.ends
        lines = None if whole else found.numbers() + block.first_line
        return Parsed(frame, block.first_line, lines, ())
    numbers = found.numbers() + block.first_line
    others, at, bad = _sorted_out(
        [(int(numbers[row]), line) for row, line in found.odd_lines()],
        dict.fromkeys(fields, pl.String()),
    )
    # Each row to its place: those read here, and those that the parser could read.
    plain = ~found.odd_rows
    lines = pl.concat([numbers.filter(plain), at])
    order = lines.arg_sort()
    frame = pl.concat([found.frame().filter(plain), others])[order]
    return Parsed(frame, block.first_line, lines.gather(order), bad)


def _sorted_out(
    numbered: list[tuple[int, bytes]], schema: dict[str, pl.String]
) -> tuple[pl.DataFrame, pl.Series, tuple[tuple[int, str, str], ...]]:
    """Return what the parser reads, the numbers of its lines, and the bad lines."""
    good: list[pl.DataFrame] = [pl.DataFrame(schema=schema)]
    lines: list[int] = []
    bad: list[tuple[int, str, str]] = []
    # Halving finds the bad lines with the same parser that reads the good ones, so a
    # line reads the same whatever stands beside it.
    waiting = [numbered]
    while waiting:
        part = waiting.pop()
        if not part:
            continue
        frame = _read(b"\n".join(line for _, line in part), schema)
        if frame is not None and frame.height == len(part):
            good.append(_respelled(frame, [line for _, line in part]))
            lines.extend(number for number, _ in part)
        elif len(part) == 1:
            number, line = part[0]
            bad.append((number, _reason(line), line[:200].decode("utf-8", "replace")))
        else:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return pl.concat(good), pl.Series(lines, dtype=pl.Int64), tuple(bad)


def _respelled(frame: pl.DataFrame, lines: list[bytes]) -> pl.DataFrame:
    """Spell objects and lists as `Lines` does; the parser does not escape again."""
    spelled: dict[str, dict[int, str]] = {}
    for row, line in enumerate(lines):
        try:
            values = orjson.loads(line)
            for name in frame.columns:
                if isinstance(values.get(name), dict | list):
                    spelled.setdefault(name, {})[row] = _compact(values[name])
        except (orjson.JSONDecodeError, RecursionError):
            continue
    return frame.with_columns(
        frame[name].scatter(list(texts), list(texts.values()))
        for name, texts in spelled.items()
    )


def _compact(value: object) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    """Return a value with whole numbers without decimals, as everywhere."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return int(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _read(data: bytes, schema: dict[str, pl.String]) -> pl.DataFrame | None:
    if not data.strip():
        return pl.DataFrame(schema=schema)
    if not data.startswith(b"{"):
        # Polars would expand what begins like a compressed file, without any limit.
        data = b"\n" + data
    try:
        return pl.read_ndjson(io.BytesIO(data), schema=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None


def _reason(line: bytes) -> str:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "not JSON"
    if not isinstance(value, dict):
        return "JSON, but not an object"
    return "an object with numbers or nesting beyond reason"


def array_as_lines(data: bytes, name: str) -> bytes:
    """Turn a JSON array of objects into JSON lines.

    Raises
    ------
    BadInput
        If it is not a JSON array.
    """
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadInput(
            f"{name} is not JSON: {error}. Nothing was ingested; an export has one "
            "JSON object per line."
        ) from error
    return b"\n".join(orjson.dumps(value) for value in values)
