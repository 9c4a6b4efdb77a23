"""JSON lines to a frame of text columns, leaving out what is not JSON."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl

from replaykit.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replaykit.ingest.files import Block

# Whole files that are one JSON array are read at once; larger ones must be lines.
LARGEST_ARRAY: Final = 1 << 30


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


def parse_lines(block: Block, fields: Iterable[str]) -> Parsed:
    """Parse a block of JSON lines into text columns.

    Numbers, booleans and null keep their JSON spelling, so that `7` and `"7"` are one
    value and no number is too large.
    """
    schema = dict.fromkeys(fields, pl.String())
    if not block.data.strip():
        return Parsed(pl.DataFrame(schema=schema), block.first_line, None, ())
    frame = _read(block.data, schema)
    ends = block.ends + (not block.data.endswith(b"\n"))
    if frame is not None and frame.height == ends:
        return Parsed(frame, block.first_line, None, ())
    numbered = [
        (number, line)
        for number, line in enumerate(block.data.split(b"\n"), block.first_line)
        if line.strip()
    ]
    if frame is not None and frame.height == len(numbered):
        lines = pl.Series([number for number, _ in numbered], dtype=pl.Int64)
        return Parsed(frame, block.first_line, lines, ())
    return _sorted_out(numbered, schema, block.first_line)


def _sorted_out(
    numbered: list[tuple[int, bytes]], schema: dict[str, pl.String], first_line: int
) -> Parsed:
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
            good.append(frame)
            lines.extend(number for number, _ in part)
        elif len(part) == 1:
            number, line = part[0]
            bad.append((number, _reason(line), line[:200].decode("utf-8", "replace")))
        else:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return Parsed(
        pl.concat(good),
        first_line,
        pl.Series(lines, dtype=pl.Int64),
        tuple(bad),
    )


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
