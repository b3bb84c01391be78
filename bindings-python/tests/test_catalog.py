"""Catalogs from every form, and their changes."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

import tastemaker as tm

ROWS: list[dict[str, Any]] = [
    {"item_id": "a", "title": "Äpfel", "tags": ["x", "y"], "price": 1.5, "open": True, "at": dt.datetime(2020, 1, 2)},
    {"item_id": "b", "title": "日本", "tags": [], "price": 2.0, "open": False, "at": None},
    {"item_id": "c", "title": None, "tags": ["z"], "price": None, "open": None, "at": dt.datetime(1969, 12, 31)},
]
SCHEMA = {"title": "text", "tags": "tags", "price": "number", "open": "bool", "at": "time"}


def content(catalog: tm.Catalog) -> dict[str, Any]:
    return {item: catalog.get(item) for item in catalog}


EXPECTED = content(tm.Catalog.from_items(ROWS))


def test_rows() -> None:
    assert EXPECTED["a"] == {"title": "Äpfel", "tags": ["x", "y"], "price": 1.5, "open": True, "at": 1577923200000.0}
    assert EXPECTED["c"] == {"tags": ["z"], "at": -86400000.0}
    assert tm.Catalog.from_items(ROWS).schema == SCHEMA
    by_id = {row["item_id"]: {k: v for k, v in row.items() if k != "item_id"} for row in ROWS}
    assert content(tm.Catalog.from_items(by_id)) == EXPECTED
    assert content(tm.Catalog.from_items(iter(ROWS))) == EXPECTED
    catalog = tm.Catalog.from_items(ROWS)
    assert tm.Catalog.from_items(catalog) is catalog


@pytest.mark.parametrize("form", ["pandas", "polars", "arrow"])
def test_tables(form: str) -> None:
    table: Any
    if form == "pandas":
        table = pytest.importorskip("pandas").DataFrame(ROWS)
    elif form == "polars":
        table = pytest.importorskip("polars").DataFrame(ROWS)
    else:
        table = pytest.importorskip("pyarrow").Table.from_pylist(ROWS)
    catalog = tm.Catalog.from_items(table)
    assert content(catalog) == EXPECTED
    assert catalog.schema == SCHEMA


def test_places_and_integers() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    rows = [{"item_id": 1, "where": {"lat": 52.5, "lon": 13.25}, "n": 3}, {"item_id": 20, "where": None, "n": 4}]
    for items in (rows, pyarrow.Table.from_pylist(rows)):
        catalog = tm.Catalog.from_items(items)
        assert content(catalog) == {"1": {"where": {"lat": 52.5, "lon": 13.25}, "n": 3.0}, "20": {"n": 4.0}}
        assert 1 in catalog
        assert "20" in catalog
        assert 2 not in catalog
        assert catalog.get(1) == catalog.get("1")


def test_changes() -> None:
    catalog = tm.Catalog({"at": "time"})
    catalog.add("a", {"price": 1, "at": dt.date(1970, 1, 2)})
    assert catalog.get("a") == {"price": 1.0, "at": 86_400_000.0}
    catalog.replace("a", {"styles": {"b", "a"}})
    assert catalog.get("a") == {"styles": ["a", "b"]}
    with pytest.raises(tm.DuplicateItemError):
        catalog.add("a")
    with pytest.raises(tm.UnknownItemError) as caught:
        catalog.remove("b")
    assert str(caught.value) == caught.value.message
    with pytest.raises(KeyError):
        catalog.replace("b", {})
    catalog.remove("a")
    assert len(catalog) == 0
    assert catalog.get("a") is None
    assert "Catalog(0 items" in repr(catalog)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"price": math.nan}, "finite"),
        ({"price": math.inf}, "finite"),
        ({"price": object()}, "object"),
        ({"a": {"b": 1}}, "attribute a"),
        ({1: "x"}, "key"),
        ({"at": dt.datetime(2020, 1, 1)}, "declare"),
        (["x"], "object"),
        ({"n": 2**70}, "64 bits"),
    ],
)
def test_unusable_attributes(attributes: Any, text: str) -> None:
    catalog = tm.Catalog()
    with pytest.raises(tm.InvalidAttributeError, match=text):
        catalog.add("a", attributes)
    assert len(catalog) == 0


def test_a_cycle_is_refused() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(tm.InvalidAttributeError, match="deep"):
        tm.Catalog().add("a", {"x": cycle})


def test_unusable_catalogs() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    with pytest.raises(tm.InvalidArgumentError, match="item_id"):
        tm.Catalog.from_items([{"id": "a"}])
    with pytest.raises(tm.InvalidArgumentError, match="item_id"):
        tm.Catalog.from_items(pyarrow.table({"id": ["a"]}))
    with pytest.raises(tm.DuplicateItemError, match="row 1"):
        tm.Catalog.from_items(pyarrow.table({"item_id": ["a", "a"]}))
    with pytest.raises(tm.InvalidIdError, match="row 1"):
        tm.Catalog.from_items(pyarrow.table({"item_id": ["a", None]}))
    with pytest.raises(tm.InvalidArgumentError):
        tm.Catalog.from_items(3)
    with pytest.raises(tm.InvalidAttributeError, match="type"):
        tm.Catalog({"a": "colour"})
