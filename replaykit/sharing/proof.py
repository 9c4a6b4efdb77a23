"""Read a finished page and look for everything that must not be in it.

The file is read as a stranger would read it who wants to know: every block, inflated,
decoded from base64, JSON, HTML and percent signs, as often as it was wrapped. How the
page was made plays no part, so what the masking forgot is found here. Only our own
program and the chart library, which are the same in every page, are left out; pictures
and fonts cannot be read.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

import orjson

from replaykit.errors import NotMasked
from replaykit.redaction.events import Walk
from replaykit.redaction.style import change_css
from replaykit.redaction.words import Words
from replaykit.sharing.clean import ALLOWED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from replaykit.redaction.events import Place

_BLOCK: Final = re.compile(
    r"<(script|style)\b([^>]*)>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL
)
_NAME: Final = re.compile(r'data-rk-blob="([^"]*)"')
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_PACKED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
#: Beginnings of pictures, fonts and sounds: nothing to read in them.
_PICTURES: Final = (
    *(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"wOFF", b"wOF2", b"\x00\x01\x00"),
    *(b"OTTO", b"\x00\x00\x01\x00", b"OggS", b"ID3"),
)
#: A string of JSON, without its quotes.
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
#: Names and values that stand in a page whatever it shows.
_TAGS: Final = frozenset(ALLOWED) | frozenset(
    (
        *("html", "head", "body", "meta", "title", "main", "article", "header", "nav"),
        *("svg", "path", "rect", "figure", "script", "style", "link"),
    )
)
_ATTRIBUTES: Final = frozenset().union(*ALLOWED.values()) | frozenset(
    (
        *("class", "id", "style", "lang", "charset", "name", "content", "http-equiv"),
        *("rel", "target", "aria-label", "aria-hidden", "viewbox", "d", "x", "y"),
        *("width", "height", "rx", "stroke-width", "type", "data-rk-blob"),
        *("data-rk-figure",),
    )
)
_VALUES: Final = {
    "lang": ("en",),
    "charset": ("utf-8",),
    "name": ("viewport",),
    "content": ("width=device-width, initial-scale=1",),
    "http-equiv": ("Content-Security-Policy",),
    "rel": ("noopener noreferrer",),
    "target": ("_blank",),
    "type": ("text/plain", "application/json", "module"),
    "aria-label": ("Contents",),
    "aria-hidden": ("true",),
}
_OUR_CLASS: Final = re.compile(
    r"rk|rk-(?:page|main|doc|doc-body|doc-text|toc|i|fold|grow|small|code|mono|cap"
    r"|cap-live|out|out-error|out-table|picture|twin|fig|fig-result|fig-player|fig-home"
    r"|fig-plot)|is-static|meta|sub|k|s|nu|c"
)
_RESERVED: Final = re.compile(r"--rk-reserved: \d+px")
_DEEPEST: Final = 6
_AROUND: Final = 24
_NAMED: Final = 5
_NO_WORDS: Final = Words({})
#: One inflated part is never read beyond this.
_MOST: Final = 512_000_000


class Left(NamedTuple):
    """A string that is still in the page, and the part it was found in."""

    text: str
    part: str
    around: str


@dataclass(frozen=True, eq=False)
class Searched:
    """What to look for.

    Parameters
    ----------
    words
        Strings, found where they stand alone.
    patterns
        Expressions; in style sheets they are looked for in what a sheet says.
    """

    words: Words
    patterns: Collection[re.Pattern[str]] = ()


def prove(
    page: bytes, searched: Searched, own: Collection[str], labels: Mapping[str, str]
) -> None:
    """Raise `NotMasked` if anything that was to be taken out is in the file.

    Parameters
    ----------
    page
        The bytes that would be written.
    searched
        What to look for.
    own
        Texts of blocks, or names of parts, that are ours in every page.
    labels
        What each part is, in words.
    """
    found = left_in(page, searched, own, labels)
    if not found:
        return
    shown = "; ".join(
        f"{one.text!r} in {one.part} (…{one.around}…)" for one in found[:_NAMED]
    )
    more = len(found) - _NAMED
    raise NotMasked(
        f"Nothing was written: {len(found):,} places of the page still hold what was "
        f"to be taken out. {shown}{f'; and {more:,} more' if more > 0 else ''}. Take "
        "them out with rk.redact(replays, regex=…) or from the notebook, or share what "
        "is there as it is with mask=False."
    )


def left_in(
    page: bytes, searched: Searched, own: Collection[str], labels: Mapping[str, str]
) -> list[Left]:
    """Return every string that is still there, once per part."""
    if not searched.words and not searched.patterns:
        return []
    found: dict[tuple[str, str], Left] = {}
    clean: set[_Read] = set()
    without = Searched(searched.words.without_numbers())
    # What a recording says in style sheets is cut out of it for expressions alone:
    # a string that stands alone there stands alone in the whole sheet too.
    reading = _Reading(cut=bool(searched.patterns))
    for part, reads in reading.parts(page.decode("utf-8"), own, labels):
        new = [read for read in dict.fromkeys(reads) if read not in clean]
        clean.update(new)
        with_words = searched.words.anywhere(read.text for read in new)
        for read in new:
            wanted = searched if read.numbers else without
            words = wanted.words if with_words else _NO_WORDS
            patterns = searched.patterns if read.patterns else ()
            for word, around in _in_text(read.text, words, patterns):
                clean.discard(read)
                found.setdefault((word, part), Left(word, part, around))
    return list(found.values())


class _Read(NamedTuple):
    """One reading of a text."""

    text: str
    #: Whether numbers in it may be ids, and whether expressions are looked for in it.
    numbers: bool = True
    patterns: bool = True


@dataclass(frozen=True)
class _Reading:
    """Reads a page; `cut` adds what recordings say in style sheets, without the code.

    Numbers of a program or of markup (a height, a moment) are not ids; in texts they
    may be.
    """

    cut: bool

    def parts(
        self, page: str, own: Collection[str], labels: Mapping[str, str]
    ) -> Iterator[tuple[str, Iterator[_Read]]]:
        """Yield the name of every part, and every reading of it."""
        rest: list[str] = []
        at = 0
        for block in _BLOCK.finditer(page):
            rest.append(page[at : block.start()])
            at = block.end()
            inside = block[3]
            named = _NAME.search(block[2])
            name = named[1] if named else ""
            # Its tag is read too, under a name that does not swallow what follows.
            rest.append(f"<link{block[2]}>")
            if name in own or inside in own:
                continue
            part = labels.get(name, "a block of the page")
            yield part, self.unwrapped(inside, 0)
        rest.append(page[at:])
        yield "the page's own text", self._markup("\n".join(rest), own)

    def _markup(self, markup: str, own: Collection[str]) -> Iterator[_Read]:
        """Yield what markup says, and all of it that is not the page's own frame."""
        texts = _Texts(own)
        texts.feed(markup)
        texts.close()
        yield _Read("\n".join(texts.other), numbers=False, patterns=False)
        for text in texts.found:
            yield from self.unwrapped(text, 0)

    def unwrapped(self, text: str, depth: int) -> Iterator[_Read]:
        """Yield a text, and all that it holds in wrapped form."""
        if depth > _DEEPEST:
            return
        value = _json(text)
        if value is _NOTHING:
            if not _BASE64.fullmatch(text):
                yield _Read(text)
            yield from self._decoded(text, depth + 1)
            return
        recording = _is_recording(value)
        for inner in _strings(text, value):
            yield _Read(inner, patterns=not recording)
            if len(inner) > _AROUND or "%" in inner or "&" in inner:
                for read in self._decoded(inner, depth + 1):
                    yield read._replace(patterns=read.patterns and not recording)
        if recording and self.cut:
            yield from _said(value)

    def _decoded(self, text: str, depth: int) -> Iterator[_Read]:
        """Yield what a text holds in base64, in HTML's and in addresses' escapes."""
        plain = html.unescape(text) if "&" in text else text
        if plain != text:
            yield _Read(plain)
        plain = unquote(text) if "%" in text else text
        if plain != text:
            yield _Read(plain)
        if _PACKED.search(text):
            yield _Read(_PACKED.sub(lambda one: chr(int(one[1], 16)), text))
        if text[:1] in "[{" and _json(text) is not _NOTHING:
            yield from self.unwrapped(text, depth)
        for run in _BASE64.finditer(text):
            inner = _unpacked(run[0])
            if inner is not None:
                yield from self.unwrapped(inner, depth)


