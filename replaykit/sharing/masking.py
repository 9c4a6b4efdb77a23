"""What a shared page says of people: pseudonyms, masked inputs, allow-listed facts.

First everything that must go is gathered, then everything that travels is rewritten
with it: answers, recordings, charts, tables, prose and code, so that one person has one
pseudonym everywhere. `proof.py` then reads the finished file.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from replaykit.capsule import LEVEL, Blobs, Capsule
from replaykit.redaction.addresses import mask_address
from replaykit.redaction.events import Walk
from replaykit.redaction.pseudonyms import Pseudonyms
from replaykit.redaction.scrub import Scrub
from replaykit.redaction.words import Words
from replaykit.replays.masking import mask_text
from replaykit.replies import key_of
from replaykit.sharing.gathering import Gathered
from replaykit.sharing.mask_words import MASKED, WORDS, Masked

if TYPE_CHECKING:
    from collections.abc import Collection

    from replaykit.sharing.figures import Figures

_ERROR: Final = re.compile(
    r"(?:Uncaught )?(?:\(in promise\) )?[A-Z]\w{2,40}(?:Error|Exception)(?=\W|\Z)"
)
#: Parts of a plotly trace that say something of single points; whole numbers there are
#: ids when they are known as such.
_SAID: Final = frozenset(
    {"customdata", "hovertext", "text", "ids", "labels", "parents", "names"}
)
#: Of a saved output, what says nothing of anybody.
_BUNDLE_KEPT: Final = ("widget", "zone", "of", "order")
#: What lists call somebody of whom nothing is known.
_UNKNOWN: Final = "(unknown)"
_USER_FIELDS: Final = frozenset({"user", "user_id"})
_REPLAY_FIELDS: Final = frozenset({"replay", "replay_id"})
_ADDRESS_FIELDS: Final = frozenset({"url", "href", "first_page"})


class Masking:
    """Rewrites whatever goes into a page.

    Parameters
    ----------
    places
        What is masked.
    properties
        Event properties that travel; `None` for all.
    """

    def __init__(
        self, places: Collection[Masked], properties: Collection[str] | None = ()
    ) -> None:
        """Start with nothing to take out."""
        self.places = frozenset(places)
        if properties is None:
            self.places -= {"properties"}
        self._allowed = properties if "properties" in self.places else None
        self._use(Gathered())

    def gather(self, figures: Figures) -> None:
        """Look up all that must go, in the data and in what travels of them."""
        found = Gathered()
        replays = figures.replays
        known: set[int] = set()
        for figure in figures.all:
            source = getattr(figure.answers, "source", None)
            if source is not None and id(source) not in known:
                known.add(id(source))
                found.source(source)
                found.taken_out(source, replays)
            found.figure(figure, figures.blobs)
        self._use(found)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to take out."""
        return not self.places and not self.words and not self.patterns

    def _use(self, found: Gathered) -> None:
        self._found = found
        ids = found.people | found.devices | found.replays
        self._person = Pseudonyms("person", ids)
        self._device = Pseudonyms("device", ids)
        self._replay = Pseudonyms("replay", ids)
        self._value = Pseudonyms("*")
        self._keys = Pseudonyms("k")
        self._points: dict[str, str] = {}
        looked_for: dict[str, str | None] = {}
        self.in_fields_only = 0
        texts = set(found.removed)
        texts |= found.typed if "inputs" in self.places else set()
        texts |= found.asked if "addresses" in self.places else set()
        for text in texts:
            if not found.ordinary(text):
                looked_for[text] = mask_text(text)
        if "users" in self.places:
            for text in ids:
                if found.ordinary(text):
                    self.in_fields_only += 1
                else:
                    looked_for[text] = None
        self.words = Words(looked_for, self._named)
        self.patterns = dict(found.patterns)
        self._scrub = Scrub(
            self.words,
            patterns=list(found.patterns.values()),
            inputs="inputs" in self.places,
            query=self._query if "addresses" in self.places else None,
        )
        self._blobs: dict[str, str] = {}

    def _named(self, text: str) -> str:
        if text in self._found.replays:
            return self._replay(text)
        if text in self._found.people:
            return self._person(text)
        return self._device(text)

    def _query(self, name: str, value: str) -> str:
        del name
        number = self._value(value).rpartition("-")[2]
        return f"*{number}"

    # -- texts

    def own(self, text: str) -> str:
        """Change what the author wrote: prose, code, titles."""
        return self.words.replace(text)

    def shown(self, text: str) -> str:
        """Change what data said: outputs, tables, labels."""
        return self._scrub.text(text)

    def user(self, text: str) -> str:
        """Return what stands for a user wherever a user is meant."""
        if "users" not in self.places or text in {"", _UNKNOWN}:
            return text
        if self._person.given(text):
            return text
        return self._person(text)

    def _replay_id(self, text: str) -> str:
        return self._replay(text) if "users" in self.places and text else text

    def _address(self, text: str) -> str:
        if "addresses" in self.places:
            text = mask_address(text, self._query)
        return self.shown(text)

    def _said(self, text: str) -> str:
        """Change a line of the console: the kind of an error stays."""
        if "console" not in self.places:
            return self.shown(text)
        kind = _ERROR.match(text)
        rest = len(text) - (kind.end() if kind else 0)
        if rest <= 0:
            return text
        masked = f"({rest} characters masked)"
        return f"{kind[0]}: {masked}" if kind else masked

    # -- figures

    def figures(self, figures: Figures) -> None:
        """Rewrite all that travels with the figures of a page."""
        before, figures.blobs = figures.blobs, Blobs()
        self._blobs = {}
        for figure in figures.all:
            figure.bundle = self._bundle(figure.bundle)
            if figure.capsule is not None:
                figure.capsule = self._capsule(figure.capsule, before, figures.blobs)

    def _bundle(self, bundle: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Keep what captions and headings are made of; the rest stays behind."""
        kept = {name: bundle[name] for name in _BUNDLE_KEPT if name in bundle}
        kept["title"] = self.shown(str(bundle.get("title") or ""))
        if "chart" in bundle:
            kept["chart"] = {
                "title": self.shown(str(bundle["chart"].get("title") or ""))
            }
        return kept

    def _capsule(self, capsule: Capsule, before: Blobs, after: Blobs) -> Capsule:
        for replay in capsule.replays:
            self._replay_id(replay)
        replies = {}
        for key, entry in capsule.replies.items():
            kind, _, raw = key.partition(" ")
            params = self._params(json.loads(raw))
            changed = dict(entry)
            if "data" in entry:
                changed["data"] = self._data(kind, entry["data"])
            if "said" in entry:
                changed["said"] = self._fields(entry["said"])
            if "blob" in entry:
                changed["blob"] = self._kept_session(entry["blob"], before, after)
            if "buffers" in entry:
                changed["buffers"] = [
                    self._buffer(kind, name, before, after) for name in entry["buffers"]
                ]
            replies[key_of(kind, params)] = changed
        rows = {
            row: [values[0], self.shown(values[1]), self._props(values[2]), *values[3:]]
            for row, values in capsule.rows.items()
        }
        return replace(
            capsule,
            title=self.shown(capsule.title),
            replies=replies,
            rows=rows,
            replays=[self._replay_id(one) for one in capsule.replays],
        )

    def _kept_session(self, name: str, before: Blobs, after: Blobs) -> str:
        """Rewrite one session, however many points lead to it."""
        known = self._blobs.get(name)
        if known is None:
            label = before.parts[name].label
            known = after.add_json(self._session(before.json(name)), label)
            self._blobs[name] = known
        return known

    def _params(self, params: dict[str, Any]) -> dict[str, Any]:
        changed = {}
        for name, value in params.items():
            if name in {"key", "point"} and isinstance(value, str):
                changed[name] = self._point(value)
            else:
                changed[name] = self._fields(value, name)
        return changed

    def _point(self, key: str) -> str:
        """Return the key of a point; one that says something is numbered instead."""
        if key not in self._points:
            same = self.shown(key) == key
            self._points[key] = key if same else self._keys(key)
        return self._points[key]

    def _data(self, kind: str, data: Any) -> Any:  # noqa: ANN401 - JSON
        if kind == "chart":
            rest = {name: value for name, value in data.items() if name != "figure"}
            return {**self._fields(rest), "figure": self._plotly(data["figure"], "")}
        if kind == "session":
            return self._session(data)
        return self._fields(data)

    def _session(self, session: dict[str, Any]) -> dict[str, Any]:
        changed: dict[str, Any] = self._fields(session)
        changed["console"] = [
            {
                **line,
                "text": self._said(line["text"]),
                **(
                    {"source": self._address(line["source"])}
                    if "source" in line
                    else {}
                ),
            }
            for line in session["console"]
        ]
        marks = []
        for mark in session["marks"]:
            label = mark["label"]
            if mark["kind"] == "error":
                label = self._said(label)
            elif mark["kind"] == "request":
                method, _, rest = label.partition(" ")
                address, _, status = rest.rpartition(" ")
                label = f"{method} {self._address(address)} {status}"
            else:
                label = self.shown(label)
            marks.append({**mark, "label": label})
        changed["marks"] = marks
        if "tables" in changed:
            changed["tables"] = [self._table(one) for one in changed["tables"]]
        changed["missing"] = [self._address(str(x)) for x in session.get("missing", ())]
        return changed

    def _table(self, table: dict[str, Any]) -> dict[str, Any]:
        """Keep the allowed columns of a table of another system, as of events."""
        kept = [
            at
            for at, name in enumerate(table["columns"])
            if self._allowed is None or name in self._allowed
        ]
        return {
            **table,
            "columns": [table["columns"][at] for at in kept],
            "rows": [[row[at] for at in kept] for row in table["rows"]],
        }

    def _buffer(self, kind: str, name: str, before: Blobs, after: Blobs) -> str:
        part = before.parts[name]
        if kind != "segment":
            return after.add(part.body, part.label)
        known = self._blobs.get(name)
        if known is None:
            events = orjson.loads(zlib.decompress(part.body))
            silent = bool(self.places & {"console", "network"})
            Walk(self._scrub.see, silent=silent).events(events)
            body = zlib.compress(orjson.dumps(events), LEVEL)
            known = self._blobs[name] = after.add(body, part.label)
        return known

    def _fields(self, value: Any, name: str = "") -> Any:  # noqa: ANN401 - JSON
        """Change every text of an answer, by the name of its field."""
        if isinstance(value, str):
            if name in _USER_FIELDS:
                return self.user(value)
            if name in _REPLAY_FIELDS or name == "replays":
                return self._replay_id(value)
            if name in _ADDRESS_FIELDS:
                return self._address(value)
            return self._point(value) if name == "key" else self.shown(value)
        if isinstance(value, list):
            if name == "props":
                return [self._props(one) for one in value]
            return [self._fields(one, name) for one in value]
        if isinstance(value, dict):
            if name == "props":
                return self._props(value)
            return {key: self._fields(one, key) for key, one in value.items()}
        return value

    def _props(self, props: Any) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(props, dict):
            return self._fields(props)
        return {
            name: self._fields(value)
            for name, value in props.items()
            if self._allowed is None or name in self._allowed
        }

    # -- charts

    def _plotly(self, value: Any, name: str) -> Any:  # noqa: ANN401 - JSON
        """Rewrite labels, hovers, and what points carry along."""
        if isinstance(value, str):
            return self._point(value) if name == "customdata" else self.shown(value)
        if isinstance(value, list):
            if self._all_ids(value):
                return [self.user(str(one)) for one in value]
            return [self._plotly(one, name) for one in value]
        if isinstance(value, dict):
            numbers = _unpacked(value)
            if numbers is not None and (name in _SAID or self._all_ids(numbers)):
                return self._plotly(numbers, name)
            return {key: self._plotly(one, key) for key, one in value.items()}
        if name in _SAID and self._is_id(value):
            return self.user(str(value))
        return value

    def _is_id(self, value: object) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return "users" in self.places and str(value) in self.words

    def _all_ids(self, values: list[Any]) -> bool:
        """Tell whether an axis is made of ids: one number may be a count."""
        return len(values) > 0 and all(self._is_id(one) for one in values)

    # -- words about it

    def about(self) -> list[str]:
        """Say on the page what is masked in it."""
        if not self.places:
            return ["not masked: ids and recorded texts as they are"]
        said = [WORDS[name] for name in MASKED if name in self.places]
        if self._allowed:
            listed = ", ".join(sorted(self._allowed))
            said[said.index(WORDS["properties"])] = f"properties but {listed}"
        found = [f"masked: {', '.join(said)}"]
        rest = [WORDS[name] for name in MASKED if name not in self.places]
        return [*found, f"as recorded: {', '.join(rest)}"] if rest else found

    def notes(self) -> list[str]:
        """Say in the report what was taken out, and what could not be looked for."""
        if not self.places:
            return ["nothing is masked (mask=False)"]
        found = []
        if self.in_fields_only:
            found.append(
                f"{self.in_fields_only:,} ids are short or ordinary words: replaced "
                "where a user stands, not looked for in texts"
            )
        return found


def _unpacked(value: dict[str, Any]) -> list[Any] | None:
    """Read plotly's packed form of an array of numbers."""
    if not {"dtype", "bdata"} <= set(value):
        return None
    try:
        raw = base64.b64decode(value["bdata"])
        array = np.frombuffer(raw, dtype=np.dtype(value["dtype"]))
        shape = str(value.get("shape") or "")
        if shape:
            array = array.reshape([int(one) for one in shape.split(",")])
        unpacked: list[Any] = array.tolist()
    except (TypeError, ValueError):
        return None
    return unpacked
