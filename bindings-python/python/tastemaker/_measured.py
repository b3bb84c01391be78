"""What evaluations and comparisons share: test sets on their way in, tables on their way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tastemaker._columns import column, event_columns, table_columns
from tastemaker._typing import Table
from tastemaker.errors import InvalidArgumentError

ENDS = ("low", "high")
_ORDER = (
    "recall", "ndcg", "hit_rate", "precision", "map", "mrr", "auc", "coverage", "gini", "novelty", "diversity",
    "average_popularity",
)  # fmt: skip


def in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by metric, in the order of this page; what is no metric comes after."""
    known = [name for name in _ORDER if name in values]
    return {name: values[name] for name in [*known, *(name for name in values if name not in _ORDER)]}


def listed(value: Any) -> Any:
    """A list of what is many; the core judges the rest."""
    return value if isinstance(value, (int, float, str)) or value is None else list(value)


def test_set(
    test: Table, history: Table | None, segments: Any, columns: Mapping[str, str] | None, timestamp_unit: str
) -> dict[str, Any]:
    found = event_columns(test, columns)
    return {
        "user_id": found["user_id"],
        "item_id": found["item_id"],
        "history": None if history is None else event_columns(history, columns),
        "timestamp_unit": timestamp_unit,
        "segments": None if segments is None else _segment_columns(segments),
    }


def _segment_columns(segments: Any) -> tuple[Any, Any]:
    """Users and labels from a mapping, a series or a table."""
    names = {"user_id", "segment"}
    if isinstance(segments, Mapping) and set(segments) != names:
        known = {user: label for user, label in segments.items() if label is not None}
        return column("segments", list(known)), column("segment", list(known.values()))
    if type(segments).__name__ == "Series" and hasattr(segments, "index"):
        known = segments.dropna()
        return column("segments", known.index), column("segment", known)
    table = table_columns("segments", segments, ["user_id", "segment"])
    for name in names:
        if name not in table:
            raise InvalidArgumentError(f"segments: there is no column {name!r}")
    return table["user_id"], table["segment"]


def at_cutoff(cutoffs: list[dict[str, Any]], k: int) -> dict[str, Any]:
    for cutoff in cutoffs:
        if cutoff["k"] == k:
            return cutoff
    known = ", ".join(str(cutoff["k"]) for cutoff in cutoffs)
    raise InvalidArgumentError(f"k is {k}; the cut-offs of this evaluation are {known}")


def known_metric(metric: str, metrics: Iterable[str]) -> str:
    names = list(metrics)
    if metric not in names:
        raise InvalidArgumentError(f"{metric!r} is not a metric of this evaluation; they are {', '.join(names)}")
    return metric


def names_of(summary: dict[str, Any]) -> list[str]:
    return [name for name in in_order(summary) if name not in ENDS]


def averaged(summary: dict[str, Any]) -> list[str]:
    return [name for name in names_of(summary) if name not in ("coverage", "gini")]


def interval_of(summary: dict[str, Any], metric: str) -> tuple[float, float] | None:
    if "low" not in summary or metric not in summary["low"]:
        return None
    return summary["low"][metric], summary["high"][metric]


def label(metric: str, k: int) -> str:
    return "auc" if metric == "auc" else f"{metric}@{k}"


def shown(summary: dict[str, Any], metric: str) -> str:
    interval = interval_of(summary, metric)
    return f"{summary[metric]:.4f}" + ("" if interval is None else f" [{interval[0]:.4f}, {interval[1]:.4f}]")


def interval_note(data: dict[str, Any]) -> str:
    spec = data["bootstrap"]
    if spec is None:
        return ""
    return f"; in brackets, {100 * spec['confidence']:g} % bootstrap intervals"


def aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def plain(value: Any) -> Any:
    """The same data with arrays as lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value
