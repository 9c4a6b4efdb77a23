"""Prose, code and plain output of a notebook as markup."""

from __future__ import annotations

import base64
import html
import re
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from replaykit.errors import BadInput
from replaykit.sharing.clean import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_HEADING: Final = re.compile(r"<(h[1-6])>(.*?)</\1>", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_IMAGE_LINK: Final = re.compile(r'(<img\b[^>]*?\bsrc=")([^"]*)(")', re.IGNORECASE)

#: First bytes of the images that may travel; a name alone proves nothing.
_IMAGES: Final = {
    "image/png": b"\x89PNG",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
}

#: Kinds of token that get a colour, by the beginning of their name.
_COLOURS: Final = (
    ("Token.Keyword", "k"),
    ("Token.Operator.Word", "k"),
    ("Token.Literal.String", "s"),
    ("Token.Literal.Number", "nu"),
    ("Token.Comment", "c"),
)


class Heading(NamedTuple):
    """A line of the contents."""

    level: int
    anchor: str
    words: str


class Prose:
    """Turns Markdown into markup and remembers the headings for the contents."""

    def __init__(
        self, folder: Path | None = None, change: Callable[[str], str] = str
    ) -> None:
        self.headings: list[Heading] = []
        #: Images that came along as they are.
        self.pictures = 0
        self._change = change
        #: Images that were named but could not be brought along.
        self.missing: list[str] = []
        self._folder = folder
        self._anchors: set[str] = set()
        self._render = _markdown()

    def write(
        self, text: str, attachments: Mapping[str, Mapping[str, str]] | None = None
    ) -> str:
        """Return the markup of one cell of prose."""
        # Both before and after: marks may hide a word, and escapes too.
        raw = str(self._render(self._change(text)))
        with_images = _IMAGE_LINK.sub(
            lambda found: self._image(found, attachments or {}), raw
        )
        return _HEADING.sub(self._heading, clean(with_images, self._change))

    def _heading(self, found: re.Match[str]) -> str:
        level, inside = int(found[1][1]), found[2]
        words = html.unescape(_TAG.sub("", inside)).strip()
        anchor = self._anchor(words)
        self.headings.append(Heading(level, anchor, words))
        return f'<{found[1]} id="{anchor}">{inside}</{found[1]}>'

    def _anchor(self, words: str) -> str:
        slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60] or "part"
        for number in count(1):
            # The prefix keeps headings from taking a name that the page itself uses.
            anchor = f"s-{slug}" if number == 1 else f"s-{slug}-{number}"
            if anchor not in self._anchors:
                self._anchors.add(anchor)
                return anchor
        raise AssertionError

    def _image(
        self, found: re.Match[str], attachments: Mapping[str, Mapping[str, str]]
    ) -> str:
        source = html.unescape(found[2])
        data = None
        if source.startswith("data:"):
            data = source
        elif source.startswith("attachment:"):
            kinds = attachments.get(source.removeprefix("attachment:"), {})
            data = next(
                (f"data:{mime};base64,{body}" for mime, body in kinds.items()), None
            )
        elif self._folder is not None and "://" not in source:
            data = _image_file(self._folder, source)
        if data is None:
            self.missing.append(source)
            return f"{found[1]}{found[3]}"
        self.pictures += 1
        return f"{found[1]}{html.escape(data)}{found[3]}"


def _image_file(folder: Path, name: str) -> str | None:
    """Return an image beside the notebook as data, never a file elsewhere."""
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            return None
        body = path.read_bytes()
    except (OSError, ValueError):
        return None
    for mime, start in _IMAGES.items():
        if body.startswith(start):
            return f"data:{mime};base64,{base64.b64encode(body).decode('ascii')}"
    return None


def _markdown() -> Callable[[str], object]:
    try:
        import mistune  # noqa: PLC0415 - comes with Jupyter, not with us
    except ImportError as error:
        raise BadInput(
            "Sharing a notebook needs mistune, which comes with Jupyter: "
            "pip install 'replaykit[lab]'. Results and players can be shared without: "
            "rk.share(result, player, to='page.html')."
        ) from error
    plugins = ["table", "strikethrough", "footnotes", "task_lists"]
    # Addresses are judged once, in clean.py, which knows attachments too.
    renderer = mistune.HTMLRenderer(escape=False, allow_harmful_protocols=True)
    render: Callable[[str], object] = mistune.create_markdown(
        renderer=renderer, plugins=plugins
    )
    return render


def code(source: str, language: str = "python") -> str:
    """Return code with its keywords, strings, numbers and comments marked.

    Examples
    --------
    >>> code("x = 'a<b'")
    'x = <span class="s">&#x27;a&lt;b&#x27;</span>'
    """
    return "".join(
        f'<span class="{kind}">{html.escape(text)}</span>'
        if kind
        else html.escape(text)
        for kind, text in _joined(_tokens(source, language))
    )


def _tokens(source: str, language: str) -> Iterable[tuple[str, str]]:
    try:
        from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - with Jupyter
        from pygments.util import ClassNotFound  # noqa: PLC0415
    except ImportError:
        return [("", source)]
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return [("", source)]
    return (
        (
            next((mark for name, mark in _COLOURS if str(kind).startswith(name)), ""),
            text,
        )
        for kind, text in lexer.get_tokens(source)
    )


def _joined(tokens: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Join neighbours of one colour: a string is one thing, not three."""
    last, texts = "", list[str]()
    for kind, text in tokens:
        if kind != last and texts:
            yield last, "".join(texts)
            texts = []
        last = kind
        texts.append(text)
    if texts:
        yield last, "".join(texts)


def plain(text: str) -> str:
    r"""Return printed text as a reader of a terminal would see it, escaped.

    Examples
    --------
    >>> plain("1 %\r100 %\n\x1b[31m<red>\x1b[0m")
    '100 %\n&lt;red&gt;'
    """
    return html.escape(unadorned(text), quote=False)


def unadorned(text: str) -> str:
    r"""Return printed text without colours and without what was printed over.

    Examples
    --------
    >>> unadorned("1 %\r100 %\n\x1b[31m<red>\x1b[0m")
    '100 %\n<red>'
    """
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _ANSI.sub("", "\n".join(lines))
