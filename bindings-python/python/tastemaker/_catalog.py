"""Catalogs: what can be recommended, with typed attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tastemaker import _native
from tastemaker._columns import table_columns
from tastemaker._time import TIME_TYPES
from tastemaker._typing import Attributes, Id
from tastemaker.errors import InvalidArgumentError, InvalidAttributeError


class Catalog:
    """Items and their attributes.

    The type of an attribute is declared in ``schema``, or taken from its first value, and then
    holds for every item: ``text``, ``tags`` (a list of texts), ``number``, ``bool``, ``time``
    (dates, times, Unix milliseconds; to be declared) or ``place`` (``{"lat": …, "lon": …}``).

    >>> import tastemaker as tm
    >>> catalog = tm.Catalog({"opened": "time"})
    >>> catalog.add("venue-1", {"title": "Old Mill", "styles": ["rustic"], "price": 4200})
    >>> catalog.get("venue-1")["price"]
    4200.0
    >>> len(catalog)
    1
    """

    __slots__ = ("_native",)

    def __init__(self, schema: Mapping[str, str] | None = None) -> None:
        self._native = _native.Catalog(schema)

    @classmethod
    def from_items(cls, items: Any, schema: Mapping[str, str] | None = None) -> Catalog:
        """A catalog from rows or from a table.

        ``items`` is a dictionary from item id to attributes, a list of dictionaries with an
        ``item_id`` each, or a pandas, polars or Arrow table with a column ``item_id``. Columns of
        lists become tags, columns of times become times; missing values are left out.

        Raises ``DuplicateItemError`` if an id comes twice, and ``InvalidAttributeError`` if a value does not
        have its attribute's type.
        """
        if isinstance(items, Catalog):
            return items
        if isinstance(items, Mapping):
            return cls._from_rows(items.items(), schema)
        if isinstance(items, Iterable) and not hasattr(items, "columns") and not hasattr(items, "__arrow_c_stream__"):
            return cls._from_rows((_split(row, number) for number, row in enumerate(items)), schema)
        columns = table_columns("catalog", items)
        ids = columns.pop("item_id", None)
        if ids is None:
            raise InvalidArgumentError("catalog: there is no column 'item_id'")
        if schema is not None:
            raise InvalidArgumentError("schema goes with rows; the types of a table come from its columns")
        catalog = cls.__new__(cls)
        catalog._native = _native.Catalog.from_columns(ids, columns)
        return catalog

    @classmethod
    def _from_rows(cls, rows: Iterable[tuple[Id, Attributes]], schema: Mapping[str, str] | None) -> Catalog:
        rows = list(rows)
        declared = dict(schema or {})
        for _, attributes in rows:
            for name in _times(attributes):
                declared.setdefault(name, "time")
        catalog = cls(declared)
        for item_id, attributes in rows:
            catalog._native.add(item_id, attributes)
        return catalog

    def add(self, item_id: Id, attributes: Attributes | None = None) -> None:
        """Adds an item. Raises ``DuplicateItemError`` if it is there."""
        self._native.add(item_id, self._checked(attributes))

    def replace(self, item_id: Id, attributes: Attributes | None = None) -> None:
        """Gives an item new attributes in place of all its old ones.

        Raises ``UnknownItemError`` if the item is not there.
        """
        self._native.replace(item_id, self._checked(attributes))

    def remove(self, item_id: Id) -> None:
        """Removes an item. Raises ``UnknownItemError`` if it is not there."""
        self._native.remove(item_id)

    def get(self, item_id: Id) -> dict[str, Any] | None:
        """The attributes of an item; times as Unix milliseconds."""
        return self._native.get(item_id)

    @property
    def schema(self) -> dict[str, str]:
        """The attributes and their types, declared or inferred."""
        return self._native.schema()

    def __len__(self) -> int:
        return len(self._native)

    def __contains__(self, item_id: object) -> bool:
        return isinstance(item_id, (str, int)) and item_id in self._native

    def __iter__(self) -> Iterator[str]:
        return iter(self._native.ids())

    def __repr__(self) -> str:
        names = ", ".join(f"{name}: {kind}" for name, kind in self.schema.items())
        return f"Catalog({len(self)} items; {names})" if names else f"Catalog({len(self)} items)"

    def _checked(self, attributes: Attributes | None) -> Attributes:
        attributes = {} if attributes is None else attributes
        names = _times(attributes)
        if names:
            schema = self.schema
            for name in names:
                if schema.get(name) != "time":
                    raise InvalidAttributeError(
                        f"attribute {name} is a time: declare it, Catalog({{{name!r}: 'time'}})"
                    )
        return attributes


def _times(attributes: Any) -> list[str]:
    if not isinstance(attributes, Mapping):
        return []
    return [name for name, value in attributes.items() if isinstance(value, TIME_TYPES)]


def _split(row: Any, number: int) -> tuple[Id, Attributes]:
    if not isinstance(row, Mapping) or "item_id" not in row:
        raise InvalidArgumentError(f"catalog: row {number} is not a dictionary with an 'item_id'")
    attributes = dict(row)
    return attributes.pop("item_id"), attributes
