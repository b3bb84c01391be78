"""Which events to train on, and which to test on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastemaker import _native
from tastemaker._columns import event_columns
from tastemaker._typing import Table, Time


class SplitTables(NamedTuple):
    """The parts of a split as tables of the kind that was divided."""

    train: Any
    test: Any
    history: Any


class Split(NamedTuple):
    """Row numbers, each part ascending."""

    train: NDArray[np.int64]
    """Rows to train on."""
    test: NDArray[np.int64]
    """Rows to test on."""
    history: NDArray[np.int64]
    """Rows to answer from when testing: the histories of cold users."""
    left_out: NDArray[np.int64]
    """Rows that are for neither: events after the time on items that the user had before it."""

    def of(self, events: Table) -> SplitTables:
        """The rows of the table that was divided: ``train, test, history = parts.of(events)``."""
        return SplitTables(*(_rows(events, part) for part in (self.train, self.test, self.history)))

    def __repr__(self) -> str:
        return f"Split({', '.join(f'{len(rows):,} {name}' for name, rows in self._asdict().items())})"


def split(
    events: Table,
    method: str,
    *,
    n: int | None = None,
    at: Time | None = None,
    share: float | None = None,
    history_share: float | None = None,
    seed: int = 0,
    columns: Mapping[str, str] | None = None,
    timestamp_unit: str = "ms",
) -> Split:
    """Divides events into rows to train on and rows to test on.

    ``events`` comes as for :func:`train`. What is drawn or held out is always a user's whole item
    with all its events, because what a history has is not recommended. ``method`` is one of

    - ``"leave_last_out"``: the ``n`` items (1) that each user came to last; one item stays.
    - ``"time"``: what comes at or after ``at`` (Unix milliseconds, or a time), or else the last
      ``share`` (0.2) of the events. Later events on items that a user had before are left out.
    - ``"random"``: a ``share`` (0.2) of each user's items, drawn by hash; one item stays.
    - ``"cold_user"``: a ``share`` (0.2) of the users, drawn by hash. Of their items, from the
      first on, ``history_share`` (0.5) is given as history: ``evaluate(…, history=…)``.
    - ``"cold_item"``: a ``share`` (0.2) of the items, drawn by hash.

    The first two need timestamps. The order of the rows changes nothing, and a user or an item
    keeps its draw when others come and go.

    >>> import tastemaker as tm
    >>> events = {"user_id": ["ann", "ann", "bob"], "item_id": ["tea", "cake", "tea"], "timestamp": [1, 2, 3]}
    >>> parts = tm.split(events, "leave_last_out")
    >>> parts
    Split(2 train, 1 test, 0 history, 0 left_out)
    >>> train, test, history = parts.of(events)
    >>> test["item_id"].tolist()
    ['cake']
    """
    options = {"method": method, "n": n, "at": at, "share": share, "history_share": history_share, "seed": seed}
    return Split(**_native.split(event_columns(events, columns), timestamp_unit, options))


def _rows(table: Any, rows: NDArray[np.int64]) -> Any:
    """Some rows of a table, as a table of its kind."""
    if isinstance(table, Mapping):
        return {name: np.asarray(values)[rows] for name, values in table.items()}
    for name in ("iloc", "take"):
        if hasattr(table, name):
            chosen = getattr(table, name)
            return chosen[rows] if name == "iloc" else chosen(rows)
    return table[rows]
