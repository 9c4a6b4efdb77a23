"""Columns whose bytes were laid out here, handed to polars as Arrow arrays.

This is Arrow's C data interface, which polars takes without a copy, texts as string
views. The bytes of a column live until polars lets go of it.
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
    """Release nothing: the schema is only read, and goes with what holds it."""


_release_array: Final = _RELEASE(_let_go)
_release_nothing: Final = _RELEASE(_keep)


class _Laid:
    """A column, for `__arrow_c_array__`; each goes by itself, whatever others do."""

    def __init__(self, column: Column, height: int) -> None:
        self._name, self._form, self._buffers = column
        self._height = height
        self._read: object = None

    def __arrow_c_array__(
        self, requested_schema: object = None
    ) -> tuple[object, object]:
        del requested_schema
        return self._schema(), self._array()

    def _schema(self) -> object:
        self._read = read = _Schema(
            format=self._form,
            name=self._name.encode(),
            flags=_NULLABLE,
            release=_release_nothing,
        )
        return _capsule(ctypes.addressof(read), b"arrow_schema", None)

    def _array(self) -> object:
        buffers = list(self._buffers)
        if self._form == TEXT:
            # Behind the texts stands how long each of their buffers is.
            buffers.append(np.array([one.nbytes for one in buffers[2:]], np.int64))
        places = (ctypes.c_void_p * len(buffers))(*(one.ctypes.data for one in buffers))
        number = next(_numbers)
        array = _Array(
            length=self._height,
            null_count=-1,
            n_buffers=len(buffers),
            buffers=places,
            release=_release_array,
            private_data=number,
        )
        _held[number] = array, places, buffers
        return _capsule(ctypes.addressof(array), b"arrow_array", None)


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
    return pl.DataFrame(
        pl.Series(column[0], _Laid(column, height)) for column in columns
    )
