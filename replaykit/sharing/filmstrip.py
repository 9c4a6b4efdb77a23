"""Key moments of replays as pictures, drawn by a headless browser from the recording.

The replay is played in the very page that is shared: sealed, with no network, masked if
the page is. Where no browser is found or it fails, there are no pictures, and cards of
text say the same.
"""

from __future__ import annotations

import base64
import hashlib
import html
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import polars as pl

from replaykit.capsule import Capsule
from replaykit.sharing.browser import Browser, BrowserFailed, find_browser
from replaykit.sharing.document import Page
from replaykit.sharing.figures import Figure, Figures
from replaykit.sharing.masking import Masking
from replaykit.sharing.notebook import FILM
from replaykit.sharing.twins import session_of
from replaykit.twins import Moment, moments, strip
from replaykit.wording import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replaykit.capsule import Blobs
    from replaykit.sharing.figures import Shareable

#: A page stands at t as it was before it: what happened then shows a little later.
_LATER_MS: Final = 800
#: Width of one picture, and of the whole strip.
WIDTH: Final = 320
_STRIP: Final = 1_200
_SETTLED_S: Final = 4.0
#: Strips that were drawn in this process, by what was drawn.
DRAWN: Final[dict[str, list[bytes | None]]] = {}
_DRAWN_MOST: Final = 32

_STAGE: Final = (
    "(() => { const host = document.querySelector('[data-rk-figure] div');"
    " return host && host.shadowRoot && host.shadowRoot.querySelector('.rk-stage') })()"
)


class Studio:
    """A browser that starts while the page is still being put together.

    It is started at once when a player will be drawn and nothing was drawn before;
    otherwise when it is first needed, because the pictures may be there already.
    """

    def __init__(self, figures: Sequence[Figure], program: str | None = None) -> None:
        self._program = program if program is not None else find_browser()
        self._starting: Future[Browser] | None = None
        if any(one.widget == "player" for one in figures) and not DRAWN:
            self._start()

    def __enter__(self) -> Self:
        """Return the studio."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the browser, if it was started; nobody waits until it has ended."""
        if self._starting is not None:
            Thread(target=_closed, args=(self._starting,)).start()

    @property
    def open(self) -> bool:
        """Whether there is a browser."""
        return self._program is not None

    def browser(self) -> Browser:
        """Return the browser; raise what kept it from starting."""
        starting = self._start()
        if starting is None:
            raise BrowserFailed("There is no browser.")
        return starting.result()

    def _start(self) -> Future[Browser] | None:
        if self._starting is None and self._program is not None:
            program = self._program
            thread = ThreadPoolExecutor(1, "replaykit-film")
            self._starting = thread.submit(lambda: Browser(program))
            thread.shutdown(wait=False)
        return self._starting


def _closed(starting: Future[Browser]) -> None:
    with suppress(BrowserFailed, OSError):
        starting.result().close()


def films(
    figures: Sequence[Figure], blobs: Blobs, studio: Studio
) -> dict[str, list[bytes | None]]:
    """Return the pictures of the first replay of each player, by the player's part.

    A replay that was drawn before, masked as it is now, is not drawn again.

    Parameters
    ----------
    figures
        Figures whose answers are ready; those that are no players are passed over.
    blobs
        Their parts.
    studio
        The browser.
    """
    found: dict[str, list[bytes | None]] = {}
    if not studio.open:
        return found
    with tempfile.TemporaryDirectory(prefix="replaykit-film-") as folder:
        for player in figures:
            capsule = player.capsule
            if player.widget != "player" or capsule is None or not player.blob:
                continue
            if not capsule.replays:
                continue
            first = capsule.replays[0]
            session = session_of(capsule, first, blobs)
            chosen = moments(session)
            body = _page_of(capsule, blobs)
            name = _name_of(body, chosen)
            if name not in DRAWN:
                page = Path(folder) / "film.html"
                page.write_bytes(body)
                length = int(session["length_ms"])
                try:
                    shots = _shots(studio.browser(), page, first, chosen, length)
                except (BrowserFailed, OSError):
                    # Pictures are extra: cards say the same in words.
                    return found
                if None in shots:
                    found[player.blob] = shots
                    continue
                DRAWN[name] = shots
                while len(DRAWN) > _DRAWN_MOST:
                    DRAWN.pop(next(iter(DRAWN)))
            found[player.blob] = DRAWN[name]
    return found


def _name_of(page: bytes, chosen: Sequence[Moment]) -> str:
    times = ",".join(str(one.t) for one in chosen)
    return hashlib.sha256(page + times.encode()).hexdigest()


def _page_of(capsule: Capsule, blobs: Blobs) -> bytes:
    """Return a page with one player of one replay."""
    only = capsule.replays[0]
    figures = Figures("shown")
    bundle = {"widget": "player", "title": "", "zone": capsule.zone}
    kept = Capsule(
        capsule.kind, "", capsule.zone, dict(capsule.replies), replays=[only]
    )
    for entry in kept.replies.values():
        for name in (*entry.get("buffers", ()), entry.get("blob")):
            if name in blobs.parts:
                figures.blobs.parts[name] = blobs.parts[name]
    figure = Figure(bundle, None, kept)
    figures.all.append(figure)
    figure.blob = figures.blobs.add_json(kept.to_dict(), "player")
    page = Page("", [], Masking(()))
    page.figure(figure, "")
    return page.written(figures)[0]


