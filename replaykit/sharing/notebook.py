"""A saved notebook as a list of blocks: prose, code and what the code showed."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from replaykit.bundle import MIME
from replaykit.errors import BadInput, MissingFile, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLOTLY: Final = "application/vnd.plotly.v1+json"
_FORMAT: Final = 4
#: Marks the output of a filmstrip in its metadata.
FILM: Final = "replaykit.filmstrip"
#: Pictures in the order in which one is chosen when an output has several.
_PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True)
class Text:
    """Markdown, with the images attached to its cell."""

    markdown: str
    attachments: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Code:
    """The source of a code cell."""

    source: str
    language: str


@dataclass(frozen=True)
class Markup:
    """HTML that a cell showed: a table."""

    html: str


@dataclass(frozen=True)
class Picture:
    """An image that a cell showed, base64."""

    mime: str
    body: str
    words: str
    #: A filmstrip of ours, drawn from a recording as it is.
    film: bool = False


@dataclass(frozen=True)
class Printed:
    """Text that a cell printed or showed; `error` for a traceback."""

    text: str
    error: bool = False


@dataclass(frozen=True)
class Shown:
    """One of our outputs: its saved form, and its twin for readers without scripts."""

    bundle: dict[str, Any]
    twin: str
    picture: Picture | None = None


@dataclass(frozen=True)
class Plot:
    """A plotly figure of the author's own."""

    figure: dict[str, Any]


Block: TypeAlias = Text | Code | Markup | Picture | Printed | Shown | Plot


def read(path: str | Path) -> list[Block]:
    """Return the blocks of a saved notebook, in order; nothing is executed.

    Raises
    ------
    MissingFile
        If there is no such file.
    BadInput
        If it is not a notebook of format 4.
    """
    return blocks(load(Path(path)))


def blocks(notebook: Mapping[str, Any]) -> list[Block]:
    """Return the blocks of a notebook that has been read already."""
    info = notebook.get("metadata", {}).get("language_info", {})
    language = str(info.get("name") or "python")
    return [block for cell in notebook["cells"] for block in _blocks(cell, language)]


def load(file: Path) -> dict[str, Any]:
    """Read a notebook, or say why it is none."""
    if not file.is_file():
        near = [one.name for one in file.parent.glob("*.ipynb")]
        hint = did_you_mean(file.name, near)
        raise MissingFile(f"No notebook at {file}. {hint}".rstrip())
    try:
        notebook = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{file} is not a notebook: it is not JSON ({error}). Share takes the "
            ".ipynb file as Jupyter saved it."
        ) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        older = isinstance(notebook, dict) and "worksheets" in notebook
        why = (
            "its format is old; jupyter nbconvert --to notebook writes the present one"
            if older
            else "it has no cells. Share takes the .ipynb file as Jupyter saved it"
        )
        raise BadInput(f"{file} is not a notebook of format {_FORMAT}: {why}.")
    return notebook


def _blocks(cell: dict[str, Any], language: str) -> Iterator[Block]:
    tags = cell.get("metadata", {}).get("tags", ())
    if "remove-cell" in tags:
        return
    source = _joined(cell.get("source", ""))
    match cell.get("cell_type"):
        case "markdown":
            yield Text(source, cell.get("attachments", {}))
        case "code":
            if source.strip() and "remove-input" not in tags:
                yield Code(source, language)
            if "remove-output" not in tags:
                yield from _outputs(cell.get("outputs", []))
        case _:
            return


def _outputs(outputs: list[dict[str, Any]]) -> Iterator[Block]:
    printed: list[str] = []
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            # Progress bars and warnings are for the author, prints for the reader.
            if output.get("name") != "stderr":
                printed.append(_joined(output.get("text", "")))
            continue
        if printed:
            yield Printed("".join(printed))
            printed = []
        if kind == "error":
            trace = "\n".join(output.get("traceback", []))
            name, value = output.get("ename", "Error"), output.get("evalue", "")
            yield Printed(trace or f"{name}: {value}", error=True)
        elif kind in {"display_data", "execute_result"}:
            film = FILM in output.get("metadata", {})
            yield from _shown(output.get("data", {}), film=film)
    if printed:
        yield Printed("".join(printed))


def _shown(data: dict[str, Any], *, film: bool = False) -> Iterator[Block]:
    """Yield the richest form of one output that may stand in a page."""
    picture = _picture(data)
    bundle = data.get(MIME)
    if isinstance(bundle, dict):
        yield Shown(bundle, _joined(data.get("text/html", "")), picture)
    elif isinstance(data.get(_PLOTLY), dict):
        yield Plot(data[_PLOTLY])
    elif picture is not None:
        yield replace(picture, film=film)
    elif "text/html" in data and "application/vnd.jupyter.widget-view+json" not in data:
        yield Markup(_joined(data["text/html"]))
    elif "text/markdown" in data:
        yield Text(_joined(data["text/markdown"]), {})
    elif "text/plain" in data:
        yield Printed(_joined(data["text/plain"]))


def _picture(data: dict[str, Any]) -> Picture | None:
    words = _joined(data.get("text/plain", ""))
    for mime in _PICTURES:
        if mime in data:
            return Picture(mime, "".join(_joined(data[mime]).split()), words)
    if "image/svg+xml" in data:
        return Picture("image/svg+xml", _encoded(data["image/svg+xml"]), words)
    return None


def _encoded(drawing: object) -> str:
    return b64encode(_joined(drawing).encode()).decode("ascii")


def _joined(text: object) -> str:
    """Return a multi-line string, which notebooks may keep as a list of lines."""
    if isinstance(text, list):
        return "".join(str(line) for line in text)
    return str(text)
