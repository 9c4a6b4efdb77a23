"""Read every byte of a project and say where an id still stands."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl

from replaykit.store.layout import INDEX
from replaykit.store.recording_files import (
    MAGIC,
    read_index,
    read_segment,
    read_shared,
    read_state,
    read_summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replaykit.store.objects import Place

_ROWS: Final = 200_000
#: Ids this long are looked for anywhere in a text, shorter ones as whole values.
_LONG: Final = 8
#: Notes of who reads: named by the number of a process and at random.
_OURS: Final = "readers/"


@dataclass
class Proof:
    """What was read, and where something was found."""

    files: int = 0
    read_bytes: int = 0
    found: list[str] = field(default_factory=list)


def search(folder: Place, ids: Iterable[str], numbers: Iterable[int] = ()) -> Proof:
    """Look for ids in all files of a project: expanded Parquet, recordings, JSON.

    Parameters
    ----------
    folder
        The project.
    ids
        User, device and replay ids.
    numbers
        Amplitude ids.
    """
    words = sorted(set(ids))
    integers = sorted(set(numbers))
    proof = Proof()
    paths: list[Place] = list(folder.rglob("*"))
    for path in sorted(paths, key=str):
        if not path.is_file():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        proof.files += 1
        name = str(path).removeprefix(str(folder)).lstrip("/")
        for read, where in _texts(path, content, words, integers):
            proof.read_bytes += read
            if where:
                proof.found.append(f"{name}: {where}")
        proof.found += [
            f"{name}: its name holds {word!r}" for word in words if _names(name, word)
        ]
    return proof


def _names(name: str, word: str) -> bool:
    """Tell whether a file's name holds an id; a short one as a word of its own.

    Most names are random, digests or numbers of ours, in which any two letters stand.
    """
    if name.startswith(_OURS):
        return False
    around = name.split(word)
    return any(
        len(word) >= _LONG or not (left[-1:].isalnum() or right[:1].isalnum())
        for left, right in pairwise(around)
    )


def _texts(
    path: Place, content: bytes, words: list[str], integers: list[int]
) -> Iterable[tuple[int, str]]:
    if content[:4] == b"PAR1":
        yield from _in_parquet(content, words, integers)
    elif path.parent.name == INDEX:
        # Numbers of ours and times: no text and no id of another system.
        yield len(content), ""
    elif content.startswith(MAGIC):
        yield from _in_recording(path, content, words)
    else:
        yield len(content), _in_text(content, words)


def _in_parquet(
    content: bytes, words: list[str], integers: list[int]
) -> Iterable[tuple[int, str]]:
    table = pl.scan_parquet(io.BytesIO(content))
    # The footer holds statistics in clear.
    yield 0, _in_text(content[-(1 << 20) :], words)
    for batch in table.collect_batches(chunk_size=_ROWS):
        for column in batch.get_columns():
            size = int(column.estimated_size())
            yield size, _in_column(column, words, integers)


def _in_column(column: pl.Series, words: list[str], integers: list[int]) -> str:
    dtype = column.dtype
    if dtype.is_integer() and integers:
        at = column.is_in(integers)
        if column.name == "amplitude_id" and at.any():
            return f"{int(at.sum())} rows of {column.name!r}"
        return ""
    if not words:
        return ""
    if dtype.is_nested():
        texts = pl.Series([orjson.dumps(one, default=str).decode() for one in column])
    elif dtype == pl.String:
        texts = column
    elif dtype == pl.Binary:
        return _in_text(b"".join(column.drop_nulls()), words)
    else:
        return ""
    whole = texts.is_in(words)
    tokens = [orjson.dumps(word).decode() for word in words]
    tokens += [word for word in words if len(word) >= _LONG]
    inside = texts.str.contains_any(tokens)
    rows = int((whole | inside).sum())
    return f"{rows} rows of {column.name!r}" if rows else ""


def _in_recording(
    path: Place, content: bytes, words: list[str]
) -> Iterable[tuple[int, str]]:
    def shared(name: str) -> bytes:
        return read_shared(io.BytesIO((path.parent / name).read_bytes()))

    file = io.BytesIO(content)
    index = read_index(file)
    summary = orjson.dumps(read_summary(file, index))
    yield len(summary), _in_text(summary, words)
    state = zlib.decompress(read_state(file, index) or zlib.compress(b""))
    yield len(state), _in_text(state, words)
    entries = (*index.asides, *index.segments)
    notes = orjson.dumps([index.note, *(entry.note for entry in entries)])
    yield len(notes), _in_text(notes, words)
    for entry in entries:
        text = zlib.decompress(read_segment(file, entry, shared))
        yield len(text), _in_text(text, words)


def _in_text(content: bytes, words: list[str]) -> str:
    for word in words:
        token = orjson.dumps(word)
        # JSON inside JSON has its quotes escaped.
        nested = token.replace(b'"', b'\\"')
        plain = len(word) >= _LONG and word.encode() in content
        if plain or token in content or nested in content:
            return f"holds {word!r}"
    return ""
