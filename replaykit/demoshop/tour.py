"""Execute notebooks on the demo data, and write the page that `make demo` shows.

python -m replaykit.demoshop.tour notebooks/01_tour.ipynb build/tour.html
python -m replaykit.demoshop.tour --in-place notebooks/*.ipynb
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(notebook: Path) -> Any:
    """Run all cells in a fresh kernel, and return the notebook with its outputs."""
    import nbformat  # noqa: PLC0415 - of the lab extra
    from nbclient import NotebookClient  # noqa: PLC0415 - same

    node = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        node,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebook.resolve().parent)}},
        store_widget_state=False,
        extra_arguments=["--log-level=40"],
    )
    client.execute()
    return node


def settle(node: Any) -> Any:
    """Leave out what changes from run to run, or lives only as long as a kernel.

    A saved notebook shows the script-free twin of each widget; our own MIME type beside
    it is what `rk.share` reads.
    """
    node.metadata.pop("widgets", None)
    node.metadata.pop("signature", None)
    for number, cell in enumerate(node.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata.pop("execution", None)
        kept: list[Any] = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(_WIDGET, None)
            if output.get("output_type") == "stream" and output.name == "stderr":
                continue
            before: Any = kept[-1] if kept else {}
            if before.get("output_type") == output.get("output_type") == "stream":
                # Whether two prints come as one depends on how busy the kernel is.
                before.text += output.text
                continue
            kept.append(output)
        if "outputs" in cell:
            cell.outputs = kept
    return node


def _write(node: Any, to: Path) -> None:
    import nbformat  # noqa: PLC0415 - of the lab extra

    to.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(node, to)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="tour", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--in-place", action="store_true")
    parser.add_argument("paths", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    if options.in_place:
        for path in options.paths:
            _write(settle(execute(path)), path)
            from replaykit.sharing.filmstrips import filmstrips  # noqa: PLC0415 - same

            drawn = filmstrips(path)
            sys.stdout.write(f"{path}  executed, {drawn} filmstrips\n")
        return 0
    notebook, page = options.paths
    executed = page.with_suffix(".ipynb")
    _write(settle(execute(notebook)), executed)
    from replaykit import share  # noqa: PLC0415 - after the kernel has done its work

    report = share(executed, page)
    sys.stdout.write(f"{report}\n")
    for cell in execute_findings(executed):
        sys.stdout.write(f"  {cell}\n")
    seconds = time.monotonic() - began
    sys.stdout.write(f"Open {page.resolve().as_uri()} ({seconds:.0f} s)\n")
    return 0


def execute_findings(notebook: Path) -> list[str]:
    """Return the sentences the notebook printed as its findings."""
    import nbformat  # noqa: PLC0415 - of the lab extra

    node = nbformat.read(notebook, as_version=4)
    lines = [
        line
        for cell in node.cells
        for output in cell.get("outputs", [])
        if output.get("output_type") == "stream"
        for line in output.text.splitlines()
    ]
    return [line for line in lines if line.startswith("→ ")]


if __name__ == "__main__":
    raise SystemExit(main())
