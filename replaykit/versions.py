"""What is installed, for a question or a fault report."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

_PACKAGES = (
    "replaykit",
    "polars",
    "plotly",
    "anywidget",
    "ipywidgets",
    "deltalake",
    "numba",
    "isal",
    "obstore",
    "distributed",
    "jupyterlab",
    "notebook",
    "marimo",
)


def show_versions() -> None:
    """Print the versions of what takes part; nothing is sent anywhere.

    Examples
    --------
    >>> show_versions()  # doctest: +ELLIPSIS
    python...
    """
    lines = [("python", platform.python_version()), ("platform", platform.platform())]
    for package in _PACKAGES:
        try:
            lines.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            lines.append((package, "not installed"))
    width = max(len(name) for name, _ in lines)
    for name, version in lines:
        sys.stdout.write(f"{name:<{width}}  {version}\n")
