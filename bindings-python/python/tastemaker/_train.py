"""Training: from events to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from tastemaker import _native
from tastemaker._catalog import Catalog
from tastemaker._columns import event_columns
from tastemaker._model import Model
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker._recommendations import check_mapping
from tastemaker._typing import Table

Trainer: TypeAlias = str | Mapping[str, Any]
"""The name of a trainer, or a mapping of ``"name"``, its options and its ``"weight"``."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of :func:`train`; what is ``None`` takes the default that stands beside it.

    The defaults and ranges are the core's: ``TrainOptions.defaults()`` lists them.
    """

    neighbors: int | None = None
    """Neighbours kept for each item, 1 to 4096. Default 100."""
    trainer: Trainer | Sequence[Trainer] | None = None
    """What makes the graph. Default ``"auto"``: the library chooses.

    The name of a trainer (``"spectral"``, ``"ridge"``, ``"cooccurrence"``,
    ``"ials"``, ``"sequence"``); a mapping of its name and options, as
    ``{"name": "spectral", "rank": 128}``; or a list of them, whose sum makes the graph, each
    counting its ``"weight"`` (1): ``["ridge", {"name": "spectral", "weight": 2}]``.
    """
    seed: int | None = None
    """Seed of random starts. Default 0."""
    half_life_days: float | None = None
    """After how many days an event counts half. Default: no decay."""
    kinds: Mapping[str, Any] | None = None
    """Weights of kinds of events, to set or to add: ``{"view": 0.5, "quote": 3}``."""
    keep_profiles: bool | None = None
    """Puts the training histories into the snapshot, so that it can answer by user id. Default true."""
    recommend_unlisted: bool | None = None
    """Recommends items that a given catalog does not list. Default false."""
    skip_invalid: bool | None = None
    """Leaves invalid rows out instead of failing. Default false."""
    max_user_items: int | None = None
    """The newest items of a user that training looks at, 1 to 2048. Default 2048."""

    def to_dict(self) -> dict[str, Any]:
        """The options that are set."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}

    @staticmethod
    def defaults() -> dict[str, Any]:
        """The core's defaults."""
        return _native.default_options()


def train(
    events: Table,
    catalog: Any = None,
    options: TrainOptions | Mapping[str, Any] | None = None,
    progress: Progress = True,
    threads: int | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    timestamp_unit: str = "ms",
) -> Model:
    """Trains a model on events.

    ``events`` is a dictionary of columns (lists or NumPy arrays), a pandas or polars data frame,
    or anything that gives Arrow data. Its columns are ``user_id`` and ``item_id`` (texts or
    integers) and, if there, ``kind`` (without it every event is a ``view``), ``weight`` (1) and
    ``timestamp`` (0): integers in ``timestamp_unit``, one of ``"s"``, ``"ms"``, ``"us"``,
    ``"ns"``, or times. ``columns`` says which are called otherwise: ``{"user_id": "userId"}``.
    Other columns of a data frame are ignored.

    ``catalog`` is a :class:`Catalog` or what :meth:`Catalog.from_items` takes.

    ``progress`` is ``True`` for a bar in terminals and notebooks, ``False`` for silence, or a
    callable of (stage, done, total), which cancels by returning ``False``. Ctrl-C stops the
    training. ``threads`` is by default the number of processors; the model does not depend on it.

    Other Python threads run meanwhile.

    >>> import tastemaker as tm
    >>> model = tm.train({"user_id": [1, 1, 2, 2, 3], "item_id": [10, 11, 10, 11, 10]})
    >>> model.recommend([3], k=1).item_id
    array([11])
    """
    found = event_columns(events, columns)
    chosen = options.to_dict() if isinstance(options, TrainOptions) else check_mapping("options", options or {})
    chosen.setdefault("threads", thread_count(threads))
    for name in ("user_id", "item_id"):
        column = found[name]
        if column is not None and column.kind == "integer":
            chosen.setdefault(f"{name}_type", "integer")
    items = None if catalog is None else Catalog.from_items(catalog)._native
    with reporter(progress, "training") as report:
        native = _native.train(
            found["user_id"],
            found["item_id"],
            found["kind"],
            found["weight"],
            found["timestamp"],
            timestamp_unit,
            items,
            chosen,
            report,
        )
    return Model._wrap(native)
