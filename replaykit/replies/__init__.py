"""What a widget may ask, and how it is answered from Python.

The front end asks by kind and parameters; the same questions are answered by a live
kernel here, and by a capsule of ready answers in a shared page. The kinds and the shape
of each reply are declared in `widgets/js/protocol.ts`.
"""

from replaykit.replies.asked import (
    MODULES,
    STATIC,
    Answers,
    Reply,
    bundle_file,
    key_of,
    module_source,
)
from replaykit.replies.home import Home
from replaykit.replies.microscope import Followed, Microscope, Point
from replaykit.replies.watching import Watching

__all__ = [
    "MODULES",
    "STATIC",
    "Answers",
    "Followed",
    "Home",
    "Microscope",
    "Point",
    "Reply",
    "Watching",
    "bundle_file",
    "key_of",
    "module_source",
]
