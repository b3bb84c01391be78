"""The types of what callers pass in."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, Union

import numpy as np

Id: TypeAlias = Union[str, int]
"""An id of an item or of a user. ``42`` and ``"42"`` are the same one."""

Time: TypeAlias = Union[int, dt.date, np.datetime64]
"""Unix milliseconds, or a date or time. One without a zone is in UTC."""

Attributes: TypeAlias = Mapping[str, Any]
"""Attribute name to text, list of texts, number, boolean, time or ``{"lat": …, "lon": …}``."""

Condition: TypeAlias = Mapping[str, Any]
"""A MongoDB-style condition, such as ``{"price": {"$lt": 100}}``."""

Buffer: TypeAlias = Union[bytes, bytearray, memoryview]
"""Bytes in any form."""

Path: TypeAlias = Union[str, "os.PathLike[str]"]
"""The path of a file."""


class ArrowStream(Protocol):
    """Anything with the Arrow PyCapsule interface: pyarrow, polars, DuckDB, …."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Table: TypeAlias = Union[Mapping[str, Any], ArrowStream, Any]
"""A dictionary of columns, a pandas or polars data frame, or an Arrow table or stream."""

Ids: TypeAlias = Union[Sequence[Id], "np.ndarray[Any, Any]", Any]
"""A list of ids, a NumPy array, or a pandas, polars or Arrow column."""
