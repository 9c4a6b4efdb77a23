"""How a widget's questions are read and answered, and the files of its front end."""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from replaykit.errors import BadInput, UnknownOption
from replaykit.rows_as_json import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATIC: Final = Path(__file__).parent.parent / "widgets" / "static"

#: Parts of the front end that are sent when they are first needed.
MODULES: Final = ("plotly", "views")

#: A page of rows is never longer than this, whatever the front end asks for.
MOST_ROWS: Final = 500

#: So many points of one widget stay open in memory.
KEPT_POINTS: Final = 8
#: More stay open while their tables have no more rows than this in all.
KEPT_ROWS: Final = 250_000


class Reply(NamedTuple):
    """A JSON part and its binary parts."""

    data: dict[str, Any]
    buffers: tuple[bytes, ...] = ()


class Answers(Protocol):
    """Anything that can answer the questions of a widget."""

    def answer(self, kind: str, params: Mapping[str, Any]) -> Reply:
        """Answer one question, or raise a `ReplayKitError`."""
        ...


def key_of(kind: str, params: Mapping[str, Any]) -> str:
    """Return the name under which a capsule keeps the answer to a question.

    Examples
    --------
    >>> key_of("users", {"offset": 0, "key": "funnel"})
    'users {"key":"funnel","offset":0}'
    """
    return f"{kind} {to_json(dict(params))}"


@lru_cache(maxsize=2)
def module_source(kind: str) -> bytes:
    """Return the deflated source of a part of the front end, as it asks for it.

    Parameters
    ----------
    kind
        `"plotly"`, the chart library; `"views"`, all views but the player.
    """
    return zlib.compress(bundle_file(f"{kind}.js").read_bytes(), 6)


def bundle_file(name: str) -> Path:
    """Return a file of the built front end, or say how to build it."""
    path = STATIC / name
    if not path.exists():
        raise BadInput(
            f"The front end ({name}) has not been built in this checkout. "
            "pip install -e . builds it."
        )
    return path


def unknown(kind: str, known: Iterable[str]) -> Reply:
    """Refuse a question of a kind that is not answered here."""
    listed = ", ".join(known)
    raise UnknownOption(f"Nothing is asked by the name {kind!r} here, only {listed}.")


def inside(params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the result that a question is asked of, and the question there.

    `within` is the way to a result that a point led to, the first one first.
    """
    way = params["within"]
    first, *further = [way] if isinstance(way, str) else texts_in(params, "within")
    inner = {key: value for key, value in params.items() if key != "within"}
    return first, {**inner, **({"within": further} if further else {})}


def text_in(params: Mapping[str, Any], name: str) -> str:
    """Read a text of a question."""
    value = params.get(name)
    if not isinstance(value, str):
        raise UnknownOption(f"{name} must be a text, not {value!r}.")
    return value


def count_in(params: Mapping[str, Any], name: str) -> int:
    """Read a whole number of a question, 0 where it is left out."""
    value = params.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnknownOption(f"{name} must be a whole number from 0, not {value!r}.")
    return value


def counts_in(params: Mapping[str, Any], name: str) -> list[int]:
    """Read a list of whole numbers of a question."""
    value = params.get(name)
    if not isinstance(value, list):
        raise UnknownOption(f"{name} must be a list of whole numbers, not {value!r}.")
    return [count_in({name: one}, name) for one in value]


def texts_in(params: Mapping[str, Any], name: str) -> list[str]:
    """Read a list of texts of a question, empty where it is left out."""
    value = params.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UnknownOption(f"{name} must be a list of texts, not {value!r}.")
    return value
