"""Files in place of what a recording only names: pictures, fonts, style sheets."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from mimetypes import guess_type
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from replaykit.errors import BadInput, MissingFile

#: A folder laid out like the site, or address -> file (or `data:` address).
AssetMap: TypeAlias = "str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]"

#: Larger files would weigh on every segment that shows them.
_LARGEST: Final = 4 * 2**20
_KINDS: Final = ("image/", "font/", "audio/", "video/", "text/css")
_FONTS: Final = {".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf"}


class Assets:
    """Finds the file for an address; nothing outside what was given is ever read."""

    def __init__(self, given: AssetMap | None = None) -> None:
        """Look at what was given.

        Raises
        ------
        MissingFile
            If a folder or file does not exist.
        """
        self._folder: Path | None = None
        self._named: Mapping[str, str | os.PathLike[str]] = {}
        self._known: dict[str, str | None] = {}
        if isinstance(given, Mapping):
            self._named = given
            for address, file in given.items():
                if not _is_data(file) and not Path(file).is_file():
                    message = f"assets: no file {os.fspath(file)!r} for {address!r}."
                    raise MissingFile(message)
        elif given is not None:
            self._folder = Path(given).expanduser().resolve()
            if not self._folder.is_dir():
                message = (
                    f"assets={os.fspath(given)!r} is no folder. Give a folder laid out "
                    "like the site (img/logo.png), or a mapping of address to file."
                )
                raise MissingFile(message)

    def __bool__(self) -> bool:
        """Tell whether anything was given."""
        return self._folder is not None or bool(self._named)

    def get(self, address: str) -> str | None:
        """Return the `data:` address of the file for an address, or None.

        Examples
        --------
        >>> Assets({"/a.png": "data:image/png;base64,AA"}).get("/a.png")
        'data:image/png;base64,AA'
        """
        if not self:
            return None
        if address not in self._known:
            self._known[address] = self._find(address)
        return self._known[address]

    def sheet(self, address: str) -> str | None:
        """Return the text of the style sheet for an address, or None."""
        path = self._path(address)
        if path is None or _kind(path) != "text/css":
            return None
        return path.read_text(encoding="utf-8", errors="replace")

    def fingerprint(self) -> str:
        """Return a digest of which files there are and when they were changed."""
        digest = blake2b(digest_size=16)
        for name, path in self._listed:
            digest.update(name.encode())
            if path is not None:
                found = path.stat()
                digest.update(f"{found.st_size} {found.st_mtime_ns}".encode())
        return digest.hexdigest()

    @cached_property
    def _listed(self) -> list[tuple[str, Path | None]]:
        if self._folder is not None:
            files = sorted(p for p in self._folder.rglob("*") if p.is_file())
            return [(str(path), path) for path in files]
        return [
            (f"{address} {os.fspath(file)}", None if _is_data(file) else Path(file))
            for address, file in sorted(self._named.items())
        ]

    def _find(self, address: str) -> str | None:
        named = self._named.get(address)
        if named is not None and _is_data(named):
            return os.fspath(named)
        path = self._path(address)
        if path is None:
            return None
        kind = _kind(path)
        if not kind.startswith(_KINDS):
            raise BadInput(
                f"assets: {path.name!r} is {kind or 'of no known type'}; pictures, "
                "fonts, sound, video and style sheets can stand in."
            )
        if path.stat().st_size > _LARGEST:
            return None
        return f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}"

    def _path(self, address: str) -> Path | None:
        named = self._named.get(address)
        if named is not None:
            return None if _is_data(named) else Path(named)
        if self._folder is None:
            return None
        try:
            parts = urlsplit(address.strip())
        except ValueError:
            return None
        inner = PurePosixPath(unquote(parts.path).lstrip("/"))
        host = parts.hostname or ""
        for place in (PurePosixPath(host) / inner if host else inner, inner):
            try:
                path = (self._folder / place).resolve()
                # Addresses come from strangers: `..` and links must not lead outside.
                if path.is_relative_to(self._folder) and path.is_file():
                    return path
            except (OSError, ValueError):  # no name that a file could have
                continue
        return None


def _is_data(file: str | os.PathLike[str]) -> bool:
    return isinstance(file, str) and file.startswith("data:")


def _kind(path: Path) -> str:
    return _FONTS.get(path.suffix.lower()) or guess_type(path.name)[0] or ""
