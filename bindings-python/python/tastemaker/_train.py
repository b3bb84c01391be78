"""Training: from events to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeAlias

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
    tune: Mapping[str, Any] | None = None
    """How ``"auto"`` chooses; see :func:`tune`.

    ``validation``: ``"time"`` holds out the newest items of each user, ``"random"`` some by hash,
    ``"auto"`` (default) the former where there are timestamps. ``k`` (50): length of the lists that
    are judged. ``users`` (8000): users to judge by, at most. ``budget_s`` (60): what tuning may
    cost in seconds of one core, by an estimate and not by a clock; 0 for none.
    """
    popularity_exponent: float | None = None
    """What popularity counts on top of what the trainers make of it, -2 to 2: each edge into an item
    is multiplied by the item's degree to this power. Below 0 the long tail comes forward. Default 0."""
    seed: int | None = None
    """Seed of random starts. Default 0."""
    half_life_days: float | None = None
    """After how many days an event counts half. Default: no decay."""
    kinds: Mapping[str, Any] | None = None
    """Weights of kinds of events, to set or to add: ``{"view": 0.5, "quote": 3}``."""
    keep_profiles: bool | None = None
    """Puts the training histories into the snapshot, so that it can answer by user id. Default true."""
    updatable: bool | None = None
    """Keeps in the snapshot what :func:`update` needs to learn only what changed: a byte for each
    number of the trainers' subspaces. Default false."""
    recommend_unlisted: bool | None = None
    """Recommends items that a given catalog does not list. Default false."""
    skip_invalid: bool | None = None
    """Leaves invalid rows out instead of failing. Default false."""
    max_user_items: int | None = None
    """The newest items of a user that training looks at, 1 to 2048. Default 2048."""
    max_history_items: int | None = None
    """The most items of a history that an answer adds up, 1 to 2048. Default: all.

    Those of the largest weight count; of equal ones those with the newest event; of those an even
    draw, the same in all answers of a model. The others stay seen. It bounds the time of an answer to
    people with long histories, and does not change training."""
    memory_mb: int | None = None
    """What training may take of memory, in millions of bytes. Default: no limit.

    It is compared with an estimate, which does not count the columns of events that are given.
    ``"auto"`` leaves out trainers that would not fit; where nothing fits,
    :class:`LimitExceededError` is raised.
    """

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
    chosen = _chosen(found, options, threads)
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


class Tuning(NamedTuple):
    """What :func:`tune` chose."""

    trainer: list[dict[str, Any]]
    """The trainers with all their options: ``train(events, options={"trainer": tuning.trainer})``."""
    report: dict[str, Any]
    """What was tried.

    ``protocol`` (``"time"``, ``"random"``, ``"given"``, or None with the ``reason`` if nothing was
    tried), ``users`` judged by, ``share_of_users`` that took part, ``options``, the ``trials`` with
    the ``recall`` and ``ndcg`` at ``k`` of each, and which of them was ``chosen``.
    """


def tune(
    events: Table,
    catalog: Any = None,
    options: TrainOptions | Mapping[str, Any] | None = None,
    validation: Table | None = None,
    progress: Progress = True,
    threads: int | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    timestamp_unit: str = "ms",
) -> Tuning:
    """Chooses trainers for some events, without training a model.

    It is what :func:`train` does first where ``trainer`` is ``"auto"``: some events are held out,
    trainers learn from the rest, and the best is blended with others as long as that helps.
    The arguments are those of :func:`train`; the option ``tune`` says how.

    ``validation`` is a table to judge by instead of held-out events; only ``user_id`` and
    ``item_id`` count, under the names that ``columns`` gives. What the events do not have is left
    out, and so are items that the user has among the events.

    The choice depends on the events and the options alone, and not on the machine.

    >>> import tastemaker as tm
    >>> tuning = tm.tune({"user_id": [1, 1, 2, 2, 3], "item_id": [10, 11, 10, 11, 10]})
    >>> tuning.report["reason"]
    'too few users with events to hold out'
    >>> [(part["weight"], part["name"]) for part in tuning.trainer]
    [(1.0, 'ridge'), (0.5, 'spectral')]
    """
    found = event_columns(events, columns)
    chosen = _chosen(found, options, threads)
    items = None if catalog is None else Catalog.from_items(catalog)._native
    judged = None if validation is None else event_columns(validation, columns)
    pairs = None if judged is None else (judged["user_id"], judged["item_id"])
    with reporter(progress, "tuning") as report:
        return Tuning(**_native.tune(found, timestamp_unit, pairs, items, chosen, report))


@dataclass(frozen=True, kw_only=True)
class UpdateOptions:
    """Options of :func:`update`; what is ``None`` takes the default that stands beside it."""

    tolerance: float | None = None
    """What share of an item's co-occurrences may have changed before the item is learnt again, 0
    to 1. With 0 everything is, as by training. Default 0.25."""
    skip_invalid: bool | None = None
    """Leaves invalid rows out instead of failing. Default false."""

    def to_dict(self) -> dict[str, Any]:
        """The options that are set."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}


def update(
    model: Model,
    events: Table,
    catalog: Any = None,
    options: UpdateOptions | Mapping[str, Any] | None = None,
    progress: Progress = True,
    threads: int | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    timestamp_unit: str = "ms",
) -> Model:
    """A model of the events that ``model`` was trained on and of ``events``, which came since.

    ``model`` must hold its histories, and does not change; trainers and options are its own.
    Events that it has already count once. ``catalog`` replaces the model's; without one the
    attributes of before are kept, and new items are recommended only if the model was trained
    without a catalog or with ``recommend_unlisted``. The other arguments are those of
    :func:`train`.

    Histories, popularity and attributes are always up to date. If the model was trained with
    ``updatable``, only the items of which enough has changed are learnt again; otherwise, or with
    the trainer ``ials``, or if much has changed, all of them are.
    ``model.manifest["update"]`` says what was done.

    >>> import tastemaker as tm
    >>> model = tm.train({"user_id": [1, 1, 2, 2, 3], "item_id": [10, 11, 10, 11, 10]})
    >>> model = tm.update(model, {"user_id": [3, 1], "item_id": [12, 12]})
    >>> model.item_count
    3
    >>> model.manifest["update"]["full"]
    True
    """
    found = event_columns(events, columns)
    chosen = options.to_dict() if isinstance(options, UpdateOptions) else check_mapping("options", options or {})
    chosen.setdefault("threads", thread_count(threads))
    items = None if catalog is None else Catalog.from_items(catalog)._native
    with reporter(progress, "updating") as report:
        native = _native.update(model._native, found, timestamp_unit, items, chosen, report)
    return Model._wrap(native)


def _chosen(
    found: Mapping[str, Any], options: TrainOptions | Mapping[str, Any] | None, threads: int | None
) -> dict[str, Any]:
    """Options for the core: with the number of threads, and the types of the ids."""
    chosen = options.to_dict() if isinstance(options, TrainOptions) else check_mapping("options", options or {})
    chosen.setdefault("threads", thread_count(threads))
    for name in ("user_id", "item_id"):
        column = found[name]
        if column is not None and column.kind == "integer":
            chosen.setdefault(f"{name}_type", "integer")
    return chosen
