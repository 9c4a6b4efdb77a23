"""A real JupyterLab in a real browser: start it, open a notebook, run it, look."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

#: What keeps a headless Chromium from looking for its maker's hosts.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    raise RuntimeError("The browser tests need Chromium: make chromium")


@contextlib.contextmanager
def browser_page(width=1400, height=1000, scheme="light", **context):
    """A page in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        page = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **context
        ).new_page()
        try:
            yield page
        finally:
            browser.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


@contextlib.contextmanager
def served(command, url, cwd, env=None):
    """A server process that is gone afterwards, with what it said on failure."""
    log = Path(cwd) / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            try:
                wait_for(url)
            except OSError:
                raise RuntimeError(log.read_text()[-3000:]) from None
            yield url
        finally:
            process.terminate()
            process.wait(20)


@contextlib.contextmanager
def jupyter(folder: Path, theme: str = "light"):
    """JupyterLab over a folder, with its own settings; yields its URL.

    Notebook 7 answers from the same server, at /notebooks/.
    """
    config = folder / ".config"
    (config / "labconfig").mkdir(parents=True, exist_ok=True)
    off = {"@jupyterlab/apputils-extension:announcements": True}
    page_config = {"disabledExtensions": off}
    (config / "labconfig" / "page_config.json").write_text(json.dumps(page_config))
    chosen = "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"
    themes = {"@jupyterlab/apputils-extension:themes": {"theme": chosen}}
    settings = folder / ".settings" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(json.dumps(themes))
    user = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    user.mkdir(parents=True, exist_ok=True)
    (user / "themes.jupyterlab-settings").write_text(json.dumps({"theme": chosen}))
    port = free_port()
    env = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(folder / ".data"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "IPYTHONDIR": str(folder / ".ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(config / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
        "PYTHONPATH": str(ROOT),
    }
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        # So that a test can ask which commands ran.
        "--LabApp.expose_app_in_browser=True",
        "--ServerApp.ip=127.0.0.1",
    ]
    with served(command, f"http://127.0.0.1:{port}/api", folder, env):
        yield f"http://127.0.0.1:{port}"


def stop_kernels(url: str) -> None:
    """Shut down what runs on a server that other tests go on with."""
    with urllib.request.urlopen(f"{url}/api/sessions", timeout=10) as reply:
        running = json.loads(reply.read())
    for one in running:
        address = f"{url}/api/sessions/{one['id']}"
        asked = urllib.request.Request(address, method="DELETE")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(asked, timeout=10).close()


def write_notebook(path: Path, sources: list[str]) -> None:
    """Write a notebook of code cells."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"c{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(book))


def run_all(page, timeout_s: float = 180) -> None:
    """Run every cell of the open notebook, and wait until the kernel is idle."""
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
    page.wait_for_selector(
        ".jp-Notebook-ExecutionIndicator[data-status=idle]",
        timeout=60_000,
        state="attached",
    )
    page.wait_for_selector(".jp-KernelName:has-text('Python 3')", timeout=60_000)
    # Lab forgets a run that is asked for while it is still connecting, and may ask
    # which kernel was meant.
    page.wait_for_timeout(1500)
    waiting = "() => document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')"
    for _ in range(5):
        if page.locator(".jp-Dialog .jp-mod-accept").count():
            page.locator(".jp-Dialog .jp-mod-accept").click()
            page.wait_for_timeout(1500)
        page.click(".lm-MenuBar-itemLabel:text-is('Run')")
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_timeout(2000)
        prompts = page.evaluate(f"() => [...({waiting})()].map(p => p.textContent)")
        if any("*" in prompt or "1" in prompt for prompt in prompts):
            break
    page.wait_for_function(
        f"""() => [...({waiting})()].every(p => /\\[\\d+\\]/.test(p.textContent))""",
        timeout=timeout_s * 1000,
    )
