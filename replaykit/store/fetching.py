"""Input that lies in object storage, as files: copied for as long as it is read."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, cast

from replaykit.errors import BadInput, MissingFile, did_you_mean
from replaykit.store.objects import ObjectPath

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping


def is_remote(source: object) -> bool:
    """Tell whether a path, or one of several, is a URL of object storage."""
    if isinstance(source, str):
        return "://" in source
    return isinstance(source, list | tuple) and any(map(is_remote, source))


@contextmanager
def fetched(
    source: object, options: Mapping[str, str] | None, suffixes: tuple[str, ...]
) -> Iterator[object]:
    """Copy what URLs name into a scratch folder; other paths stay as they are.

    Parameters
    ----------
    source
        A URL (`s3://bucket/export/*.json.gz`, or one with everything below it), or a
        list of URLs and paths. Anything else is yielded as it is.
    options
        Endpoint, region and credentials.
    suffixes
        Endings looked for where a URL names no object.

    Raises
    ------
    MissingFile
        If a URL names no object.
    BadInput
        If the storage cannot be reached.
    """
    if not is_remote(source):
        yield source
        return
    given = cast(
        "list[str | os.PathLike[str]]",
        list(source) if isinstance(source, list | tuple) else [source],
    )
    with tempfile.TemporaryDirectory(prefix="replaykit-") as scratch:
        paths: list[str | os.PathLike[str]] = []
        for one in given:
            if not is_remote(one):
                paths.append(one)
                continue
            connected = _top(one, options)
            from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra

            try:
                for found in _named(str(one), connected, suffixes):
                    path = Path(scratch, _folder(found.key), found.name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with path.open("wb") as file:
                        for chunk in found.store.get(found.key).stream():
                            file.write(chunk)
                    paths.append(path)
            except BaseError as error:
                # Behind its first line it tells all it knows.
                why = str(error).partition("\n")[0]
                raise BadInput(f"{one} cannot be read: {why}") from error
        yield paths


def _folder(key: str) -> Path:
    """Return where an object's copy lies: as it lay there, never outside."""
    parts = key.split("/")[:-1]
    return Path(*(part for part in parts if part.strip(".")))


def _top(url: str | os.PathLike[str], options: Mapping[str, str] | None) -> ObjectPath:
    """Connect to the bucket of a URL."""
    scheme, _, rest = str(url).partition("://")
    return ObjectPath.open(f"{scheme}://{rest.partition('/')[0]}", options)


def _named(url: str, top: ObjectPath, suffixes: tuple[str, ...]) -> list[ObjectPath]:
    """Return the objects that a URL names: itself, its matches, or what is below."""
    key = url.partition("://")[2].partition("/")[2]
    fixed = key
    for sign in "*?[":
        fixed = fixed.partition(sign)[0]
    if fixed != key:
        folder = top / fixed.rpartition("/")[0] if "/" in fixed else top
        found = [
            one
            for one in folder.iterdir()
            if fnmatchcase(one.key, key)
            and ("**" in key or one.key.count("/") == key.count("/"))
        ]
    elif key and (top / key).is_file():
        return [top / key]
    else:
        folder = top / key.strip("/") if key.strip("/") else top
        found = [one for one in folder.iterdir() if one.name.lower().endswith(suffixes)]
    if not found:
        beside = top / key.rpartition("/")[0] if "/" in key else top
        names = [str(one) for one in beside.iterdir()]
        hint = did_you_mean(url, names)
        raise MissingFile(f"No object matches {url}. {hint}".rstrip())
    return sorted(found, key=str)
