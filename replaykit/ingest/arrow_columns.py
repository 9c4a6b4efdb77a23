"""Columns whose bytes were laid out here, handed to polars as an Arrow structure.

This is Arrow's C data interface, which polars takes without a copy: a structure with
one child per column, texts as string views. The arrays live until polars lets go.
"""

from __future__ import annotations

import ctypes
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    #: Name, Arrow format, and the buffers: validity first.
    Column = tuple[str, bytes, Sequence[NDArray[Any]]]

TEXT: Final = b"vu"
NUMBER: Final = b"l"
MOMENT: Final = b"tsu:"
_STRUCT: Final = b"+s"
_NULLABLE: Final = 2


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.c_void_p),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype = ctypes.py_object
_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

#: What polars still uses, by the number that stands in `private_data`.
_held: Final[dict[int, object]] = {}
_numbers = count(1)


def _let_go(address: int) -> None:
    array = _Array.from_address(address)
    _held.pop(array.private_data, None)
    array.release = _RELEASE()


def _keep(address: int) -> None:
    """Children go with what holds them, and so does the schema, which is only read."""


_release_array: Final = _RELEASE(_let_go)
_release_nothing: Final = _RELEASE(_keep)


class _Laid:
    """Columns of one height, for `__arrow_c_array__`."""

    def __init__(self, columns: Sequence[Column], height: int) -> None:
        self._columns = columns
        self._height = height
        self._read: object = None

    def __arrow_c_array__(
        self, requested_schema: object = None
    ) -> tuple[object, object]:
        del requested_schema
        return self._schema(), self._array()

    def _schema(self) -> object:
        children = [
            _Schema(
                format=form,
                name=name.encode(),
                flags=_NULLABLE,
                release=_release_nothing,
            )
            for name, form, _ in self._columns
        ]
        pointers = (ctypes.POINTER(_Schema) * len(children))(
            *(ctypes.pointer(child) for child in children)
        )
        top = _Schema(
            format=_STRUCT,
            name=b"",
            n_children=len(children),
            children=pointers,
            release=_release_nothing,
        )
        self._read = top, children, pointers
        return _capsule(ctypes.addressof(top), b"arrow_schema", None)

    def _array(self) -> object:
        number = next(_numbers)
        children: list[_Array] = []
        kept: list[object] = []
        for _, form, given in self._columns:
            buffers = list(given)
            if form == TEXT:
                # Behind the texts stands how long each of their buffers is.
                buffers.append(np.array([one.nbytes for one in given[2:]], np.int64))
            places = (ctypes.c_void_p * len(buffers))(
                *(one.ctypes.data for one in buffers)
            )
            children.append(
                _Array(
                    length=self._height,
                    null_count=-1,
                    n_buffers=len(buffers),
                    buffers=places,
                    release=_release_nothing,
                )
            )
            kept.append((buffers, places))
        pointers = (ctypes.POINTER(_Array) * len(children))(
            *(ctypes.pointer(child) for child in children)
        )
        none = (ctypes.c_void_p * 1)(None)
        top = _Array(
            length=self._height,
            n_buffers=1,
            n_children=len(children),
            buffers=none,
            children=pointers,
            release=_release_array,
            private_data=number,
        )
        _held[number] = top, children, pointers, none, kept
        return _capsule(ctypes.addressof(top), b"arrow_array", None)


def frame_of(columns: Sequence[Column], height: int) -> pl.DataFrame:
    """Return columns as a frame that uses their memory.

    Parameters
    ----------
    columns
        Of each the name, its Arrow format (`TEXT`, `NUMBER`, `MOMENT`) and its buffers:
        the validity as bits; the numbers, or the views and the texts they point into.
    height
        Number of rows.

    Examples
    --------
    >>> bits, numbers = np.array([5], np.uint8), np.array([7, 8, 9], np.int64)
    >>> frame_of([("n", NUMBER, (bits, numbers))], 3)["n"].to_list()
    [7, None, 9]
    """
    return pl.DataFrame(_Laid(columns, height))
