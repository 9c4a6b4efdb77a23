"""How a page gets at the projects that its notebook was made from.

`project.py` stands above this part (a project can be shared), so it is reached by name
when a notebook is read, not imported. Tests and other hosts pass their own opener.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replaykit.source import Source


def open_project(path: str) -> Source:
    """Return the source of the project at `path`, as `rk.open` would open it.

    A demo is named by its size (`demo://5000`) and opened as `rk.demo` would.
    """
    if re.fullmatch(r"demo://\d{1,9}", path):
        shop = import_module("replaykit.demoshop.project").open_address(path)
    else:
        shop = import_module("replaykit.opening").open(path)
    source: Source = shop.source
    return source
