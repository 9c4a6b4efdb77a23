"""The name of a point: one short string that a chart carries and a click sends back.

A key says which number of an answer is meant: the series, the interval, the step, the
node. Charts put it into `customdata`, the analyses turn it into a population, and a
shared page uses it to find what it holds. It is written and read here and nowhere else.

Parts are joined by `|` and the labels of several groupings by the unit separator; both
are escaped inside a part, so any event name or property value survives the round trip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from replaykit.errors import UnknownPoint, check_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Outcome: TypeAlias = Literal["reached", "dropped"]
Return: TypeAlias = Literal["retained", "lost"]
Side: TypeAlias = Literal["these", "others"]
#: The value of each grouping, in the order of `by`; `None` is "(none)".
Group: TypeAlias = tuple[str | None, ...]

OUTCOMES: Final = ("reached", "dropped")
RETURNS: Final = ("retained", "lost")
SIDES: Final = ("these", "others")

_PART: Final = "|"
_LABEL: Final = "\x1f"
_ESCAPES: Final = {"\\": "\\\\", _PART: "\\p", _LABEL: "\\u"}
_MEANING: Final = {"\\": "\\", "p": _PART, "u": _LABEL}
#: A null and an empty string would both be written as nothing.
_NULL: Final = "\\n"
_EMPTY: Final = "\\e"


class SegmentationKey(NamedTuple):
    """One bucket of one series: the event's position, its group, the bucket's start.

    Examples
    --------
    >>> str(SegmentationKey(0, ("DE",), 1_772_582_400_000))
    'seg|0|DE|1772582400000'
    """

    event: int
    group: Group
    time_ms: int

    def __str__(self) -> str:
        """Write the key as a chart carries it."""
        return _join("seg", str(self.event), write_group(self.group), str(self.time_ms))


class FunnelKey(NamedTuple):
    """The units that reached a step, or that reached the step before and not this one.

    Examples
    --------
    >>> str(FunnelKey(3, "dropped", ()))
    'funnel|3|dropped|'
    """

    step: int
    outcome: Outcome
    group: Group

    def __str__(self) -> str:
        """Write the key as a chart carries it."""
        return _join("funnel", str(self.step), self.outcome, write_group(self.group))


class JourneyKey(NamedTuple):
    """A node of a journey tree, or the edge that leads to it.

    Examples
    --------
    >>> str(JourneyKey("1.2"))
    'journey|1.2'
    """

    node: str

    def __str__(self) -> str:
        """Write the key as a chart carries it."""
        return _join("journey", _escape(self.node))


#: What the key of all nodes of a step with one label begins with.
_LEVEL: Final = "@"


def level_key(step: int, label: str, kind: str | None = None) -> JourneyKey:
    """Return the key of all nodes of a step (from 1) with one label.

    `kind` is told where nodes of several kinds have that label.

    Examples
    --------
    >>> str(level_key(2, "Search")), str(level_key(2, "Other", "other"))
    ('journey|@2.Search', 'journey|@2:other.Other')
    """
    told = "" if kind is None else f":{kind}"
    return JourneyKey(f"{_LEVEL}{step}{told}.{label}")


def read_level(key: JourneyKey) -> tuple[int, str, str | None] | None:
    """Return step, label and kind of a `level_key`; None of the key of one node.

    Examples
    --------
    >>> read_level(JourneyKey("@2:other.Other")), read_level(JourneyKey("0.1"))
    ((2, 'Other', 'other'), None)
    """
    if not key.node.startswith(_LEVEL):
        return None
    place, _, label = key.node[len(_LEVEL) :].partition(".")
    step, _, kind = place.partition(":")
    return (int(step), label, kind or None) if step.isdecimal() else None


class SessionsKey(NamedTuple):
    """One bucket of one group of sessions: a moment, or the lower end of a length.

    Examples
    --------
    >>> str(SessionsKey((), 1_772_582_400_000))
    'sessions||1772582400000'
    """

    group: Group
    time_ms: int

    def __str__(self) -> str:
        """Write the key as a chart carries it."""
        return _join("sessions", write_group(self.group), str(self.time_ms))


class RetentionKey(NamedTuple):
    """One cell: the users of a cohort who came back at an offset, or who did not.

    Examples
    --------
    >>> str(RetentionKey("2026-03-01", 7))
    'ret|2026-03-01|7'
    >>> str(RetentionKey("2026-03-01", 7, "lost"))
    'ret|2026-03-01|7|lost'
    >>> str(RetentionKey("2026-03-01", 7, group=("DE",)))
    'ret|2026-03-01|7|retained|DE'
    """

    cohort: str
    offset: int
    outcome: Return = "retained"
    group: Group = ()

    def __str__(self) -> str:
        """Write the key as a chart carries it."""
        parts = ["ret", _escape(self.cohort), str(self.offset)]
        if self.group:
            return _join(*parts, self.outcome, write_group(self.group))
        return _join(*parts, *([self.outcome] if self.outcome == "lost" else []))


class DifferenceKey(NamedTuple):
    """Those of one side who did what a line of the differences names.

    Examples
    --------
    >>> str(DifferenceKey(4, "others"))
    'diff|4|others'
    """

    line: int
    side: Side

    def __str__(self) -> str:
        """Write the key as a chart carries it."""
        return _join("diff", str(self.line), self.side)


PointKey: TypeAlias = (
    SegmentationKey
    | FunnelKey
    | JourneyKey
    | SessionsKey
    | RetentionKey
    | DifferenceKey
)


def parse_key(text: str) -> PointKey:
    """Read a key back from the string a chart carries.

    Raises
    ------
    UnknownPoint
        If the text is not a key.

    Examples
    --------
    >>> parse_key("funnel|2|dropped|pro")
    FunnelKey(step=2, outcome='dropped', group=('pro',))
    """
    kind, *parts = text.split(_PART)
    reader = _READERS.get(kind)
    if reader is None:
        raise UnknownPoint(_refusal(text))
    try:
        return reader(parts)
    except ValueError as error:
        raise UnknownPoint(_refusal(text)) from error


def write_group(group: Group) -> str:
    r"""Write the labels of a group as one part of a key.

    Examples
    --------
    >>> write_group(("a|b", None))
    'a\\pb\x1f\\n'
    """
    return _LABEL.join(_escape_label(label) for label in group)


def read_group(text: str) -> Group:
    """Read what `write_group` wrote.

    Examples
    --------
    >>> read_group(write_group(("a|b", None, "")))
    ('a|b', None, '')
    >>> read_group("")
    ()
    """
    if not text:
        return ()
    return tuple(_unescape_label(label) for label in text.split(_LABEL))


def _segmentation(parts: Sequence[str]) -> SegmentationKey:
    event, group, time_ms = parts
    return SegmentationKey(int(event), read_group(group), int(time_ms))


def _funnel(parts: Sequence[str]) -> FunnelKey:
    step, outcome, group = parts
    check_option("outcome", outcome, OUTCOMES)
    word: Outcome = "dropped" if outcome == "dropped" else "reached"
    return FunnelKey(int(step), word, read_group(group))


def _journey(parts: Sequence[str]) -> JourneyKey:
    (node,) = parts
    return JourneyKey(_unescape(node))


def _sessions(parts: Sequence[str]) -> SessionsKey:
    group, time_ms = parts
    return SessionsKey(read_group(group), int(time_ms))


def _retention(parts: Sequence[str]) -> RetentionKey:
    cohort, offset, *rest = parts
    word, group = [*rest, *("retained", "")[len(rest) :]]
    if word not in RETURNS:
        raise ValueError(rest)
    outcome: Return = "lost" if word == "lost" else "retained"
    return RetentionKey(_unescape(cohort), int(offset), outcome, read_group(group))


def _difference(parts: Sequence[str]) -> DifferenceKey:
    line, side = parts
    check_option("side", side, SIDES)
    word: Side = "others" if side == "others" else "these"
    return DifferenceKey(int(line), word)


_READERS: Final[dict[str, Callable[[Sequence[str]], PointKey]]] = {
    "seg": _segmentation,
    "funnel": _funnel,
    "journey": _journey,
    "sessions": _sessions,
    "ret": _retention,
    "diff": _difference,
}


def _join(*parts: str) -> str:
    return _PART.join(parts)


def _escape(text: str) -> str:
    for character, written in _ESCAPES.items():
        text = text.replace(character, written)
    return text


def _unescape(text: str) -> str:
    out: list[str] = []
    characters = iter(text)
    for character in characters:
        if character != "\\":
            out.append(character)
            continue
        meaning = _MEANING.get(next(characters, ""))
        if meaning is None:
            raise ValueError(f"not an escape in {text!r}")
        out.append(meaning)
    return "".join(out)


def _escape_label(label: str | None) -> str:
    if label is None:
        return _NULL
    return _escape(label) or _EMPTY


def _unescape_label(text: str) -> str | None:
    if text == _NULL:
        return None
    return "" if text == _EMPTY else _unescape(text)


def _refusal(text: str) -> str:
    return (
        f"{text!r} does not name a point. A point is written as "
        "'seg|0||<ms>', 'funnel|2|dropped|', 'journey|<node>', 'sessions||<ms>', "
        "'ret|<cohort>|<index>' or 'diff|0|these'; the chart's customdata holds them "
        "all."
    )
