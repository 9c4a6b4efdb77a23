"""What all tests share: no test starts a browser that it does not ask for."""

from __future__ import annotations

import os

# Drawing key moments costs seconds per page; tests of the filmstrip name a browser.
os.environ.setdefault("REPLAYKIT_BROWSER", "")
