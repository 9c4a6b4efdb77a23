"""The figures of a page: who answers for each, and what each brings along."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Protocol,
    TypeAlias,
    runtime_checkable,
)

import polars as pl

from replaykit.bundle import answers_of
from replaykit.capsule import Blobs, Capsule, Export
from replaykit.errors import BadInput, MissingFile, ReplayKitError
from replaykit.sharing.library import chart_library
from replaykit.travelling import Once, collect, planned, thaw
from replaykit.wording import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from replaykit.sharing.masking import Masking
    from replaykit.source import Source
    from replaykit.travelling import Travelling

    OpenProject: TypeAlias = Callable[[str], Source]

#: What to do when a project has changed since its notebook was saved.
Changed: TypeAlias = Literal["refuse", "allow"]


@runtime_checkable
class Shareable(Protocol):
    """A result, a player or a project: anything that displays one of our widgets."""

    def _replaykit_share_(self) -> tuple[Travelling, dict[str, Any]]:
        """Return who answers, and the saved form of what is displayed."""
        ...


@runtime_checkable
class Pointed(Protocol):
    """A result: a shareable whose points open."""

    points: Callable[..., object]

    def _replaykit_share_(self, points: int) -> tuple[Travelling, dict[str, Any]]:
        """Return who answers, and the saved form with so many points."""
        ...


@dataclass(eq=False)
class Figure:
    """One widget of the page."""

    bundle: Mapping[str, Any]
    answers: Travelling | None = None
    capsule: Capsule | None = None
    #: Name of its ready answers among the blobs.
    blob: str | None = None

    @property
    def widget(self) -> str:
        """The kind of widget: player, result or home."""
        return str(self.bundle["widget"])

    @property
    def points(self) -> tuple[int, int]:
        """How many points of a chart open, and how many it has."""
        if self.capsule is None or self.widget != "result":
            return 0, 0
        opened = sum(key.startswith("point ") for key in self.capsule.replies)
        return opened, int(self.bundle.get("of") or opened)


@dataclass(eq=False)
class Figures:
    """All figures of one page and the parts they share."""

    export: Export
    blobs: Blobs = field(default_factory=Blobs)
    all: list[Figure] = field(default_factory=list)
    library: str | None = None
    #: Kinds of trace in the author's own figures.
    _kinds: set[str] = field(default_factory=set)

    def add(self, bundle: Mapping[str, Any], answers: Travelling | None) -> Figure:
        """Take a widget in; `answers` is `None` for one that carries its own."""
        figure = Figure(bundle, answers)
        self.all.append(figure)
        return figure

    def add_plot(self, plotly: Mapping[str, Any]) -> Figure:
        """Take in a plotly figure of the author's own."""
        self._kinds |= {
            str(trace.get("type") or "scatter") for trace in plotly.get("data", [])
        }
        plain = {"data": plotly.get("data", []), "layout": plotly.get("layout", {})}
        height = plain["layout"].get("height") or 450
        title = plain["layout"].get("title") or ""
        words = title.get("text") or "" if isinstance(title, dict) else title
        # Plotly's titles may hold its small markup; the head line is plain text.
        said = html.unescape(re.sub(r"<[^<>]*>", "", str(words)))
        chart = {"figure": plain, "title": said, "note": "", "height": height}
        bundle = {"widget": "plot", "title": "", "zone": "UTC"}
        replies = {"chart {}": {"data": chart}}
        capsule = Capsule("result", "", "UTC", replies, plain=True)
        figure = Figure(bundle, None, capsule)
        self.all.append(figure)
        return figure

    def fill(self, masking: Masking) -> None:
        """Ask for everything that travels: which replays, then the answers, masked."""
        asked = [(figure, figure.answers) for figure in self.all if figure.answers]
        travelling: dict[str, None] = {}
        for figure, answers in asked:
            travelling.update(
                dict.fromkeys(planned(answers, figure.bundle, self.export))
            )
        once = Once()
        once.hold([(one, figure.bundle) for figure, one in asked], travelling)
        for figure, answers in asked:
            if figure.widget == "player" and self.export == "none":
                continue
            figure.capsule = collect(
                answers,
                figure.bundle,
                travelling=travelling,
                blobs=self.blobs,
                once=once,
            )
        for figure in self.all:
            if figure.capsule is None and "capsule" in figure.bundle:
                figure.capsule = thaw(figure.bundle["capsule"], self.blobs)
        masking.gather(self)
        if not masking.idle:
            masking.figures(self)
        self._name()

    def _name(self) -> None:
        """Put the answers of each figure and the chart library among the blobs."""
        for number, figure in enumerate(self.all, 1):
            if figure.capsule is None:
                continue
            label = f"answers of figure {number} ({figure.widget})"
            figure.blob = self.blobs.add_json(figure.capsule.to_dict(), label)
        if self.charts:
            self.library = self.blobs.add(*chart_library(self._kinds))

    @property
    def replays(self) -> list[str]:
        """The replays the page can play."""
        found = (
            replay
            for figure in self.all
            if figure.capsule
            for replay in figure.capsule.replays
        )
        return list(dict.fromkeys(found))

    @property
    def charts(self) -> int:
        """How many charts the page draws."""
        drawn = [one for one in self.all if one.widget in {"result", "plot"}]
        return len(drawn)

    def notes(self) -> list[str]:
        """Say what a reader will miss."""
        left = sum(one.capsule.left_behind for one in self.all if one.capsule)
        points = (one.points for one in self.all)
        left += sum(max(0, whole - opened) for opened, whole in points)
        if self.export == "none":
            return ["no recording travels (export='none')"]
        if left:
            return [f"{left:,} listed replays or points stay behind"]
        return []

    def about(self) -> list[str]:
        """Say what data the page shows, one text per project."""
        found: dict[str, str] = {}
        for figure in self.all:
            title = str(figure.bundle["title"])
            source = getattr(figure.answers, "source", None)
            if title and title not in found:
                found[title] = _about(title, str(figure.bundle["zone"]), source)
        return list(found.values())


