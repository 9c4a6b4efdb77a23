"""Markup of other people, reduced to what may stand in a page of ours.

Cell text and cell outputs are read as HTML and written anew: only listed tags and
attributes come out, and everything else comes out as text or not at all. Because every
character is written by us, how leniently the input was read does not matter.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN: Final = (
    *("b", "blockquote", "br", "caption", "code", "dd", "del", "details", "div", "dl"),
    *("dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small"),
    *("span", "strong", "sub", "summary", "sup", "table", "tbody", "tfoot", "thead"),
    *("tr", "u", "ul", "var"),
)

#: Tags that may stand in the page, with the attributes each may carry.
ALLOWED: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(_PLAIN, frozenset()),
    "a": frozenset({"href", "title"}),
    "abbr": frozenset({"title"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
    "td": frozenset({"colspan", "rowspan", "align"}),
    "th": frozenset({"colspan", "rowspan", "align", "scope"}),
}

#: What stands inside these is no text for a reader.
_SWALLOWED: Final = frozenset(
    (
        *("script", "style", "template", "noscript", "iframe", "object", "embed"),
        *("svg", "math", "head", "title", "textarea", "select"),
        *("noembed", "noframes", "xmp", "plaintext"),
    )
)
_VOID: Final = frozenset({"br", "hr", "img", "col"})
_LINKS: Final = frozenset({"http", "https", "mailto"})
_IMAGE: Final = re.compile(
    r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*"
)
_NUMBER: Final = re.compile(r"\d{1,4}%?")
_NUMBERS: Final = frozenset({"width", "height", "colspan", "rowspan", "span"})


#: How tables write how many there are, and what in a column of users is none.
_COUNT: Final = re.compile(r"\d{1,3}(?:[,_]\d{3})*|\d+(?:\.\d+)?")
_NOBODY: Final = frozenset(
    {"str", "null", "None", "…", "i64", "i32", "u32", "u64", "f64"}
)
#: Columns of a table that name users, in lower case.
_USER_COLUMNS: Final = frozenset(
    (
        *("user", "users", "user_id", "user id", "userid", "uid", "distinct_id"),
        *("person", "person_id", "device_id", "visitor", "visitor_id", "customer_id"),
    )
)


def clean(
    markup: str,
    change: Callable[[str], str] | None = None,
    user: Callable[[str], str] | None = None,
) -> str:
    """Return the markup with only the listed tags and attributes.

    Links go to web and mail addresses or inside the page; images are only those that
    travel as data. Everything else of an image is its alternative text.

    Parameters
    ----------
    markup
        HTML of any origin.
    change
        Called with every text and every attribute that a reader can see.
    user
        Called with the cells of table columns that name users.

    Examples
    --------
    >>> clean('<p onclick="x()">a<script>b</script> <a href="javascript:c">d</a></p>')
    '<p>a <a>d</a></p>'
    >>> clean("1 < 2 & <unknown>3</unknown>")
    '1 &lt; 2 &amp; 3'
    """
    writer = _Writer(change, user)
    writer.feed(markup)
    writer.close()
    return writer.finished()


class _Writer(HTMLParser):
    """Writes what it reads, as far as it is allowed."""

    def __init__(
        self,
        change: Callable[[str], str] | None,
        user: Callable[[str], str] | None,
    ) -> None:
        super().__init__(convert_charrefs=True)
        self._change = change or (lambda text: text)
        self._user = user
        #: Which cells of the present table name users; the place in the present row.
        self._user_cells: set[int] = set()
        #: Those of them that may as well count users.
        self._counts: set[int] = set()
        self._cell = -1
        self._out: list[str] = []
        self._open: list[str] = []
        self._swallowing: list[str] = []

    def finished(self) -> str:
        """Return the markup, with all tags closed."""
        closing = [f"</{tag}>" for tag in reversed(self._open)]
        return "".join([*self._out, *closing])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an allowed tag."""
        if self._swallowing or tag in _SWALLOWED:
            # A tag that never closes would swallow the rest: count only its own kind.
            if not self._swallowing or tag == self._swallowing[0]:
                self._swallowing.append(tag)
            return
        if tag not in ALLOWED:
            return
        kept = [
            (name, value)
            for name, value in attrs
            if value is not None and name in ALLOWED[tag] and _harmless(name, value)
        ]
        if tag == "img" and "src" not in dict(kept):
            self.handle_data(dict(attrs).get("alt") or "")
            return
        written = "".join(
            f' {name}="{html.escape(self._said(name, value))}"' for name, value in kept
        )
        self._follow_table(tag)
        if tag == "a" and _outward(dict(kept).get("href")):
            written += ' rel="noopener noreferrer" target="_blank"'
        self._out.append(f"<{tag}{written}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write `<br/>` as `<br>`; a browser does not close other tags this way."""
        if tag in _SWALLOWED:
            return
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag that is open, and those inside it."""
        if self._swallowing:
            if tag == self._swallowing[0]:
                self._swallowing.pop()
            return
        if tag not in self._open:
            return
        while True:
            inner = self._open.pop()
            self._out.append(f"</{inner}>")
            if inner == tag:
                return

    def handle_data(self, data: str) -> None:
        """Write text as text."""
        if self._swallowing:
            return
        bare = data.strip().strip('"')
        cell = self._open[-1] if self._open else ""
        if self._user is not None and bare:
            if cell == "th" and bare.lower() in _USER_COLUMNS:
                self._user_cells.add(self._cell)
                if bare.lower() == "users":
                    self._counts.add(self._cell)
            elif cell in {"td", "th"} and self._names_user(bare):
                data = data.replace(bare, self._user(bare))
        self._out.append(html.escape(self._change(data), quote=False))

    def _names_user(self, text: str) -> bool:
        """Tell whether a cell is of a user, and not the dtype that polars shows."""
        if self._cell in self._counts and _COUNT.fullmatch(text):
            return False
        return self._cell in self._user_cells and text not in _NOBODY

    def _follow_table(self, tag: str) -> None:
        if tag == "table":
            self._user_cells, self._counts = set(), set()
        elif tag == "tr":
            self._cell = -1
        elif tag in {"td", "th"}:
            self._cell += 1

    def _said(self, name: str, value: str) -> str:
        """Change an attribute that says something; an image's data are not read."""
        if name in {"alt", "title"} or (name == "href" and not value.startswith("#")):
            return self._change(value)
        return value


def _harmless(name: str, value: str) -> bool:
    if name == "href":
        return _safe_link(value)
    if name == "src":
        return _IMAGE.fullmatch(value.strip()) is not None
    if name in _NUMBERS:
        return _NUMBER.fullmatch(value) is not None
    return True


def _safe_link(value: str) -> bool:
    # Browsers drop control characters and blanks inside a scheme before reading it.
    bare = re.sub(r"[\x00-\x20\x7f-\x9f]", "", value)
    try:
        scheme = urlsplit(bare).scheme
    except ValueError:
        return False
    return scheme.lower() in _LINKS or (not scheme and bare.startswith("#"))


def _outward(href: str | None) -> bool:
    return href is not None and not href.startswith("#")
