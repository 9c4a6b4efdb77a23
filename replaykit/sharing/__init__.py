"""One file that plays: a notebook or some results as a page that opens anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from replaykit.bundle import POINTS
from replaykit.capsule import Export, check_export
from replaykit.errors import BadInput, MissingFile, UnknownOption, check_option
from replaykit.sharing import notebook as saved
from replaykit.sharing.assembly import page_of_notebook, page_of_objects
from replaykit.sharing.figures import Changed, Figures, Projects, Shareable
from replaykit.sharing.mask_words import Masked, allowed_properties, masked_places
from replaykit.sharing.masking import Masking
from replaykit.sharing.opening import open_project as open_at
from replaykit.sharing.size import SharedPage, check_budget, read_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replaykit.sharing.figures import OpenProject

__all__ = ["SharedPage", "share"]


def share(
    *what: str | os.PathLike[str] | Shareable,
    to: str | os.PathLike[str] | None = None,
    title: str | None = None,
    export: Export = 1,
    budget: str | None = "25MB",
    project: str | None = None,
    changed: Changed = "refuse",
    mask: bool | Iterable[Masked] = True,
    properties: Iterable[str] | Literal["all"] = (),
    points: int = POINTS,
    filmstrip: bool = True,
    preview: bool = False,
    open_project: OpenProject = open_at,
) -> SharedPage:
    """Write one page with charts and replays that opens anywhere, with no network.

    Nothing is executed. A notebook is read as it was saved: prose, folded code, tables,
    and the results and players it shows, which work as in the notebook over the people
    and recordings that travel along.

    The page is masked: ids of users, devices and replays become pseudonyms, the same
    ones in charts, tables, recordings, prose and code; what was typed becomes
    asterisks; values in the queries of addresses become numbers; event properties,
    texts of the console and what requests carried stay behind. The finished file is
    then read again, inflated and decoded, and not written if any id or personal text
    that was to be taken out is still in it. Matches are words of their own, of four
    characters or more; shorter ids and ordinary words are replaced where a user
    stands. Pictures are not read: the report counts them.

    Parameters
    ----------
    what
        A notebook and the page to write, `share("tour.ipynb", "tour.html")`; or
        results, players and projects, `share(trend, player, to="page.html")`.
    to
        The page to write.
    title
        The heading. Default: the notebook's first heading, or its name.
    export
        What travels: `"shown"`, the replays of the players and home lists, up to ten
        each; a number, these and the first so many of every point of every chart; or
        `"none"`, no recording.
    budget
        The largest page that may be written, such as `"10MB"`; `None` for any.
    project
        Where the notebook's project is now, if it has moved.
    changed
        `"refuse"` a notebook whose project has changed since it was saved, because
        users and replays might not fit its charts, or `"allow"` it.
    mask
        `True` for all of it, `False` for nothing (the page says so), or the places:
        `["users", "inputs", "addresses", "properties", "console", "network"]`.
    properties
        Event properties that travel although `properties` are masked, and columns of
        tables beside a replay; `"all"` for all.
    points
        How many points of each result given as an object open in the page, the latest
        intervals first. A saved notebook has kept up to 32 of each chart.
    filmstrip
        Where scripts are off, a player shows its first replay's key moments: drawn by a
        headless Chromium if one is found (`REPLAYKIT_BROWSER` names another), as cards
        of text otherwise. `False` draws none.
    preview
        Report the size, the largest parts and what is missing, and write nothing.
    open_project
        Opens a project by its path; `rk.open` unless another store is used.

    Returns
    -------
    SharedPage
        The file, its size, its largest parts, and what a reader will miss.

    Raises
    ------
    MissingFile
        If the notebook, or the project it was made from, is not there.
    BadInput
        If the file is not a notebook, nothing can be shared, the project has changed,
        or the page is over its budget. Nothing is written then.
    NotMasked
        If the page would still hold what was to be taken out. Nothing is written.

    Examples
    --------
    >>> import replaykit as rk
    >>> rk.share("no such.ipynb", "page.html")
    Traceback (most recent call last):
    replaykit.errors.MissingFile: No notebook at no such.ipynb.
    """
    check_export(export)
    check_option("changed", changed, ("refuse", "allow"))
    if not isinstance(points, int) or isinstance(points, bool) or points < 0:
        raise UnknownOption(f"points={points!r} is not a number of points.")
    if budget is not None:
        read_size(budget)
    objects, source, target = _asked(what, to)
    figures = Figures(export)
    masking = Masking(masked_places(mask), allowed_properties(properties))
    if source is not None:
        projects = Projects(open_project, moved=project, changed=changed)
        blocks = saved.read(source)
        page = page_of_notebook(
            source,
            blocks,
            figures,
            projects,
            title=title,
            masking=masking,
            drawn=filmstrip,
        )
        notes = [*projects.notes, *figures.notes()]
    else:
        page = page_of_objects(
            objects,
            figures,
            title=title,
            masking=masking,
            points=points,
            drawn=filmstrip,
        )
        notes = figures.notes()
    body, parts = page.written(figures)
    check_budget(len(body), parts, budget)
    page.prove(body, figures)
    notes += page.notes()
    if not preview:
        _write(target, body)
    return SharedPage(
        target, len(body), parts, figures.charts, len(figures.replays), tuple(notes)
    )


def _asked(
    what: tuple[Any, ...], to: str | os.PathLike[str] | None
) -> tuple[list[Shareable], Path | None, Path]:
    """Tell a notebook and its page from objects to put on one."""
    paths = [Path(one) for one in what if isinstance(one, str | os.PathLike)]
    objects = [one for one in what if not isinstance(one, str | os.PathLike)]
    if paths and objects:
        raise BadInput(
            "share takes a notebook or objects, not both: "
            "rk.share('tour.ipynb', 'tour.html') or rk.share(trend, to='x.html')."
        )
    if len(paths) + (to is not None) == 2 and paths:
        return [], paths[0], Path(to) if to is not None else paths[1]
    if objects and to is not None:
        for one in objects:
            if not isinstance(one, Shareable):
                raise BadInput(
                    f"A {type(one).__name__} cannot be shared. Share results, players "
                    "and projects, or a notebook file."
                )
        return objects, None, Path(to)
    raise BadInput(
        "share needs what to share and where to: "
        "rk.share('tour.ipynb', 'tour.html') or rk.share(trend, to='x.html')."
    )


def _write(target: Path, body: bytes) -> None:
    """Write the whole page or nothing."""
    if not target.parent.is_dir():
        raise MissingFile(f"There is no folder {target.parent} to write the page into.")
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(body)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
