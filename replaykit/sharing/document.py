"""One page out of prose, code, outputs and figures: markup, policy, and the parts.

Everything stands in one file, and its policy refuses all network and every script but
the two that belong to it: its own, and the engine inside the sealed replay frame.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from replaykit.replies import bundle_file, key_of
from replaykit.sharing.clean import clean
from replaykit.sharing.figures import caption
from replaykit.sharing.markup import Heading, code, unadorned
from replaykit.sharing.proof import Searched, prove
from replaykit.sharing.size import Part, largest_first, size_words

if TYPE_CHECKING:
    from replaykit.sharing.figures import Figure, Figures
    from replaykit.sharing.masking import Masking
    from replaykit.sharing.notebook import Picture

_ICONS: Final = {
    "fold": '<path d="M6 3.5 10.5 8 6 12.5"/>',
    "shield": '<path d="M8 2 3 3.8v3.7c0 3.1 2 5.3 5 6.5 3-1.2 5-3.4 5-6.5V3.8z"/>'
    '<path d="m5.8 7.9 1.6 1.6 2.9-3.1"/>',
    "mask": '<rect x="1.5" y="4.5" width="13" height="7" rx="1.5"/>'
    '<path d="M4.8 8h.01M8 8h.01M11.2 8h.01" stroke-width="2"/>',
}
#: Printed text beyond this many lines is folded.
_LONG: Final = 30
_SECOND, _THIRD = 2, 3


@dataclass(eq=False)
class Page:
    """What stands in the page, in order, as finished markup.

    Parameters
    ----------
    title
        The heading, unless the prose brings its own.
    about
        The line under it: date, data.
    masking
        Changes what goes into the page, and says how.
    """

    title: str
    about: list[str]
    masking: Masking
    body: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    figures: int = 0
    #: Whether the first heading of the prose has become the title.
    titled: bool = False
    #: Images in it, which nothing reads.
    pictures: int = 0

    def prose(self, markup: str) -> None:
        """Add a cell of prose that is already clean."""
        self.body.append(markup)

    def code(self, source: str, language: str) -> None:
        """Add a cell of code, folded but there."""
        lines = source.rstrip().count("\n") + 1
        counted = f"{lines} line{'' if lines == 1 else 's'}"
        self.body.append(
            f'<details class="rk-fold"><summary>{_icon("fold")}<span>Code</span>'
            f'<span class="rk-grow"></span><span class="rk-small">{counted}</span>'
            "</summary>"
            f'<div class="rk-code"><pre>{code(source.rstrip(), language)}</pre></div>'
            "</details>"
        )

    def printed(self, text: str, *, error: bool) -> None:
        """Add printed text, folded when it is long."""
        shown = self.masking.shown(unadorned(text))
        words = html.escape(shown, quote=False).rstrip()
        if not words:
            return
        lines = words.count("\n") + 1
        kind = "rk-out rk-out-error" if error else "rk-out"
        # Lines under one another may be aligned; one alone is broken where it ends.
        kind += " rk-out-line" if lines == 1 else ""
        block = f'<pre class="{kind}">{words}</pre>'
        if lines > _LONG:
            block = (
                f'<details class="rk-fold"><summary>{_icon("fold")}<span>Output</span>'
                '<span class="rk-grow"></span>'
                f'<span class="rk-small">{lines} lines</span>'
                f"</summary>{block}</details>"
            )
        self.body.append(block)

    def markup(self, markup: str) -> None:
        """Add HTML that a cell showed."""
        table = clean(markup, self.masking.shown, self.masking.user)
        self.pictures += table.count("<img ")
        self.body.append(f'<div class="rk-out rk-out-table">{table}</div>')

    def picture(self, picture: Picture) -> None:
        """Add an image that a cell showed."""
        self.pictures += 1
        image = _image(picture, self.masking.shown(picture.words))
        self.body.append(f'<figure class="rk-picture">{image}</figure>')

    def figure(self, figure: Figure, twin: str) -> None:
        """Add a widget, with its twin for readers without scripts inside."""
        self.figures += 1
        static = "" if figure.blob else " is-static"
        still = clean(twin, self.masking.shown, self.masking.user)
        reserved = _reserved(figure)
        self.body.append(
            f'<figure class="rk-fig rk-fig-{_attribute(figure.widget)}{static}" '
            f'id="figure-{self.figures}"'
            + (f' data-rk-figure="{figure.blob}"' if figure.blob else "")
            + (f' style="--rk-reserved: {reserved}px"' if reserved else "")
            + f'><div class="rk-twin rk-out-table">{still}</div></figure>'
        )
        words, replay = caption(figure)
        if not words:
            return
        link = ""
        if replay is not None:
            hash_ = _moment(replay, figure)
            shown = html.escape(hash_)
            link = f' <a class="rk-mono" href="{_attribute(hash_)}">{shown}</a>.'
        live = "" if figure.widget == "player" or static else " rk-cap-live"
        self.body.append(f'<p class="rk-cap{live}">{html.escape(words)}{link}</p>')

    def written(self, figures: Figures) -> tuple[bytes, tuple[Part, ...]]:
        """Return the finished page, and what it is made of."""
        style = bundle_file("page.css").read_text(encoding="utf-8")
        script = _script()
        blobs = [
            (blob.label, _blob(name, blob.body))
            for name, blob in figures.blobs.parts.items()
        ]
        sheets = [("styles", f"<style>{style}</style>")]
        scripts = [
            ("prose, code and tables", _index(figures)),
            *blobs,
            ("player and page", f'<script type="module">{script}</script>'),
        ]
        head = f"{_policy(script)}\n<title>{html.escape(self.title)}</title>"
        article = self._article()
        size = len(article) + sum(len(text) for _, text in (*sheets, *scripts))
        article = article.replace(_SIZE_MARK, _held(figures, size), 1)
        start = (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"{head}\n"
        )
        middle = f'</head>\n<body class="rk rk-page">\n{article}\n'
        page = "".join(
            [
                start,
                *(f"{text}\n" for _, text in sheets),
                middle,
                *(f"{text}\n" for _, text in scripts),
                "</body>\n</html>\n",
            ]
        )
        parts = [Part(label, len(text.encode())) for label, text in (*sheets, *scripts)]
        prose = len((start + middle).encode())
        # Half a surrogate pair, as a recording may hold it, cannot be written.
        body = page.encode("utf-8", "replace")
        return body, largest_first([Part("prose, code and tables", prose), *parts])

    def prove(self, body: bytes, figures: Figures) -> None:
        """Raise `NotMasked` if the finished page holds what was to be taken out."""
        style = bundle_file("page.css").read_text(encoding="utf-8")
        library = {figures.library} if figures.library else set()
        labels = {name: blob.label for name, blob in figures.blobs.parts.items()}
        searched = Searched(self.masking.words, tuple(self.masking.patterns.values()))
        script = _script()
        own = {style, script, _rules(script), *library}
        prove(body, searched, own, labels)

    def notes(self) -> list[str]:
        """Say what was masked, and what nothing has read."""
        found = self.masking.notes()
        if self.pictures and self.masking.places:
            one = self.pictures == 1
            words = "1 image is" if one else f"{self.pictures} images are"
            found.append(
                f"{words} shared as {'it is' if one else 'they are'}: no image is read"
            )
        return found

    def _article(self) -> str:
        meta = [*(f"<span>{html.escape(text)}</span>" for text in self.about)]
        meta += [
            f"<span>{_icon('mask')} {html.escape(text)}</span>"
            for text in self.masking.about()
        ]
        meta.append(f"<span>{_icon('shield')} {_SIZE_MARK}</span>")
        return (
            '<main class="rk-main"><article class="rk-doc">'
            f"<header><h1>{html.escape(self.title)}</h1>"
            f'<div class="meta">{"".join(meta)}</div></header>'
            f'<div class="rk-doc-body"><div class="rk-toc">{self._contents()}</div>'
            f'<div class="rk-doc-text">{"".join(self.body)}</div>'
            "</div></article></main>"
        )

    def _contents(self) -> str:
        lines = [one for one in self.headings if one.level in {_SECOND, _THIRD}]
        if len(lines) < _SECOND:
            return ""
        links = "".join(
            f'<a{_SUB if one.level == _THIRD else ""} href="#{_attribute(one.anchor)}">'
            f"{html.escape(one.words)}</a>"
            for one in lines
        )
        return f'<nav aria-label="Contents">{links}</nav>'


_SUB: Final = ' class="sub"'
_SIZE_MARK: Final = "\x00size\x00"


def _held(figures: Figures, size: int) -> str:
    charts, replays = figures.charts, len(figures.replays)
    held = [f"{charts} chart{'' if charts == 1 else 's'}"] if charts else []
    held += [f"{replays} replay{'' if replays == 1 else 's'}"] if replays else []
    words = ["opens offline", size_words(size), ", ".join(held)]
    return " · ".join(filter(None, words))


def _moment(replay: str, figure: Figure) -> str:
    capsule = figure.capsule
    said = {}
    if capsule is not None:
        question = key_of("session", {"replay": replay})
        said = capsule.replies.get(question, {}).get("said", {})
    return f"#replay={quote(replay, safe='')}&t={said.get('opened_t') or 0}"


def _reserved(figure: Figure) -> int:
    """Return the height that is kept free for a chart until it is drawn."""
    if figure.capsule is None or "chart {}" not in figure.capsule.replies:
        return 0
    height = figure.capsule.replies["chart {}"]["data"].get("height")
    return round(height) + 2 if isinstance(height, int | float) else 0


def _policy(script: str) -> str:
    """Return the policy as markup: the first thing in the page."""
    rules = _rules(script)
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def _rules(script: str) -> str:
    """Return the policy: no network; only our own scripts and the chart library."""
    hashes = bundle_file("frame.sha256").read_text(encoding="ascii").split()
    frame = " ".join(f"'sha256-{one}'" for one in hashes)
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    rules = [
        "default-src 'none'",
        f"script-src 'sha256-{own}' {frame} blob:",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
        "media-src data: blob:",
        # The sealed frame is a data: address; it inherits this policy and adds its own.
        "frame-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def _script() -> str:
    """Return the page's program, safe between its tags."""
    text = bundle_file("page.js").read_text(encoding="utf-8").strip()
    return re.sub(r"</(script)", r"<\\/\1", text, flags=re.IGNORECASE)


def _blob(name: str, body: bytes) -> str:
    text = base64.b64encode(body).decode("ascii")
    return f'<script type="text/plain" data-rk-blob="{name}">{text}</script>'


def _index(figures: Figures) -> str:
    found = {
        "figures": [one.blob for one in figures.all if one.blob],
        "library": figures.library,
        "replays": {
            replay: [
                one.blob
                for one in figures.all
                if one.capsule and one.blob and replay in one.capsule.replays
            ]
            for replay in figures.replays
        },
    }
    # Inside a script block only "<" can end it.
    text = json.dumps(found).replace("<", "\\u003c")
    return f'<script type="application/json" id="rk-page">{text}</script>'


def _image(picture: Picture, words: str) -> str:
    source = f"data:{picture.mime};base64,{picture.body}"
    return clean(f'<img src="{_attribute(source)}" alt="{_attribute(words)}">')


def _icon(name: str) -> str:
    return (
        f'<svg class="rk-i" viewBox="0 0 16 16" aria-hidden="true">{_ICONS[name]}</svg>'
    )


def _attribute(text: str) -> str:
    return html.escape(text, quote=True)
