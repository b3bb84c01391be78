"""What comes from outside as vectors: NumPy, tensors, Arrow, lists."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TypeAlias, Union

import numpy as np

from tastemaker._columns import _is_pandas
from tastemaker._native import read_arrow_vectors, read_vectors
from tastemaker._typing import Buffer, Path
from tastemaker.errors import InvalidArgumentError, InvalidVectorError

VectorLike: TypeAlias = Union[Sequence[float], "np.ndarray[Any, Any]", Any]
"""A list of numbers, a NumPy array of one dimension, or what becomes one."""

MatrixLike: TypeAlias = Union[Sequence[Sequence[float]], "np.ndarray[Any, Any]", Any]
"""A NumPy matrix or what becomes one, an Arrow or polars column of lists, or a list of lists."""


def read_fvecs(source: Path | Buffer) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vectors of an ``fvecs`` file, a row each.

    Raises ``InvalidVectorError`` for what is no such file, ``OSError`` where there is no file.
    """
    return read_vectors(_content(source), "fvecs")


def read_safetensors(
    source: Path | Buffer, tensor: str | None = None
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A matrix of a safetensors file, in 32-bit floats: the tensor of this name, or the only one
    that has two dimensions.

    Raises ``InvalidVectorError`` for what is no such file, ``InvalidArgumentError`` where it does
    not have that tensor, or has several and none is named; ``OSError`` where there is no file.
    """
    return read_vectors(_content(source), "safetensors", tensor)


def _content(source: Path | Buffer) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    with open(source, "rb") as file:
        return file.read()


def matrix(name: str, values: Any, dimension: int = 1) -> np.ndarray[Any, Any]:
    """Rows of 32-bit floats, or of 16-bit ones as their bits, one after the other.

    A matrix of either type that lies like that in memory is not copied. ``dimension`` is what a
    matrix without rows has.
    """
    if _is_pandas(values, "Series", "ExtensionArray"):
        arrow = hasattr(values.dtype, "pyarrow_dtype")
        values = sys.modules["pyarrow"].array(values) if arrow else values.tolist()
    elif _is_pandas(values, "DataFrame"):
        values = values.to_numpy()
    if not isinstance(values, np.ndarray):
        if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
            return read_arrow_vectors(name, _table(name, values))
        if not hasattr(values, "__array__"):
            values = _stacked(name, values)
    array = numbers(name, values)
    if array.ndim != 2:
        if array.size == 0 and array.ndim < 2:
            return np.empty((0, dimension), np.float32)
        raise InvalidArgumentError(f"{name} has {array.ndim} dimensions; it has two, a row for each vector")
    if array.dtype == np.float16:
        return np.ascontiguousarray(array, dtype=np.float16).view(np.uint16)
    return floats(array)


def vector(name: str, values: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """One vector of 32-bit floats."""
    if not isinstance(values, np.ndarray) and not hasattr(values, "__array__"):
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise InvalidArgumentError(f"{name} is a {type(values).__name__}; a vector is a list of numbers")
        values = list(values)
    array = numbers(name, values)
    if array.ndim != 1:
        raise InvalidArgumentError(f"{name} has {array.ndim} dimensions; a vector has one")
    return floats(array)


def floats(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """In 32 bits; a number beyond them becomes infinite, which the core refuses with its row."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def numbers(name: str, values: Any) -> np.ndarray[Any, Any]:
    """An array of numbers."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InvalidVectorError(f"{name}: {error}") from None
    if isinstance(values, np.ma.MaskedArray):
        array = np.ma.filled(values.astype(np.float64), np.nan)
    if array.size and array.dtype.kind not in "fiub":
        raise InvalidVectorError(f"{name} has the NumPy type {array.dtype}; vectors are of numbers")
    return array if array.size else array.astype(np.float32)


def _stacked(name: str, values: Any) -> np.ndarray[Any, Any]:
    """A list of rows as a matrix; every row as long as the first."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise InvalidArgumentError(f"{name} is a {type(values).__name__}; it is a matrix or a list of vectors")
    rows = list(values)
    for number, row in enumerate(rows):
        if isinstance(row, (str, bytes)) or not hasattr(row, "__len__"):
            raise InvalidVectorError(f"{name}: row {number} is a {type(row).__name__}; a vector is a list of numbers")
        if len(row) != len(rows[0]):
            raise InvalidVectorError(f"{name}: row {number} has {len(row)} values; row 0 has {len(rows[0])}")
    return numbers(name, rows)


def _table(name: str, values: Any) -> Any:
    """A column as a table of one column, which is what crosses."""
    module = type(values).__module__.partition(".")[0]
    if module == "polars" and hasattr(values, "to_frame"):
        return values.alias(name).to_frame()
    if module == "pyarrow" and not hasattr(values, "column_names"):
        return sys.modules["pyarrow"].table({name: values})
    return values
