"""Compile loops over plain arrays once, and keep the result on disk.

Importing this module imports numba, which takes a moment: whoever has a kernel imports
it on first use, never at the top.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=np.generic)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code on its first call, without the GIL.

    The machine code is cached in the user's cache folder and not beside the source, so
    that an installation nobody may write to starts as fast as any other. A folder that
    the user chose with `NUMBA_CACHE_DIR` is kept.
    """
    return _jitted(function, part=False)


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that only compiled functions call.

    It needs no form that Python can call, which takes a good part of the time that
    compiling does.
    """
    return _jitted(function, part=True)


def _jitted(function: Callable[P, R], *, part: bool) -> Callable[P, R]:
    chosen = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = chosen or str(cache_folder())
    try:
        jitted = numba.njit(
            cache=True,
            nogil=True,
            error_model="numpy",
            no_cpython_wrapper=part,
            no_cfunc_wrapper=True,
        )(function)
    finally:
        numba.config.CACHE_DIR = chosen
    return cast("Callable[P, R]", jitted)


@cache
def cache_folder() -> Path:
    """Return a folder that can be written, for the compiled form of these kernels.

    Kernels call each other across files, and compiled code holds what it calls: a
    folder per state of the sources keeps an old part from being used with a new one.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*/*_kernel.py")):
        digest.update(path.read_bytes())
    state = digest.hexdigest()[:12]
    home = os.environ.get("XDG_CACHE_HOME")
    wanted = (Path(home) if home else Path.home() / ".cache") / "replaykit" / state
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        return Path(tempfile.mkdtemp(prefix="replaykit-kernels-"))


def frozen(array: NDArray[T]) -> NDArray[T]:
    """Return a read-only, contiguous view.

    Code is compiled per kind of argument, and polars hands out read-only arrays where
    it can and writable ones where it cannot: one kind means compiling once.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
