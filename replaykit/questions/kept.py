"""Results that are kept, so that a question asked twice is answered once.

They are kept with the source, which is one state of the data, under all that was asked:
the handle's range, filters and people, and every argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Hashable

    from replaykit.questions.asking import Asking

R = TypeVar("R")

#: So many results are kept of one state of the data, the latest ones.
MOST: Final = 8

_PLAIN: Final = (str, bytes, bool, int, float, date, datetime, time, timedelta)
#: What polars writes before a Python function; such a one may answer otherwise later.
_FUNCTION: Final = b"PLPYUDF"
_LOCK: Final = Lock()


class _NotKept(Exception):
    """Something was asked that cannot be compared with what was asked before."""


class _Same:
    """An object that equals itself alone, and lives as long as the key it is in."""

    def __init__(self, one: object) -> None:
        self.one = one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.one is other.one

    def __hash__(self) -> int:
        return id(self.one)


def key_of(
    name: str, asking: Asking, data: tuple[object, ...], options: Mapping[str, object]
) -> Hashable | None:
    """Return what tells this question from all others of its source, if that is known.

    None where an argument cannot be compared, such as a Python function in an
    expression.
    """
    own = [
        (one.name, getattr(asking, one.name))
        for one in fields(asking)
        if one.name != "source"
    ]
    try:
        return (name, _moment(asking), _key(own), _key(data), _key(options))
    except _NotKept:
        return None


def kept(asking: Asking, key: Hashable | None) -> object | None:
    """Return the result of a question that was asked before, for whoever asks now."""
    results = asking.source.results
    with _LOCK:
        found = results.pop(key, None)
        if found is not None:
            results[key] = found  # the latest
    return None if found is None else _own(found, events=asking)


def keep(asking: Asking, key: Hashable | None, result: R) -> R:
    """Keep a result; return one for whoever asked."""
    if key is None:
        return result
    results = asking.source.results
    with _LOCK:
        results[key] = result
        while len(results) > MOST:
            results.pop(next(iter(results)))
    found: R = _own(result)
    return found


def _own(result: Any, **changed: Any) -> Any:  # noqa: ANN401 - of whatever kind it is
    """Return the same result with frames, points and a widget of its own.

    Frames can be changed in place; what one analyst does to a table must not be what
    the next one gets. No data are copied.
    """
    answer = replace(result.answer, **_frames(result.answer))
    return replace(result, answer=answer, **_frames(result), **changed)


def _frames(holder: Any) -> dict[str, pl.DataFrame]:  # noqa: ANN401 - any dataclass
    return {
        one.name: value.clone()
        for one in fields(holder)
        if isinstance(value := getattr(holder, one.name), pl.DataFrame)
    }


def _moment(asking: Asking) -> datetime:
    """Return the moment up to which a question sees its data.

    Of a clock its minute, in which no interval ends: as long as every event lies before
    it, the moments of one minute give one answer.
    """
    source = asking.source
    now = asking.span.now or source.now()
    if asking.span.now is not None or source.now() == now:
        return now
    minute = now.replace(second=0, microsecond=0)
    edges = source.edges
    if edges is not None and edges[1] >= minute:
        raise _NotKept
    return minute


def _key(value: object) -> Hashable:
    """Return what equals only the same value of the same kind."""
    kind = type(value).__qualname__
    if value is None or isinstance(value, _PLAIN):
        # One and True are equal, and so is 1.0.
        return kind, value
    if isinstance(value, pl.Expr):
        written = value.meta.serialize()
        if _FUNCTION in written:
            raise _NotKept
        return kind, written
    if isinstance(value, list | tuple):
        return kind, tuple(_key(one) for one in value)
    if isinstance(value, set | frozenset):
        return kind, frozenset(_key(one) for one in value)
    if isinstance(value, Mapping):
        return kind, tuple((_key(name), _key(one)) for name, one in value.items())
    if isinstance(value, pl.Series | pl.DataFrame) or hasattr(value, "population"):
        return _Same(value)
    if is_dataclass(value) and not isinstance(value, type):
        named = fields(value)
        return kind, tuple(_key(getattr(value, one.name)) for one in named)
    raise _NotKept
