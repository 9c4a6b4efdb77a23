"""The formula language: text to a tree, with errors that point at the spot.

Expressions of functions, numbers and ``+ - * / ( )``, case-insensitive, up to ten
separated by ``;``. An event is a letter, a segment its number: ``A2``. ``%:`` before an
expression multiplies by 100, ``$:`` is a currency.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from replaykit.errors import BadInput, did_you_mean

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z_]*\d*)"
    r"|(?P<sign>[-+*/(),]))"
)
_EVENT: Final = re.compile(r"([A-Za-z])(\d*)")
_MOST: Final = 10

#: Functions of one event, and how many numbers or words follow it.
EVENT_FUNCTIONS: Final[dict[str, int]] = {
    "UNIQUES": 0,
    "TOTALS": 0,
    "AVG": 0,
    "ACTIVE": 0,
    "PROPSUM": 0,
    "PROPAVG": 0,
    "PROPMIN": 0,
    "PROPMAX": 0,
    "PROPCOUNT": 0,
    "PROPCOUNTAVG": 0,
    "PROPHIST": 0,
    "REVENUETOTAL": 0,
    "ARPAU": 0,
    "HIST": 0,
    "SESSIONTOTALS": 0,
    "EVENTTOTALS": 0,
    "SEMANTICTOTALS": 1,
    "PERCENTILE": 1,
    "FREQPERCENTILE": 1,
}

#: Functions of a measure and an event, and how many numbers follow.
WINDOW_FUNCTIONS: Final[dict[str, int]] = {
    "CUMSUM": 0,
    "ROLLAVG": 1,
    "ROLLWIN": 1,
    "ROLLWINBEFORE": 1,
}

#: Functions of a value, and how many numbers follow.
VALUE_FUNCTIONS: Final[dict[str, int]] = {
    "EXP": 0,
    "LN": 0,
    "LOG": 1,
    "LOG10": 0,
    "POWER": 1,
    "SQRT": 0,
    "TRENDLINE": 0,
}

#: Measures that a window can be put over.
WINDOWED: Final = frozenset(
    {
        "UNIQUES",
        "TOTALS",
        "AVG",
        "ACTIVE",
        "PROPSUM",
        "PROPAVG",
        "PROPMIN",
        "PROPMAX",
        "PROPCOUNT",
        "PROPCOUNTAVG",
        "REVENUETOTAL",
    }
)

#: Functions that give a distribution instead of a number.
LISTS: Final = ("HIST", "PROPHIST")

#: The event of terms that count any active event.
ANY_ACTIVE: Final = ""

MODES: Final = ("ALL_VALUES", "UNIQUE_ARRAY_VALUES")


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Term:
    """A measure of one event and segment, with a window if `window` names one."""

    measure: str
    event: str
    segment: int | None
    argument: float | str | None = None
    window: str | None = None
    size: int = 1


@dataclass(frozen=True)
class Applied:
    """An operator or a function of values."""

    name: str
    values: tuple[Node, ...]
    argument: float | None = None


Node: TypeAlias = Number | Term | Applied


@dataclass(frozen=True)
class Formula:
    """One expression: what it says, what it is, how it is shown."""

    text: str
    node: Node
    unit: str = ""


def parse_formulas(text: str) -> list[Formula]:
    """Read up to ten expressions separated by `;`.

    Raises
    ------
    BadInput
        With a caret under the spot that cannot be read.

    Examples
    --------
    >>> parse_formulas("%:UNIQUES(B)/UNIQUES(A)")[0].unit
    '%'
    """
    parts = text.split(";")
    if len(parts) > _MOST:
        raise BadInput(f"{len(parts)} expressions were given; up to {_MOST} are drawn.")
    found, at = [], 0
    for part in parts:
        found.append(_Reader(text, at, at + len(part)).formula())
        at += len(part) + 1
    return found


def terms_of(node: Node) -> list[Term]:
    """Return the terms of an expression, each once, in order."""
    if isinstance(node, Term):
        return [node]
    if isinstance(node, Number):
        return []
    found = [term for value in node.values for term in terms_of(value)]
    return list(dict.fromkeys(found))


class _Reader:
    """A recursive-descent reader of one expression."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.start, self.end = text, start, end
        self.at = start

    def formula(self) -> Formula:
        shown = self.text[self.start : self.end].strip()
        unit = ""
        self._skip()
        if self.text[self.at : self.at + 2] in {"%:", "$:"}:
            unit = self.text[self.at]
            self.at += 2
        node = self._sum()
        self._skip()
        if self.at < self.end:
            raise self._refusal("an operator or the end")
        if unit == "%":
            node = Applied("*", (node, Number(100.0)))
        return Formula(shown, node, unit)

    def _sum(self) -> Node:
        node = self._product()
        while (sign := self._sign("+-")) is not None:
            node = Applied(sign, (node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._factor()
        while (sign := self._sign("*/")) is not None:
            node = Applied(sign, (node, self._factor()))
        return node

    def _factor(self) -> Node:
        if self._sign("-") is not None:
            return Applied("-", (Number(0.0), self._factor()))
        if self._sign("(") is not None:
            node = self._sum()
            self._expect(")")
            return node
        kind, token, start = self._next()
        if kind == "number":
            return Number(float(token))
        if kind == "name":
            return self._call(token, start)
        self.at = start
        raise self._refusal("a number, a function such as UNIQUES(A), or '('")

    def _call(self, token: str, start: int) -> Node:
        name = token.upper()
        known = [*EVENT_FUNCTIONS, *WINDOW_FUNCTIONS, *VALUE_FUNCTIONS]
        if name not in known:
            self.at = start
            hint = did_you_mean(name, known)
            raise self._refusal(f"a function ({', '.join(known)})", hint)
        self._expect("(")
        node: Node
        if name in EVENT_FUNCTIONS:
            node = self._of_event(name)
        elif name in WINDOW_FUNCTIONS:
            node = self._window(name)
        else:
            value = self._sum()
            more = self._numbers(VALUE_FUNCTIONS[name])
            node = Applied(name, (value,), more[0] if more else None)
        self._expect(")")
        return node

    def _of_event(self, name: str) -> Term:
        event, segment = self._event()
        argument: float | str | None = None
        if name == "SEMANTICTOTALS":
            self._expect(",")
            _, word, start = self._next()
            if word.upper() not in MODES:
                self.at = start
                raise self._refusal(" or ".join(MODES))
            argument = word.upper()
        elif EVENT_FUNCTIONS[name]:
            (argument,) = self._numbers(1)
            if not 0 <= argument <= 1:
                raise self._refusal("a quantile between 0 and 1")
        return Term(name, event, segment, argument)

    def _window(self, name: str) -> Term:
        _, token, start = self._next()
        measure = token.upper()
        if measure not in WINDOWED:
            self.at = start
            raise self._refusal(f"a measure ({', '.join(sorted(WINDOWED))})")
        self._expect(",")
        event, segment = self._event()
        numbers = self._numbers(WINDOW_FUNCTIONS[name])
        size = int(numbers[0]) if numbers else 1
        if size < 1 or (numbers and numbers[0] != size):
            raise self._refusal("a whole number of intervals, 1 or more")
        return Term(measure, event, segment, window=name, size=size)

    def _event(self) -> tuple[str, int | None]:
        _, token, start = self._next()
        match = _EVENT.fullmatch(token)
        if match is None:
            self.at = start
            raise self._refusal("an event: a letter such as A, or A2 with a segment")
        segment = int(match[2]) if match[2] else None
        return match[1].upper(), segment

    def _numbers(self, count: int) -> list[float]:
        found = []
        for _ in range(count):
            self._expect(",")
            negative = self._sign("-") is not None
            kind, token, start = self._next()
            if kind != "number":
                self.at = start
                raise self._refusal("a number")
            found.append(-float(token) if negative else float(token))
        return found

    def _next(self) -> tuple[str, str, int]:
        self._skip()
        start = self.at
        match = _TOKEN.match(self.text, start, self.end)
        if match is None or match.lastgroup is None:
            return "", "", start
        self.at = match.end()
        return match.lastgroup, match[match.lastgroup], start

    def _sign(self, wanted: str) -> str | None:
        kind, token, start = self._next()
        if kind == "sign" and token in wanted:
            return token
        self.at = start
        return None

    def _expect(self, sign: str) -> None:
        if self._sign(sign) is None:
            raise self._refusal(repr(sign))

    def _skip(self) -> None:
        while self.at < self.end and self.text[self.at].isspace():
            self.at += 1

    def _refusal(self, wanted: str, hint: str = "") -> BadInput:
        self._skip()
        line = self.text.replace("\n", " ")
        lines = [f"Expected {wanted} here: {hint}".rstrip(), f"  {line}"]
        return BadInput("\n".join([*lines, f"  {' ' * self.at}^"]))
