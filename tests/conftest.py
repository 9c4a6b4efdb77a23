"""What all tests share: no test starts a browser that it does not ask for."""

from __future__ import annotations

import os

import pytest

from replaykit.replays import storing

# Drawing key moments costs seconds per page; tests of the filmstrip name a browser.
os.environ.setdefault("REPLAYKIT_BROWSER", "")


def pytest_collection_modifyitems(items):
    """Give two processes their parts: the browser's tests, and all others by file.

    Tests in browsers share one JupyterLab, and wait more than they compute; those of a
    file share what they set up.
    """
    for item in items:
        browser = "/browser/" in str(item.path)
        item.add_marker(
            pytest.mark.xdist_group("browser" if browser else str(item.path))
        )


@pytest.fixture
def fed(monkeypatch):
    """Count the events that each addition reads through the page."""
    counts = []
    feed = storing.Storing.feed

    def counting(self, events):
        counts.append(0)

        def counted():
            for event in events:
                counts[-1] += 1
                yield event

        feed(self, counted())

    monkeypatch.setattr(storing.Storing, "feed", counting)
    return counts