class _Texts(HTMLParser):
    """Collects what markup says, and what of it could be no part of an empty page.

    `found` is text and the attributes a reader meets; `other` is everything but names
    of tags and attributes that we write, and their values that are the same in every
    page: those, and `own` texts, say nothing of anybody.
    """

    def __init__(self, own: Collection[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.other: list[str] = []
        self._own = own

    def handle_data(self, data: str) -> None:
        self.found.append(data)
        self.other.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {"alt", "title", "href", "src", "data-user"}
        if tag not in _TAGS:
            self.other.append(tag)
        for name, value in attrs:
            if name not in _ATTRIBUTES:
                self.other.append(name)
            if not value:
                continue
            if name in said:
                self.found.append(value)
            if value in self._own or value in _VALUES.get(name, ()):
                continue
            if name == "style" and _RESERVED.fullmatch(value):
                continue
            words = value.split() if name == "class" else [value]
            self.other += [word for word in words if not _OUR_CLASS.fullmatch(word)]

    def handle_endtag(self, tag: str) -> None:
        if tag not in _TAGS:
            self.other.append(tag)

    def handle_comment(self, data: str) -> None:
        self.found.append(data)
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)

    def unknown_decl(self, data: str) -> None:
        self.other.append(data)


def _unpacked(run: str) -> str | None:
    """Return the text in a run of base64, inflated where it was deflated."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    with suppress(binascii.Error, ValueError):
        if base64.b64decode(plain[:24]).startswith(_PICTURES):
            return None
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return None
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        try:
            raw = zlib.decompressobj(bits).decompress(raw, _MOST)
            break
        except zlib.error:
            continue
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


_NOTHING: Final = object()


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    if text.lstrip()[:1] not in {"[", "{", '"'}:
        return _NOTHING
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _strings(text: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield every string of a JSON text, names of fields too, each once.

    A text that is JSON holds quotes nowhere but around its strings.
    """
    if isinstance(value, str):
        yield value
        return
    for found in dict.fromkeys(_STRING.findall(text)):
        yield json.loads(f'"{found}"') if "\\" in found else found


def _is_recording(value: Any) -> bool:  # noqa: ANN401 - JSON
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and {"timestamp", "type"} <= set(first)


def _said(events: list[dict[str, Any]]) -> Iterator[_Read]:
    """Yield what a recording says: its texts, and of style sheets not the code."""
    said: list[str] = []

    def keep(text: str) -> str:
        said.append(text)
        return text

    def see(place: Place, name: str, text: str, *, marked: bool) -> str:
        del name, marked
        if place == "style":
            return change_css(text, keep)
        return text if text.lstrip()[:5].lower() == "data:" else keep(text)

    Walk(see).events(events)
    yield from (_Read(text) for text in dict.fromkeys(said))


def _in_text(
    text: str, words: Words, patterns: Collection[re.Pattern[str]]
) -> Iterator[tuple[str, str]]:
    """Yield each string that is found, and what stands around it."""
    places = list(words.places(text))
    for pattern in patterns:
        places += [one.span() for one in pattern.finditer(text)]
    for start, end in places:
        yield text[start:end], text[max(0, start - _AROUND) : end + _AROUND]
