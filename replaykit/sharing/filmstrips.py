"""Complete a saved notebook: a picture of key moments after every player.

Drawing takes a browser and seconds, so displaying a player does not wait for it: the
notebook is completed when it is ready, and then shows what was watched on GitHub and
wherever scripts are off.

    python -m replaykit.sharing.filmstrips analysis.ipynb
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from replaykit.bundle import MIME
from replaykit.errors import ReplayKitError
from replaykit.sharing.figures import Projects
from replaykit.sharing.filmstrip import Filmstrip
from replaykit.sharing.notebook import FILM, load
from replaykit.sharing.opening import open_project
from replaykit.sharing.size import read_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from replaykit.sharing.figures import OpenProject
    from replaykit.travelling import Travelling

#: A completed notebook stays below this, as repositories and viewers like it.
BUDGET: Final = "1MB"


@dataclass(frozen=True, eq=False)
class _Saved:
    """A player as a notebook keeps it."""

    bundle: dict[str, Any]
    answers: Travelling | None

    def _replaykit_share_(self) -> tuple[Any, dict[str, Any]]:
        return self.answers, self.bundle


def filmstrips(
    path: str | Path,
    *,
    budget: str = BUDGET,
    project: str | None = None,
    open_project: OpenProject = open_project,
) -> int:
    """Put a picture of its key moments after every player of a saved notebook.

    Nothing is executed. Each picture is an output of its own (`image/png`), drawn from
    the recording as it is: like the notebook, it is not masked, and `rk.share` leaves
    it out of a masked page. Pictures that were there are drawn anew; where the notebook
    would grow beyond the budget, or no headless Chromium is found, there is none.

    Parameters
    ----------
    path
        The notebook; it is rewritten in place.
    budget
        The largest it may become, such as `"1MB"`.
    project
        Where the notebook's project is now, if it has moved.
    open_project
        Opens a project by its path.

    Returns
    -------
    int
        How many pictures it has now.

    Raises
    ------
    MissingFile, BadInput
        If it is no notebook, or its project is gone or has changed since.
    """
    file = Path(path)
    notebook = load(file)
    outputs = [cell["outputs"] for cell in notebook["cells"] if cell.get("outputs")]
    for some in outputs:
        some[:] = [one for one in some if FILM not in one.get("metadata", {})]
    players = list(_players(outputs))
    projects = Projects(open_project, moved=project, changed="refuse")
    projects.expect([bundle for _, _, bundle in players], str(file))
    most, drawn = read_size(budget), 0
    for some, shown, bundle in players:
        strip = Filmstrip.of(_Saved(bundle, projects.answers(bundle)))
        data, about = strip._repr_mimebundle_()
        if "image/png" not in data:
            continue
        output = {"output_type": "display_data", "metadata": about, "data": data}
        at = next(i for i, one in enumerate(some) if one is shown) + 1
        some.insert(at, output)
        if len(_written(notebook)) > most:
            some.pop(at)
            continue
        drawn += 1
    file.write_bytes(_written(notebook))
    return drawn


def _players(
    outputs: list[list[dict[str, Any]]],
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]]:
    for some in outputs:
        for shown in list(some):
            bundle = shown.get("data", {}).get(MIME)
            if isinstance(bundle, dict) and bundle.get("widget") == "player":
                yield some, shown, bundle


def _written(notebook: dict[str, Any]) -> bytes:
    """Write a notebook as Jupyter does."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True)
    return f"{text}\n".encode("utf-8", "replace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    summary = (__doc__ or "").split("\n", maxsplit=1)[0]
    parser = argparse.ArgumentParser(prog="filmstrips", description=summary)
    parser.add_argument("--budget", default=BUDGET, help="such as 1MB")
    parser.add_argument("--project", help="where the project is, if it has moved")
    parser.add_argument("notebooks", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    for path in options.notebooks:
        try:
            drawn = filmstrips(path, budget=options.budget, project=options.project)
        except ReplayKitError as error:
            sys.stderr.write(f"{path}: {error}\n")
            return 1
        sys.stdout.write(f"{path}  {drawn} filmstrips\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
