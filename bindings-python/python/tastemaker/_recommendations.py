"""Recommendations for many users, as columns."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tastemaker.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import polars as _polars  # type: ignore[import-not-found, unused-ignore]
    import pyarrow as _pyarrow  # type: ignore[import-untyped, import-not-found, unused-ignore]

_SOURCES = np.array(["graph", "popular"], dtype=object)
_SHOWN_ROWS = 10


class Row(NamedTuple):
    """One recommendation to one user."""

    user_id: Any
    item_id: Any
    score: float
    rank: int
    source: str


class Recommendations:
    """A table of recommendations: a row for each user and item, by user and by rank.

    The columns are NumPy arrays; ids are given back in the type that they had in training
    (64-bit integers, or texts).
    """

    def __init__(
        self,
        users: np.ndarray[Any, Any],
        items: np.ndarray[Any, Any],
        columns: tuple[
            np.ndarray[Any, np.dtype[np.uint32]],
            np.ndarray[Any, np.dtype[np.uint32]],
            np.ndarray[Any, np.dtype[np.float64]],
            np.ndarray[Any, np.dtype[np.uint32]],
            np.ndarray[Any, np.dtype[np.uint8]],
        ],
        attributes: Callable[[Any], dict[str, Any] | None],
    ) -> None:
        self._users = users
        self._items = items
        self._user_row, self._item_index, self.score, self.rank, self._source = columns
        self._attributes = attributes

    score: np.ndarray[Any, np.dtype[np.float64]]
    """The scores; 0 for popular items."""

    rank: np.ndarray[Any, np.dtype[np.uint32]]
    """The ranks, from 1."""

    @cached_property
    def user_id(self) -> np.ndarray[Any, Any]:
        """The users, as they were asked for."""
        return np.asarray(self._users[self._user_row])

    @cached_property
    def item_id(self) -> np.ndarray[Any, Any]:
        """The items."""
        return np.asarray(self._items[self._item_index])

    @cached_property
    def source(self) -> np.ndarray[Any, Any]:
        """Where each came from: ``graph`` (the user's history) or ``popular``."""
        return np.asarray(_SOURCES[self._source])

    def to_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """The columns by name."""
        return {name: getattr(self, name) for name in Row._fields}

    def to_pandas(self) -> _pandas.DataFrame:
        """A pandas data frame. Needs pandas."""
        return _needed("pandas").DataFrame(self.to_dict())

    def to_polars(self) -> _polars.DataFrame:
        """A polars data frame. Needs polars."""
        module = _needed("polars")
        columns = {
            name: module.Series(name, column.tolist(), dtype=module.String) if column.dtype == object else column
            for name, column in self.to_dict().items()
        }
        frame: _polars.DataFrame = module.DataFrame(columns)
        return frame

    def to_arrow(self) -> _pyarrow.Table:
        """An Arrow table. Needs pyarrow."""
        return _needed("pyarrow").table(self.to_dict())

    def __getstate__(self) -> dict[str, Any]:
        # Without the model, which titles in notebooks come from, and which may be large.
        state = {**self.__dict__, "_attributes": no_attributes, "user_id": self.user_id, "item_id": self.item_id}
        state["_users"] = state["_items"] = np.empty(0)
        return state

    def __len__(self) -> int:
        return len(self.score)

    def __iter__(self) -> Iterator[Row]:
        columns = (self.user_id, self.item_id, self.score, self.rank, self.source)
        return map(Row._make, zip(*(column.tolist() for column in columns)))

    def _head(self) -> list[Row]:
        return [
            Row._make(column.tolist() if hasattr(column, "tolist") else column for column in row)
            for row in zip(*(getattr(self, name)[:_SHOWN_ROWS] for name in Row._fields))
        ]

    def __repr__(self) -> str:
        rows, users = len(self), len(np.unique(self._user_row))
        lines = [f"Recommendations({rows} row{'s'[: rows != 1]} for {users} user{'s'[: users != 1]})"]
        for row in self._head():
            source = "" if row.source == "graph" else f"  {row.source}"
            lines.append(f"  {row.user_id!r}  {row.rank:>3}. {row.item_id!r}  {row.score:.4g}{source}")
        if len(self) > _SHOWN_ROWS:
            lines.append("  …")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = self._head()
        table = html_table(
            ["user_id", "rank", "item_id", "title", "score", "source"],
            [
                [row.user_id, row.rank, row.item_id, title(self._attributes, row.item_id), f"{row.score:.4g}", row.source]
                for row in rows
            ],
        )
        more = f"<p>{len(self):,} rows, {len(rows)} shown</p>" if len(self) > len(rows) else ""
        return table + more


def no_attributes(item_id: Any) -> dict[str, Any] | None:
    """Attributes where there is no model to ask."""
    return None


def title(attributes: Callable[[Any], dict[str, Any] | None], item_id: Any) -> str:
    """What to call an item in a notebook: its ``title`` or ``name``, else nothing."""
    known = attributes(item_id) or {}
    return str(known.get("title") or known.get("name") or "")


def html_table(header: list[str], rows: list[list[Any]]) -> str:
    """A plain table; columns without any text are left out."""
    kept = [column for column in range(len(header)) if any(str(row[column]) for row in rows)]
    left = ' style="text-align: left"'
    style = [left if any(isinstance(row[column], str) for row in rows) else "" for column in range(len(header))]
    cells = "".join(f"<th{style[column]}>{html.escape(header[column])}</th>" for column in kept)
    lines = ("".join(f"<td{style[column]}>{html.escape(str(row[column]))}</td>" for column in kept) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _needed(package: str) -> Any:
    """An optional package, or an error that says how to get it."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"this needs {package}: pip install {package}") from error


def check_mapping(what: str, value: Any) -> dict[str, Any]:
    """A copy of a mapping of options."""
    try:
        return dict(value)
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"{what} is a {type(value).__name__}; it is a dictionary of names to values") from None
