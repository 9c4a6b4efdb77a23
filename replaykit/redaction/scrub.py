"""How a text is changed, by where it stands in a recording."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from replaykit.redaction.addresses import mask_address, mask_addresses
from replaykit.redaction.inline import change_inline
from replaykit.redaction.style import change_css
from replaykit.redaction.words import Words
from replaykit.replays.masking import mask_text
from replaykit.replays.placeholders import placeholder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replaykit.redaction.events import Place

#: Attributes that say how a page works and looks, not what it says.
STRUCTURE: Final = frozenset(
    (
        *("class", "id", "type", "role", "for", "form", "rel", "media", "lang", "dir"),
        *("d", "points", "transform", "viewbox", "width", "height", "x", "y", "fill"),
        *("stroke", "tabindex", "colspan", "rowspan", "align", "charset", "sizes"),
        *("rr_width", "rr_height", "rr_scrolltop", "rr_scrollleft", "slot", "part"),
        *("method", "enctype", "contenteditable", "autocomplete", "name", "checked"),
        *("selected", "disabled", "hidden", "min", "max", "step", "rows", "cols"),
    )
)
_PLAIN_WORD: Final = re.compile(r"[a-z][a-z-]*")
#: Can stand wherever a name stands in a sheet.
_IN_SHEETS: Final = "redacted"
_NAME: Final = re.compile(r"[a-zA-Z][\w-]*")


@dataclass(eq=False)
class Scrub:
    """Changes texts; `see` is what a walk over events calls.

    Parameters
    ----------
    words
        Strings to be replaced wherever they stand.
    patterns
        What matches is replaced by asterisks.
    inputs
        Mask what was typed.
    query
        What stands for a value of an address's query; `None` leaves addresses alone.
    """

    words: Words = field(default_factory=lambda: Words({}))
    patterns: Sequence[re.Pattern[str]] = ()
    inputs: bool = False
    query: Callable[[str, str], str] | None = None

    def __post_init__(self) -> None:
        """Work out what may be changed between the strings of a sheet."""
        names = [text for text in self.words if not _PLAIN_WORD.fullmatch(text)]
        self._names = Words(dict.fromkeys(names), self._name)
        self._sheets: dict[str, str] = {}

    def _name(self, text: str) -> str:
        instead = self.words.replace(text)
        return instead if _NAME.fullmatch(instead) else _IN_SHEETS

    def text(self, text: str) -> str:
        """Change a text for readers."""
        if not text:
            return text
        if self.query is not None:
            text = mask_addresses(text, self.query)
        text = self.words.replace(text)
        for pattern in self.patterns:
            text = pattern.sub(_asterisks, text)
        return text

    def address(self, text: str) -> str:
        """Change an address, whole or relative."""
        if text.lstrip()[:5].lower() == "data:":
            return change_inline(text, self.text)
        if self.query is not None:
            text = mask_address(text, self.query)
        return self.text(text)

    def sheet(self, css: str) -> str:
        """Change what a style sheet says; what it does stays."""
        known = self._sheets.get(css)
        if known is None:
            known = self._names.replace(change_css(css, self.text))
            self._sheets[css] = known
        return known

    def see(self, place: Place, name: str, text: str, *, marked: bool) -> str:
        """Return what shall stand in the place of one text of a recording."""
        if marked and place != "style":
            return self._taken_out(place, name, text)
        match place:
            case "style":
                return self.sheet(text)
            case "input" | "private":
                return self.text(mask_text(text) if self.inputs else text)
            case "address":
                return self.address(text)
            case _:
                if text.lstrip()[:5].lower() == "data:":
                    return change_inline(text, self.text)
                return self.text(text)

    def _taken_out(self, place: Place, name: str, text: str) -> str:
        if place == "address":
            return "#" if name in {"href", "xlink:href"} else placeholder("redacted")
        if name in STRUCTURE:
            return self.text(text)
        if text.lstrip()[:5].lower() == "data:":
            return placeholder("redacted")
        return mask_text(text)


def _asterisks(found: re.Match[str]) -> str:
    return mask_text(found[0])
