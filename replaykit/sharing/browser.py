"""A headless Chromium, driven over a pipe: no driver, no port, no network.

It opens one page of ours at a time and takes pictures of it. Where none is installed,
what needs pictures does without (`find_browser`).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from replaykit.errors import ReplayKitError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_NAMES: Final = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    *("chrome", "microsoft-edge", "msedge"),
)
_FLAGS: Final = (
    *("--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run"),
    *("--hide-scrollbars", "--mute-audio", "--disable-extensions", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-quic", "--force-color-profile=srgb", "--no-default-browser-check"),
    # Whatever a recording tries: no name is looked up, no address reached.
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9"),
)
#: One answer of the browser, and one picture of a page, never take longer.
_PATIENCE: Final = 15.0


class BrowserFailed(ReplayKitError, RuntimeError):
    """A headless browser that did not start or did not answer."""


def find_browser() -> str | None:
    """Return a Chromium to draw with, `None` if there is none.

    `REPLAYKIT_BROWSER` names another one, or with an empty value none at all.
    """
    named = os.environ.get("REPLAYKIT_BROWSER")
    if named is not None:
        return shutil.which(named) if named else None
    if os.name != "posix":
        return None  # the pipe is handed over by the file numbers of a POSIX shell
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """One running browser with one page.

    Parameters
    ----------
    program
        What `find_browser` returned.
    width, height
        The window, in CSS pixels.
    """

    def __init__(self, program: str, *, width: int = 1000, height: int = 900) -> None:
        """Start the browser and open an empty page."""
        self._folder = tempfile.mkdtemp(prefix="replaykit-film-")
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        size = f"--window-size={width},{height}"
        self._write, self._read, self._process = _started(
            program, [*_FLAGS, *root, f"--user-data-dir={self._folder}", size]
        )
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self._requested: list[str] = []
        try:
            target = self._ask("Target.createTarget", url="about:blank")["targetId"]
            attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            self._ask("Page.enable")
            self._ask(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=height,
                deviceScaleFactor=1,
                mobile=False,
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return the browser."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.close()

    def open(self, page: Path) -> None:
        """Open a file and wait until its scripts have run."""
        self._ask("Page.navigate", url=page.resolve().as_uri())
        self.until("document.readyState === 'complete'")

    def record(self) -> None:
        """Take note of every address that is asked for from now on."""
        self._ask("Network.enable")

    def requested(self) -> list[str]:
        """Return the addresses that were asked for since `record`."""
        self.run("0")
        return list(self._requested)

    def run(self, script: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value of an expression in the page."""
        reply = self._ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in reply:
            raise BrowserFailed(f"The page said {reply['exceptionDetails']['text']}.")
        return reply["result"].get("value")

    def until(self, script: str, seconds: float = _PATIENCE) -> bool:
        """Wait until an expression is true; tell whether it ever was."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.run(script):
                return True
            time.sleep(0.03)
        return False

    def picture(self, box: dict[str, float], width: int) -> bytes:
        """Return a part of the page as PNG, so many pixels wide."""
        clip = {**box, "scale": width / max(1.0, box["width"])}
        reply = self._ask("Page.captureScreenshot", format="png", clip=clip)
        return base64.b64decode(reply["data"])

    def close(self) -> None:
        """Stop the browser and remove what it wrote."""
        with suppress(OSError):
            os.close(self._write)
        _ended(self._process)
        with suppress(OSError):
            os.close(self._read)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method}
        message["params"] = params
        if self._session is not None:
            message["sessionId"] = self._session
        try:
            os.write(self._write, json.dumps(message).encode() + b"\0")
        except OSError as error:
            raise BrowserFailed(f"The browser is gone ({error}).") from error
        while True:
            reply = json.loads(self._message())
            if reply.get("method") == "Network.requestWillBeSent":
                self._requested.append(reply["params"]["request"]["url"])
            if reply.get("id") != self._number:
                continue
            if "error" in reply:
                raise BrowserFailed(f"{method}: {reply['error'].get('message')}")
            result: dict[str, Any] = reply["result"]
            return result

    def _message(self) -> bytes:
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._rest:
            left = end - time.monotonic()
            ready, _, _ = select.select([self._read], [], [], max(0.0, left))
            if not ready:
                raise BrowserFailed(
                    f"The browser did not answer for {_PATIENCE:.0f} s."
                )
            more = os.read(self._read, 1 << 20)
            if not more:
                raise BrowserFailed("The browser ended.")
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return message


def _started(program: str, flags: list[str]) -> tuple[int, int, int]:
    """Start a browser; return where to write, where to read, and its number."""
    import fcntl  # noqa: PLC0415 - of POSIX systems, as the pipe is

    there, write = os.pipe()
    read, back = os.pipe()
    # It reads from file 3 and writes to file 4; ours must not lie there.
    safe = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (there, back)]
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    actions = [
        *((os.POSIX_SPAWN_DUP2, nothing, number) for number in (0, 1, 2)),
        (os.POSIX_SPAWN_DUP2, safe[0], 3),
        (os.POSIX_SPAWN_DUP2, safe[1], 4),
    ]
    try:
        process = os.posix_spawn(
            program, [program, *flags, "about:blank"], os.environ, file_actions=actions
        )
    except OSError:
        os.close(write)
        os.close(read)
        raise
    finally:
        for one in (there, back, nothing, *safe):
            os.close(one)
    return write, read, process


def _ended(process: int) -> None:
    """Wait until a process has ended, and end it if it does not do so by itself."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(process, number)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                if os.waitpid(process, os.WNOHANG)[0]:
                    return
            except ChildProcessError:
                return
            time.sleep(0.01)
