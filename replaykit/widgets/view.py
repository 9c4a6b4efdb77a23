"""The Python half of every widget: small traits, and one handler for questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from replaykit.errors import ReplayKitError
from replaykit.replies import MODULES, Reply, bundle_file, module_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replaykit.replies import Answers


class View(anywidget.AnyWidget):
    """A widget that answers the questions of its front end.

    Traits are what a person may read, set or link; all else travels as answers.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode("player").tag(sync=True)
    zone = traitlets.Unicode("UTC").tag(sync=True)
    time_ms = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(default_value=False).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    session = traitlets.Unicode("").tag(sync=True)
    event = traitlets.Unicode("").tag(sync=True)
    replays = traitlets.List(traitlets.Unicode()).tag(sync=True)
    point = traitlets.Unicode("").tag(sync=True)
    #: What the front end asks first, answered with the widget itself: no way to and fro
    #: before its first frame. Worked out whenever the state is sent, and not kept.
    _opening = traitlets.Any(None, allow_none=True).tag(
        sync=True,
        to_json=lambda _, view: view._first_answers(),  # noqa: SLF001 - its own
    )

    def __init__(self, answers: Answers, **traits: Any) -> None:
        self._answers = answers
        super().__init__(**traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return bundle_file("widget.js").read_text(encoding="utf-8")

    def _first_answers(self) -> list[dict[str, Any]]:
        """Return questions of the front end with their answers."""
        return []

    def _reply(self, kind: str, params: Mapping[str, Any]) -> Reply:
        if kind in MODULES:
            return Reply({}, (module_source(kind),))
        return self._answers.answer(kind, params)

    def _on_message(self, _widget: object, content: Any, _buffers: object) -> None:
        """Send exactly one reply to each question, whatever happens."""
        if not isinstance(content, dict) or "id" not in content:
            return
        question = content["id"]
        try:
            reply = self._reply(str(content.get("kind")), content.get("params") or {})
        except ReplayKitError as error:
            failure = {"code": type(error).__name__, "message": str(error)}
            self.send({"id": question, "error": failure})
        except Exception as error:  # noqa: BLE001 - a silent kernel would hang the view
            failure = {
                "code": "Unexpected",
                "message": f"{type(error).__name__}: {error}",
                "hint": "This is a fault of replaykit; please report it.",
            }
            self.send({"id": question, "error": failure})
        else:
            message = {"id": question, "ok": True, "data": reply.data}
            self.send(message, buffers=list(reply.buffers))
