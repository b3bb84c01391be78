"""Evaluation: ranking metrics on events that training did not see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tastemaker import _native, _plots
from tastemaker._columns import object_array
from tastemaker._measured import (
    aligned,
    at_cutoff,
    averaged,
    in_order,
    interval_note,
    interval_of,
    known_metric,
    label,
    listed,
    names_of,
    plain,
    shown,
    test_set,
)
from tastemaker._model import Model
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker._recommendations import _needed, html_table
from tastemaker._typing import Table
from tastemaker.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

SHOWN = ("recall", "ndcg", "hit_rate", "precision", "mrr")


class Evaluation:
    """Ranking metrics of a model and, beside them, of plain popularity.

    Every metric is a mean over users; ``low`` and ``high`` are the ends of its bootstrap interval.
    """

    __slots__ = ("_data", "_per_user")

    def __init__(self, data: dict[str, Any], per_user: dict[str, Any] | None = None) -> None:
        self._data = data
        self._per_user = per_user

    @property
    def k(self) -> int:
        """The main cut-off: the first that was asked for."""
        return int(self._data["k"])

    @property
    def cutoffs(self) -> list[int]:
        """All cut-offs, ascending."""
        return [int(cutoff["k"]) for cutoff in self._data["cutoffs"]]

    @property
    def users(self) -> int:
        """The number of users that the averages are over."""
        return int(self._data["users"])

    @property
    def cold_users(self) -> int:
        """How many of them have no history on items that the model knows."""
        return int(self._data["cold_users"])

    @property
    def unknown_items(self) -> int:
        """Test pairs whose item the model does not have; they count as misses."""
        return int(self._data["unknown_items"])

    @property
    def model(self) -> dict[str, float]:
        """The metrics of the model at the main cut-off."""
        return self.metrics()

    @property
    def popularity(self) -> dict[str, float]:
        """The metrics of the most popular items, the same for everybody but for what they know."""
        return self.metrics("popularity")

    def metrics(self, system: str = "model", k: int | None = None) -> dict[str, float]:
        """The metrics of ``"model"`` or ``"popularity"`` at a cut-off, the main one if not given."""
        cutoff = self._cutoff(k)[system]
        return {name: cutoff[name] for name in names_of(cutoff)}

    def interval(self, metric: str, system: str = "model", k: int | None = None) -> tuple[float, float] | None:
        """The ends of a metric's interval; ``None`` for coverage, Gini coefficient, and without resamples."""
        return interval_of(self._cutoff(k)[system], metric)

    def _cutoff(self, k: int | None) -> dict[str, Any]:
        return at_cutoff(self._data["cutoffs"], self.k if k is None else k)

    def _groups(self, by: str) -> list[dict[str, Any]]:
        names = {"segment": "segments", "history": "history_lengths"}
        if by not in names:
            raise InvalidArgumentError(f"by is {by!r}; it is 'segment', 'history' or, for tables, 'user'")
        groups: list[dict[str, Any]] = self._data[names[by]]
        return groups

    def per_user(self, k: int | None = None) -> dict[str, np.ndarray[Any, Any]]:
        """The values of every user at a cut-off, as columns; needs ``per_user=True``.

        ``user_id``, ``history`` (events on known items), ``tested`` (test items), ``segment`` if
        there are segments, the model's metrics by name, and those of popularity as
        ``popularity_recall``, ….
        """
        if self._per_user is None:
            raise InvalidArgumentError("there are no values of users; ask for them with evaluate(…, per_user=True)")
        cutoff = at_cutoff(self._per_user["cutoffs"], self.k if k is None else k)
        columns: dict[str, np.ndarray[Any, Any]] = {n: v for n, v in self._per_user.items() if n != "cutoffs"}
        columns |= in_order(cutoff["model"])
        return columns | {f"popularity_{name}": values for name, values in in_order(cutoff["popularity"]).items()}

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data."""
        out = dict(plain(self._data))
        return out if self._per_user is None else out | {"per_user": plain(self._per_user)}

    def to_pandas(self, by: str | None = None, k: int | None = None) -> _pandas.DataFrame:
        """A data frame. Needs pandas.

        Without ``by``, a row a metric (and a cut-off, if there are several) with the columns
        ``model``, ``popularity`` and the ends of their intervals. ``by="segment"`` and
        ``by="history"`` have these rows for each group, and its number of users;
        ``by="user"`` is :meth:`per_user` at cut-off ``k``.
        """
        pandas = _needed("pandas")
        if by == "user":
            return pandas.DataFrame(self.per_user(k))
        wanted = self.cutoffs if k is None else [k]
        several = len(wanted) > 1
        rows = []
        groups = [self._data] if by is None else self._groups(by)
        for group in groups:
            for at in wanted:
                cutoff = at_cutoff(group["cutoffs"], at)
                for metric in self.metrics(k=at) if by is None else averaged(cutoff["model"]):
                    row: dict[str, Any] = {} if by is None else {by: group["label"], "users": group["users"]}
                    row |= {"k": at, "metric": metric}
                    for system in ("model", "popularity"):
                        low, high = interval_of(cutoff[system], metric) or (None, None)
                        row |= {system: cutoff[system][metric], f"{system}_low": low, f"{system}_high": high}
                    rows.append(row)
        index = [name for name in (by, "k" if several else None, "metric") if name is not None]
        columns = [*index, *([] if by is None else ["users"]), "model", "model_low", "model_high"]
        columns += ["popularity", "popularity_low", "popularity_high"]
        return pandas.DataFrame(rows, columns=columns).set_index(index if len(index) > 1 else index[0])

    def plot(
        self, metrics: Iterable[str] | str | None = None, ax: Any = None, *, by: str | None = None, k: int | None = None
    ) -> Any:
        """Draws the metrics beside those of popularity, with their intervals; returns the axes.

        ``by="segment"`` and ``by="history"`` draw one metric (recall, if not given) for each
        group. Needs matplotlib.
        """
        at = self.k if k is None else k
        if by is not None:
            metric = metrics if isinstance(metrics, str) else next(iter(metrics), "recall") if metrics else "recall"
            groups = [(g["label"], g["users"], at_cutoff(g["cutoffs"], at)) for g in self._groups(by)]
            title = {"segment": "segment", "history": "events in the history"}[by]
            return _plots.groups(groups, known_metric(metric, self.metrics(k=at)), at, title, ax)
        names = [metrics] if isinstance(metrics, str) else list(SHOWN if metrics is None else metrics)
        for name in names:
            known_metric(name, self.metrics(k=at))
        return _plots.systems(self._cutoff(at), names, at, ax)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evaluation) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> tuple[Any, Any]:
        return self._data, self._per_user

    def __setstate__(self, state: tuple[Any, Any]) -> None:
        self._data, self._per_user = state

    def _head(self) -> str:
        cold = f", {self.cold_users:,} of them cold" if self.cold_users else ""
        unknown = f", {self.unknown_items:,} test items unknown" if self.unknown_items else ""
        return f"{self.users:,} user{'s'[: self.users != 1]}{cold}{unknown}"

    def _lines(self) -> list[list[str]]:
        return [
            [label(name, cutoff["k"]), *(shown(cutoff[system], name) for system in ("model", "popularity"))]
            for cutoff in self._data["cutoffs"]
            for name in names_of(cutoff["model"])
            if name != "auc" or cutoff["k"] == self.cutoffs[-1]
        ]

    def __repr__(self) -> str:
        rows = [["", "model", "popularity"], *self._lines()]
        return "\n".join([f"Evaluation(k={self.k}, {self._head()})", *aligned(rows)])

    def _repr_html_(self) -> str:
        table = html_table(["metric", "model", "popularity"], [list(line) for line in self._lines()])
        return f"{table}<p>{self._head()}{interval_note(self._data)}</p>"


def evaluate(
    model: Model,
    test: Table,
    k: int | Sequence[int] = 20,
    *,
    history: Table | None = None,
    segments: Any = None,
    per_user: bool = False,
    auc: bool = False,
    diversity: Sequence[str] = (),
    exclude_seen: bool = True,
    resamples: int | None = None,
    confidence: float | None = None,
    seed: int | None = None,
    history_buckets: Sequence[int] | None = None,
    columns: Mapping[str, str] | None = None,
    timestamp_unit: str = "ms",
    threads: int | None = None,
    progress: Progress = False,
) -> Evaluation:
    """Ranking metrics over the users of the test events, whose histories are left out.

    ``test`` comes as the events of :func:`train` do; only ``user_id`` and ``item_id`` count. It must
    be events that training did not see: :func:`split` makes such tables.

    ``k`` is one cut-off or several. At each: recall, NDCG, hit rate, precision, MAP, MRR, novelty
    and average popularity of what is shown, coverage and the Gini coefficient of the places; with
    ``auc=True`` the AUC over all items; with ``diversity``, a list of attributes (texts, tags or
    booleans), how different the items of a list are. The same for popularity.

    ``history`` is a table of events to answer from: a user with rows there is answered from these
    rows alone, and not from the snapshot. ``segments`` gives users a label: a dictionary or a
    pandas series of user to label, or a table with the columns ``user_id`` and ``segment``.
    ``per_user=True`` keeps the values of every user.

    The intervals hold ``confidence`` (0.95) of ``resamples`` (1,000; 0 for none) resamples of the
    users. The users are also grouped by the length of their history, with ``history_buckets``
    (0, 1, 5, 10, 20, 50) as lower bounds.
    """
    options: dict[str, Any] = {
        "k": listed(k),
        "threads": thread_count(threads),
        "per_user": per_user,
        "auc": auc,
        "diversity": listed(diversity),
        "exclude_seen": exclude_seen,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
        "history_buckets": listed(history_buckets),
    }
    given = test_set(test, history, segments, columns, timestamp_unit)
    with reporter(progress, "evaluating") as report:
        data, values = _native.evaluate(model._native, given, options, report)
    if values is not None:
        integers = given["user_id"].kind == "integer"
        ids = values["user_id"]
        values["user_id"] = np.array(ids, dtype=np.int64) if integers else object_array(ids)
        if "segment" in values:
            values["segment"] = object_array(values["segment"])
    return Evaluation(data, values)