def _shots(
    browser: Browser, page: Path, replay: str, chosen: Sequence[Moment], length: int
) -> list[bytes | None]:
    browser.open(page)
    shots: list[bytes | None] = []
    for one in chosen:
        t = min(one.t + _LATER_MS, length)
        moment = f"#replay={quote(replay, safe='')}&t={t}"
        browser.run(f"location.hash = {moment!r}")
        there = (
            f"(() => {{ const stage = {_STAGE};"
            " if (!stage || stage.getAttribute('aria-busy') !== 'false') return false;"
            " const now = stage.getRootNode().querySelector('[role=slider]');"
            f" return Math.abs(Number(now.getAttribute('aria-valuenow')) - {t}) < 60"
            " })()"
        )
        if not browser.until(there, _SETTLED_S):
            shots.append(None)
            continue
        browser.run(
            "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)))"
        )
        box = browser.run(
            f"(() => {{ const page = {_STAGE}.querySelector('.page');"
            " const at = page.getBoundingClientRect();"
            " return {x: at.x + scrollX, y: at.y + scrollY,"
            " width: at.width, height: at.height} })()"
        )
        wide = isinstance(box, dict) and box["width"] > 1 and box["height"] > 1
        shots.append(browser.picture(box, WIDTH) if wide else None)
    return shots


def as_address(picture: bytes | None) -> str | None:
    """Return a picture as it stands in markup."""
    if picture is None:
        return None
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"


def joined(
    head: str, chosen: Sequence[Moment], pictures: Sequence[bytes | None], program: str
) -> bytes | None:
    """Return one picture of all moments side by side, with what happened under each."""
    cells = "".join(
        f"<figure><div>{_img(picture)}</div><figcaption><b>{clock(one.t)}</b> "
        f"{html.escape(one.title)}<br><code>{html.escape(one.path)}</code><br>"
        f"{html.escape(one.what)}</figcaption></figure>"
        for one, picture in zip(chosen, pictures, strict=False)
    )
    markup = (
        '<!doctype html><meta charset="utf-8"><meta '
        'http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<style>{_LOOK}</style><p>{html.escape(head)}</p><main>{cells}</main>"
    )
    try:
        with (
            tempfile.TemporaryDirectory(prefix="replaykit-film-") as folder,
            Browser(program, width=_STRIP, height=600) as browser,
        ):
            page = Path(folder) / "strip.html"
            page.write_text(markup, encoding="utf-8", errors="replace")
            browser.open(page)
            height = browser.run("document.documentElement.offsetHeight")
            box = {"x": 0.0, "y": 0.0, "width": float(_STRIP), "height": float(height)}
            return browser.picture(box, _STRIP)
    except (BrowserFailed, OSError):
        return None


def _img(picture: bytes | None) -> str:
    address = as_address(picture)
    return "" if address is None else f'<img src="{address}">'


_LOOK: Final = (
    "html{background:#fff;color:#212121;font:12px/1.4 system-ui,sans-serif}"
    "body{margin:8px}p{margin:0 0 8px;font-weight:600}main{display:flex;gap:8px}"
    "figure{margin:0;flex:1 1 0;min-width:0;overflow-wrap:anywhere}"
    "div{border:1px solid #e0e0e0;aspect-ratio:16/10;overflow:hidden}"
    "img{width:100%;display:block}figcaption{margin-top:4px}"
    "code{font:11px/1.4 ui-monospace,monospace;color:#616161}"
)


@dataclass(frozen=True, eq=False)
class Filmstrip:
    """Key moments of one replay, as pictures where a browser could draw them.

    Shown in a notebook it is one picture, which every viewer of notebooks shows; with
    no browser it is the same moments as text.

    Attributes
    ----------
    head
        Whose replay it is.
    moments
        What the pictures show, in time order.
    pictures
        PNG bytes, `None` where there is none.
    """

    head: str
    moments: tuple[Moment, ...]
    pictures: tuple[bytes | None, ...]

    @classmethod
    def of(cls, player: Shareable) -> Filmstrip:
        """Draw the first replay of a player, live or saved."""
        answers, bundle = player._replaykit_share_()
        figures = Figures("shown")
        figure = figures.add({**bundle, "replays": bundle["replays"][:1]}, answers)
        figures.fill(Masking(()))
        capsule = figure.capsule
        if capsule is None or not capsule.replays:
            return cls("No replay that can be played", (), ())
        session = session_of(capsule, capsule.replays[0], figures.blobs)
        head = f"Session replay of {session['user']}, {clock(session['length_ms'])}"
        with Studio(figures.all) as studio:
            strips = films(figures.all, figures.blobs, studio)
        drawn = strips.get(figure.blob or "", [])
        chosen = moments(session)
        none = [None] * (len(chosen) - len(drawn))
        return cls(head, tuple(chosen), (*drawn, *none))

    @property
    def table(self) -> pl.DataFrame:
        """The moments: `t` Duration, `what`, `title`, `path` String."""
        return pl.DataFrame(
            {
                "t": pl.Series(
                    [one.t for one in self.moments], dtype=pl.Duration("ms")
                ),
                **{
                    name: pl.Series(
                        [getattr(one, name) for one in self.moments], dtype=pl.String
                    )
                    for name in ("what", "title", "path")
                },
            }
        )

    def png(self) -> bytes | None:
        """Return all moments side by side as one PNG, `None` with no browser."""
        program = find_browser()
        if program is None or not any(self.pictures):
            return None
        return joined(self.head, self.moments, self.pictures, program)

    def __repr__(self) -> str:
        """Say what the pictures show."""
        lines = (f"  {clock(m.t)}  {m.path}  {m.what}" for m in self.moments)
        return "\n".join([self.head, *lines])

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        picture = self.png()
        data: dict[str, Any] = {"text/plain": repr(self)}
        if picture is None:
            data["text/html"] = f"<p>{html.escape(self.head)}</p>{strip(self.moments)}"
        else:
            data["image/png"] = base64.b64encode(picture).decode("ascii")
        return data, {FILM: True}