def caption(figure: Figure) -> tuple[str, str | None]:
    """Return the words under a figure, and the hash that opens the page there.

    The words say what can be done, and what did not travel.
    """
    capsule = figure.capsule
    if figure.widget == "player":
        if capsule is None or not capsule.replays:
            return "The recording does not travel with this page.", None
        row = capsule.replies["playlist {}"]["data"]["rows"][0]
        more = len(capsule.replays) - 1
        others = f" and {more} more" if more else ""
        left = capsule.left_behind
        behind = f" {left:,} more stay with the notebook." if left else ""
        words = f"{row['user']}, {clock(row['length_ms'])}{others}.{behind}"
        return f"{words} This page opens here with", row["replay"]
    if figure.widget == "result":
        return f"Click a point to see the users in it.{_unopened(figure)}", None
    if figure.widget == "home" and capsule is not None and capsule.left_behind:
        count = len(capsule.replays)
        return f"The first {count} of these replays play in this page.", None
    return "", None


def _unopened(figure: Figure) -> str:
    """Say which points of a chart did not travel."""
    opened, whole = figure.points
    if opened >= whole:
        return ""
    order = figure.bundle.get("order", "first")
    return f" {opened:,} of its {whole:,} points open here, the {order} ones."


class Projects:
    """Opens the projects of saved outputs, each once, and checks them."""

    def __init__(
        self, open_project: OpenProject, *, moved: str | None, changed: Changed
    ) -> None:
        self._open = open_project
        self._moved = moved
        self._changed = changed
        self._known: dict[str, Source] = {}
        self.notes: list[str] = []

    def expect(self, bundles: list[dict[str, Any]], notebook: str) -> None:
        """Open what the bundles need, and compare the versions they were saved at."""
        newest: dict[str, int | None] = {}
        for bundle in bundles:
            project = bundle.get("project")
            if project is None:
                if "capsule" not in bundle:
                    raise BadInput(
                        f"{notebook} shows a {bundle.get('widget')} over a frame "
                        "in memory, which is gone with its kernel. Run the notebook "
                        "again, or keep the events in a project (rk.create)."
                    )
                continue
            path, version = project["path"], project["version"]
            before = newest.get(path)
            newest[path] = max(filter(None, (before, version)), default=None)
        for path, version in newest.items():
            self._known[path] = self._source(path, version, notebook)

    def answers(self, bundle: Mapping[str, Any]) -> Travelling | None:
        """Make a saved output answer again; `None` if it carries its own answers."""
        project = bundle.get("project")
        if project is None:
            return None
        answers: Travelling = answers_of(bundle, self._known[project["path"]])
        return answers

    def _source(self, path: str, version: int | None, notebook: str) -> Source:
        place = self._moved or path
        if "://" not in place and not Path(place).exists():
            raise MissingFile(
                f"{notebook} was made from the project {path}, which is not at {place}"
                ". If it has moved, say where: rk.share(…, project='the/new/place')."
            )
        try:
            source = self._open(place)
        except ReplayKitError as error:
            raise type(error)(
                f"{notebook} needs the project {place}. {error}"
            ) from error
        if version is None or source.version == version:
            return source
        said = (
            f"{notebook} was saved at version {version} of {place}, which is now at "
            f"version {source.version}"
        )
        if self._changed == "refuse":
            raise BadInput(
                f"{said}: users and replays might not fit its charts. Run the notebook "
                "again and save it, or share it as it is with changed='allow'."
            )
        self.notes.append(
            f"{said}: charts are as saved, users and replays as they are now"
        )
        return source


def _about(title: str, zone: str, source: Source | None) -> str:
    if source is None:
        return f"{title} · {zone}"
    facts = (
        source.scan(())
        .select(
            rows=pl.len(),
            users=pl.col("user").n_unique(),
            start=pl.col("time").min().dt.convert_time_zone(zone),
            end=pl.col("time").max().dt.convert_time_zone(zone),
        )
        .collect()
        .row(0, named=True)
    )
    if not facts["rows"]:
        return f"{title} · {zone}"
    span = f"{facts['start']:%-d %b %Y} to {facts['end']:%-d %b %Y}"
    counted = f"{facts['rows']:,} events, {facts['users']:,} users"
    return f"{title} · {span}, {zone} · {counted}"
