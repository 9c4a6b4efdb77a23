"""From what is shared to a page: a notebook's blocks, or live objects, in order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from replaykit.bundle import POINTS
from replaykit.errors import BadInput
from replaykit.sharing import notebook as saved
from replaykit.sharing.document import Page
from replaykit.sharing.figures import Pointed
from replaykit.sharing.filmstrip import Studio, as_address, films
from replaykit.sharing.markup import Prose
from replaykit.sharing.twins import twin_of
from replaykit.twins import table_twin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from replaykit.sharing.figures import Figure, Figures, Projects, Shareable
    from replaykit.sharing.masking import Masking


def page_of_notebook(
    source: Path,
    blocks: Sequence[saved.Block],
    figures: Figures,
    projects: Projects,
    *,
    title: str | None,
    masking: Masking,
    drawn: bool = False,
) -> Page:
    """Put the blocks of a saved notebook on a page, in order."""
    shown = [one.bundle for one in blocks if isinstance(one, saved.Shown)]
    if not any(isinstance(one, saved.Shown | saved.Plot) for one in blocks):
        raise BadInput(
            f"{source} shows no result, player or chart. Run it, see that its charts "
            "are there, save it, then share it."
        )
    projects.expect(shown, str(source))
    made = [_figure(one, figures, projects) for one in blocks]
    strips = _filled(figures, masking, drawn=drawn)
    prose = Prose(source.parent, masking.own)
    markup = [_prose(prose, one) for one in blocks]
    first = next((one for one in prose.headings if one.level == 1), None)
    named = masking.own(title) if title else None
    page = Page(named or (first.words if first else source.stem), [], masking)
    page.headings = prose.headings
    page.about = [_today(), *map(masking.shown, figures.about())]
    whole = first is None or title is not None
    for block, written, figure in zip(blocks, markup, made, strict=True):
        if isinstance(block, saved.Text):
            page.prose(written if whole else _without_title(written, page))
        elif figure is not None:
            words = "<p>A chart, drawn by a script.</p>"
            saved_twin = block.twin if isinstance(block, saved.Shown) else words
            page.figure(figure, _twin(figure, figures, strips) or saved_twin)
        elif isinstance(block, saved.Picture) and block.film and masking.places:
            projects.notes.append(
                "a filmstrip drawn in the notebook stays there: it is not masked"
            )
        else:
            _put(page, block)
    page.pictures += prose.pictures
    projects.notes += [f"image not brought along: {name}" for name in prose.missing]
    return page


def _filled(
    figures: Figures, masking: Masking, *, drawn: bool
) -> dict[str, list[bytes | None]]:
    """Ask for all that travels, and draw the players' first replays if asked to."""
    if not drawn:
        figures.fill(masking)
        return {}
    with Studio(figures.all) as studio:
        figures.fill(masking)
        return films(figures.all, figures.blobs, studio)


def _prose(prose: Prose, block: saved.Block) -> str:
    if isinstance(block, saved.Text):
        return prose.write(block.markdown, block.attachments)
    return ""


def _figure(block: saved.Block, figures: Figures, projects: Projects) -> Figure | None:
    if isinstance(block, saved.Shown):
        return figures.add(block.bundle, projects.answers(block.bundle))
    if isinstance(block, saved.Plot):
        return figures.add_plot(block.figure)
    return None


def _put(page: Page, block: saved.Block) -> None:
    """Put a block on a page that is neither prose nor a widget."""
    match block:
        case saved.Code():
            page.code(page.masking.own(block.source), block.language)
        case saved.Printed():
            page.printed(block.text, error=block.error)
        case saved.Markup():
            page.markup(block.html)
        case saved.Picture():
            page.picture(block)
        case _:
            return


def _without_title(markup: str, page: Page) -> str:
    """Leave out the heading that already stands over the page."""
    if page.titled:
        return markup
    start, end = markup.find("<h1"), markup.find("</h1>")
    if start < 0:
        return markup
    page.titled = True
    return markup[:start] + markup[end + len("</h1>") :]


def page_of_objects(
    objects: list[Shareable],
    figures: Figures,
    *,
    title: str | None,
    masking: Masking,
    points: int = POINTS,
    drawn: bool = False,
) -> Page:
    """Put live results, players and projects on a page, one below the other."""
    for one in objects:
        if isinstance(one, Pointed):
            answers, bundle = one._replaykit_share_(points)
        else:
            answers, bundle = one._replaykit_share_()
        figures.add(bundle, answers)
    strips = _filled(figures, masking, drawn=drawn)
    named = masking.own(title) if title else _heading(figures.all[0])
    about = [_today(), *map(masking.shown, figures.about())]
    page = Page(named, about, masking)
    for one, figure in zip(objects, figures.all, strict=True):
        page.figure(figure, _twin(figure, figures, strips) or _table(one, figure))
    return page


def _heading(figure: Figure) -> str:
    chart = figure.bundle.get("chart")
    if chart is not None:
        return str(chart.get("title") or figure.bundle["title"])
    return f"Session replays of {figure.bundle['title']}"


def _twin(
    figure: Figure, figures: Figures, strips: dict[str, list[bytes | None]]
) -> str | None:
    frames = [as_address(one) for one in strips.get(figure.blob or "", ())]
    return twin_of(figure, figures.blobs, frames)


def _table(one: Shareable, figure: Figure) -> str:
    """Return what stands in the place of a chart where scripts are switched off."""
    table = getattr(one, "table", None)
    if isinstance(table, pl.DataFrame):
        return table_twin(_heading(figure), table.columns, table.rows())
    return "<p>This figure needs scripts.</p>"


def _today() -> str:
    now = datetime.now().astimezone()
    return f"{now.day} {now:%B %Y}"
