"""The chart library that a page carries: our part of plotly.js, or all of it."""

from __future__ import annotations

import zlib
from functools import lru_cache
from importlib.resources import files
from typing import Final

from replaykit.replies import module_source

#: What our part can draw (`widgets/js/plotly-bundle.ts`; a test compares).
OWN_PART: Final = frozenset(
    {"scatter", "bar", "heatmap", "icicle", "sankey", "sunburst"}
)


def chart_library(kinds: set[str]) -> tuple[bytes, str]:
    """Return the deflated library that draws these kinds of trace, and its name.

    Results need our part only. A figure of the author's own may need any kind: then
    the page carries the whole of plotly.js as the Python package holds it, about three
    times as large.

    Examples
    --------
    >>> chart_library({"bar"})[1]
    'chart library'
    """
    if kinds <= OWN_PART:
        return module_source("plotly"), "chart library"
    return _whole(), "whole chart library"


@lru_cache(maxsize=1)
def _whole() -> bytes:
    """Return all of plotly.js as a module of ours, deflated."""
    whole = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    # It looks for CommonJS before it looks for a page; a module of ours offers that.
    code = (
        b"const module={exports:{}};\n" + whole + b"\nexport default module.exports;\n"
    )
    return zlib.compress(code, 9)
