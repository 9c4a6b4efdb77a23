"""What the browser tests share: their mark, and one JupyterLab for all of them."""

from __future__ import annotations

import shutil

import lab
import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    """One server with JupyterLab and Notebook 7 over a folder; yields URL and folder."""
    folder = tmp_path_factory.mktemp("jupyter")
    shutil.copy(lab.ROOT / "notebooks" / "01_tour.ipynb", folder)
    with lab.jupyter(folder) as url:
        yield url, folder
