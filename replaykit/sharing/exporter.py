"""`jupyter nbconvert --to replaykit`: the page that `rk.share` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from traitlets import Bool, List, Unicode

from replaykit.capsule import Export, check_export
from replaykit.sharing import notebook as saved
from replaykit.sharing.assembly import page_of_notebook
from replaykit.sharing.figures import Figures, Projects
from replaykit.sharing.mask_words import allowed_properties, masked_places
from replaykit.sharing.masking import Masking
from replaykit.sharing.opening import open_project
from replaykit.sharing.size import check_budget


class ReplaykitExporter(Exporter):
    """Write a notebook as one page with charts and replays that play offline.

    With `--execute` the notebook runs first. The options are those of `rk.share`, as
    `--ReplaykitExporter.export=shown`.
    """

    export_from_notebook = "Page that plays offline"
    output_mimetype = "text/html"

    title = Unicode("", help="The heading.").tag(config=True)
    export = Unicode("1", help="shown, none, or replays per point.").tag(config=True)
    budget = Unicode("25MB", help="The largest page, or none.").tag(config=True)
    project = Unicode("", help="Where the project is now.").tag(config=True)
    allow_changed = Bool(
        default_value=False, help="Share although the project has changed."
    ).tag(config=True)

    mask = Bool(default_value=True, help="Mask what the page says of people.").tag(
        config=True
    )
    properties = List(
        Unicode(), help="Event properties that travel, or the one word all."
    ).tag(config=True)

    filmstrip = Bool(
        default_value=True, help="Draw key moments for readers without scripts."
    ).tag(config=True)

    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: Any, resources: Any = None, **kwargs: Any
    ) -> tuple[str, Any]:
        """Return the page of a notebook, and nbconvert's resources."""
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        export: Export | str = (
            int(self.export) if self.export.isdigit() else self.export
        )
        check_export(export)
        about = resources.get("metadata", {})
        folder = Path(about.get("path") or ".")
        source = folder / f"{about.get('name') or 'notebook'}.ipynb"
        figures = Figures(export)  # type: ignore[arg-type]
        projects = Projects(
            open_project,
            moved=self.project or None,
            changed="allow" if self.allow_changed else "refuse",
        )
        allowed = "all" if self.properties == ["all"] else self.properties
        masking = Masking(masked_places(self.mask), allowed_properties(allowed))
        page = page_of_notebook(
            source,
            saved.blocks(nb),
            figures,
            projects,
            title=self.title or None,
            masking=masking,
            drawn=self.filmstrip,
        )
        body, parts = page.written(figures)
        check_budget(len(body), parts, None if self.budget == "none" else self.budget)
        page.prove(body, figures)
        for note in projects.notes + figures.notes() + page.notes():
            self.log.warning("replaykit: %s", note)
        return body.decode(), resources
