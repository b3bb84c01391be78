"""What comes from outside as columns: lists, NumPy, pandas, polars, Arrow."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tastemaker._native import Column, read_arrow
from tastemaker.errors import InvalidArgumentError, InvalidIdError

EVENT_COLUMNS = ("user_id", "item_id", "kind", "weight", "timestamp")

_MISSING = np.iinfo(np.int64).min


def event_columns(
    events: Any, columns: Mapping[str, str] | None, *, needed: Iterable[str] = ("user_id", "item_id")
) -> dict[str, Column | None]:
    """The columns of a table of events by their names in the core; ``None`` for an absent one."""
    names = {name: name for name in EVENT_COLUMNS}
    for name, theirs in (columns or {}).items():
        if name not in names:
            raise InvalidArgumentError(
                f"columns: {name!r} is not a column of events; they are {', '.join(EVENT_COLUMNS)}"
            )
        names[name] = theirs
    if isinstance(events, Mapping):
        strangers = [str(key) for key in events if key not in names.values()]
        if strangers:
            raise InvalidArgumentError(
                f"events: {strangers[0]!r} is not a column of events; they are {', '.join(names.values())}"
            )
    table = table_columns("events", events, list(names.values()))
    found = {name: table.get(theirs) for name, theirs in names.items()}
    for name in needed:
        if found[name] is None:
            raise InvalidArgumentError(f"events: there is no column {names[name]!r}")
    return found


def table_columns(what: str, table: Any, names: list[str] | None = None) -> dict[str, Column]:
    """The columns of a table; only those in ``names`` where that is given."""

    def wanted(available: Iterable[Any]) -> list[str]:
        present = [str(name) for name in available]
        return present if names is None else [name for name in present if name in names]

    if isinstance(table, Mapping):
        return {name: column(name, table[name]) for name in wanted(table)}
    if _is_pandas(table, "DataFrame"):
        for name in wanted(table.columns):
            if table.columns.tolist().count(name) > 1:
                raise InvalidArgumentError(f"{what}: the column {name!r} is there more than once")
        return {name: column(name, table[name]) for name in wanted(table.columns)}
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        return read_arrow(table, names)
    raise InvalidArgumentError(
        f"{what} is a {type(table).__name__}; it is a dictionary of columns, a pandas or polars data frame, "
        "or an Arrow table"
    )


def column(name: str, values: Any) -> Column:
    """One column from a list, a NumPy array, a pandas or polars series, or an Arrow array."""
    if isinstance(values, Column):
        return values
    if isinstance(values, list):
        return Column.from_list(name, values)
    if isinstance(values, np.ndarray):
        return _from_numpy(name, values)
    if _is_pandas(values, "Series", "Index", "ExtensionArray"):
        return _from_pandas(name, values)
    if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        return _from_arrow(name, values)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidArgumentError(f"{name} is a {type(values).__name__}; it is a list or an array")
    return Column.from_list(name, list(values))


def _from_numpy(name: str, values: np.ndarray[Any, Any]) -> Column:
    if values.ndim != 1:
        raise InvalidArgumentError(f"{name} has {values.ndim} dimensions; a column has one")
    mask = None
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        values = np.asarray(values.data)
    kind = values.dtype.kind
    if kind in "iu":
        if kind == "u" and values.size and int(values.max()) > np.iinfo(np.int64).max:
            raise InvalidIdError(f"{name}: {int(values.max())} is beyond 64 bits with a sign; pass it as text")
        return Column.from_integers(np.ascontiguousarray(values, dtype=np.int64), mask)
    if kind == "f":
        return Column.from_floats(np.ascontiguousarray(values, dtype=np.float64), mask)
    if kind == "b":
        return Column.from_booleans(np.ascontiguousarray(values), mask)
    if kind == "M":
        # NumPy rounds down here, as Python does, and keeps NaT as the smallest integer.
        millis = values.astype("datetime64[ms]").astype(np.int64)
        if mask is not None:
            millis = np.where(mask, _MISSING, millis)
        return Column.from_times(np.ascontiguousarray(millis))
    if kind in "OUT":
        items = values.tolist()
        if mask is not None:
            items = [None if gone else item for item, gone in zip(items, mask.tolist())]
        return Column.from_list(name, items)
    raise InvalidArgumentError(f"{name} has the NumPy type {values.dtype}; use integers, floats, text or times")


def _from_pandas(name: str, values: Any) -> Column:
    pandas = sys.modules["pandas"]
    series = pandas.Series(values)
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return _from_numpy(name, series.to_numpy())
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return _from_numpy(name, series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = series.cat.categories.tolist()
        if all(isinstance(category, str) for category in categories):
            codes = np.ascontiguousarray(series.cat.codes.to_numpy(), dtype=np.int64)
            return Column.from_dictionary(codes, categories)
    elif getattr(dtype, "kind", "O") in "iufb":
        missing = np.ascontiguousarray(series.isna().to_numpy(), dtype=np.bool_)
        plain = series.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.type(0))
        return _from_numpy(name, np.ma.MaskedArray(plain, mask=missing))
    elif hasattr(dtype, "pyarrow_dtype"):
        return _from_arrow(name, sys.modules["pyarrow"].array(series))
    return Column.from_list(name, series.tolist())


def _from_arrow(name: str, values: Any) -> Column:
    """A single Arrow array or chunked array, by way of a table of one column."""
    module = type(values).__module__.partition(".")[0]
    if module == "polars":
        return read_arrow(values.alias(name).to_frame())[name]
    if module == "pyarrow":
        return read_arrow(sys.modules["pyarrow"].table({name: values}))[name]
    table = read_arrow(values)
    if len(table) != 1:
        raise InvalidArgumentError(f"{name} has {len(table)} Arrow columns; it is one column")
    return next(iter(table.values()))


def _is_pandas(value: Any, *names: str) -> bool:
    """True for pandas types, without importing pandas."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    types = [getattr(pandas, name, None) or getattr(pandas.api.extensions, name) for name in names]
    return isinstance(value, tuple(types))


def id_array(column: Column) -> np.ndarray[Any, Any]:
    """The ids of a column as 64-bit integers, or as objects that are texts."""
    return object_array(column.ids_to_python())


def object_array(ids: Any) -> np.ndarray[Any, Any]:
    """An array of integers as it is, a list of texts as an array of objects."""
    if isinstance(ids, np.ndarray):
        return ids
    array = np.empty(len(ids), dtype=object)
    array[:] = ids
    return array
