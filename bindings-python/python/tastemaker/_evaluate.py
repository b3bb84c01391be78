"""Evaluation: ranking metrics on events that training did not see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tastemaker import _native, _plots
from tastemaker._columns import column, event_columns, object_array, table_columns
from tastemaker._model import Model
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker._recommendations import _needed, html_table
from tastemaker._typing import Table
from tastemaker.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]

SHOWN = ("recall", "ndcg", "hit_rate", "precision", "mrr")
_ENDS = ("low", "high")


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
        return {name: value for name, value in self._cutoff(k)[system].items() if name not in _ENDS}

    def interval(self, metric: str, system: str = "model", k: int | None = None) -> tuple[float, float] | None:
        """The ends of a metric's interval; ``None`` for coverage, Gini coefficient, and without resamples."""
        return _interval(self._cutoff(k)[system], metric)

    def _cutoff(self, k: int | None) -> dict[str, Any]:
        return _at(self._data["cutoffs"], self.k if k is None else k)

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
        cutoff = _at(self._per_user["cutoffs"], self.k if k is None else k)
        columns: dict[str, np.ndarray[Any, Any]] = {n: v for n, v in self._per_user.items() if n != "cutoffs"}
        columns |= cutoff["model"]
        return columns | {f"popularity_{name}": values for name, values in cutoff["popularity"].items()}

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data."""
        out = dict(_plain(self._data))
        return out if self._per_user is None else out | {"per_user": _plain(self._per_user)}

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
                cutoff = _at(group["cutoffs"], at)
                for metric in self.metrics(k=at) if by is None else _averaged(cutoff["model"]):
                    row: dict[str, Any] = {} if by is None else {by: group["label"], "users": group["users"]}
                    row |= {"k": at, "metric": metric}
                    for system in ("model", "popularity"):
                        low, high = _interval(cutoff[system], metric) or (None, None)
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
            groups = [(g["label"], g["users"], _at(g["cutoffs"], at)) for g in self._groups(by)]
            title = {"segment": "segment", "history": "events in the history"}[by]
            return _plots.groups(groups, _known(metric, self.metrics(k=at)), at, title, ax)
        names = [metrics] if isinstance(metrics, str) else list(SHOWN if metrics is None else metrics)
        for name in names:
            _known(name, self.metrics(k=at))
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
            [_label(name, cutoff["k"]), *(_shown(cutoff[system], name) for system in ("model", "popularity"))]
            for cutoff in self._data["cutoffs"]
            for name in _values(cutoff["model"])
        ]

    def __repr__(self) -> str:
        rows = [["", "model", "popularity"], *self._lines()]
        return "\n".join([f"Evaluation(k={self.k}, {self._head()})", *_aligned(rows)])

    def _repr_html_(self) -> str:
        table = html_table(["metric", "model", "popularity"], [list(line) for line in self._lines()])
        return f"{table}<p>{self._head()}{_interval_note(self._data)}</p>"


class Difference(NamedTuple):
    """One metric of two models."""

    a: float
    """The first model."""
    b: float
    """The second model."""
    difference: float
    """b − a: above 0, the second model has more."""
    low: float | None
    """The lower end of the interval of the difference."""
    high: float | None
    """The upper end."""
    p_value: float | None
    """How often chance alone gives a difference as large, in either direction."""
    users_a: int | None
    """Users for whom the first model has more."""
    users_b: int | None
    """Users for whom the second model has more."""


class Comparison:
    """Two models on the same users, metric by metric."""

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

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
        """The number of users that both models are measured on."""
        return int(self._data["users"])

    @property
    def metrics(self) -> dict[str, Difference]:
        """The differences at the main cut-off, by metric."""
        return self.at(self.k)

    def at(self, k: int) -> dict[str, Difference]:
        """The differences at a cut-off, by metric."""
        found = _at(self._data["cutoffs"], k)["metrics"]
        return {name: Difference(*(values.get(field) for field in Difference._fields)) for name, values in found.items()}

    def __getitem__(self, metric: str) -> Difference:
        return self.metrics[metric]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data."""
        return dict(_plain(self._data))

    def to_pandas(self) -> _pandas.DataFrame:
        """A data frame: a row a metric (and a cut-off, if there are several). Needs pandas."""
        several = len(self.cutoffs) > 1
        rows = [
            {"k": k, "metric": name} | values._asdict() for k in self.cutoffs for name, values in self.at(k).items()
        ]
        index = ["k", "metric"] if several else "metric"
        columns = [*(["k"] if several else []), "metric", *Difference._fields]
        return _needed("pandas").DataFrame(rows, columns=columns).set_index(index)

    def plot(self, metrics: Iterable[str] | None = None, ax: Any = None, *, k: int | None = None) -> Any:
        """Draws each difference as a share of the first model's value, with its interval; returns the axes.

        Needs matplotlib.
        """
        at = self.k if k is None else k
        found = self.at(at)
        names = [name for name in found if found[name].low is not None] if metrics is None else list(metrics)
        return _plots.differences({name: found[_known(name, found)] for name in names}, at, ax)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Comparison) and self._data == other._data

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return self._data

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._data = state

    def _lines(self) -> list[list[str]]:
        lines = []
        for k in self.cutoffs:
            for name, d in self.at(k).items():
                interval = "" if d.low is None else f" [{d.low:+.4f}, {d.high:+.4f}]"
                p_value = "" if d.p_value is None else f"{d.p_value:.4f}"
                users = "" if d.users_a is None else f"{d.users_a:,} / {d.users_b:,}"
                numbers = [f"{d.a:.4f}", f"{d.b:.4f}", f"{d.difference:+.4f}{interval}", p_value, users]
                lines.append([_label(name, k), *numbers])
        return lines

    def __repr__(self) -> str:
        rows = [["", "a", "b", "b - a", "p", "more in a / b"], *self._lines()]
        return "\n".join([f"Comparison(k={self.k}, {self.users:,} users)", *_aligned(rows)])

    def _repr_html_(self) -> str:
        header = ["metric", "a", "b", "b − a", "p", "more in a / b"]
        table = html_table(header, [list(line) for line in self._lines()])
        return f"{table}<p>{self.users:,} users{_interval_note(self._data)}</p>"


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
        "k": _listed(k),
        "threads": thread_count(threads),
        "per_user": per_user,
        "auc": auc,
        "diversity": _listed(diversity),
        "exclude_seen": exclude_seen,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
        "history_buckets": _listed(history_buckets),
    }
    given = _test_set(test, history, segments, columns, timestamp_unit)
    with reporter(progress, "evaluating") as report:
        data, values = _native.evaluate(model._native, given, options, report)
    if values is not None:
        integers = given["user_id"].kind == "integer"
        ids = values["user_id"]
        values["user_id"] = np.array(ids, dtype=np.int64) if integers else object_array(ids)
        if "segment" in values:
            values["segment"] = object_array(values["segment"])
    return Evaluation(data, values)


def compare(
    model_a: Model,
    model_b: Model,
    test: Table,
    k: int | Sequence[int] = 20,
    *,
    history: Table | None = None,
    auc: bool = False,
    diversity: Sequence[str] = (),
    exclude_seen: bool = True,
    resamples: int | None = None,
    confidence: float | None = None,
    permutations: int | None = None,
    seed: int | None = None,
    columns: Mapping[str, str] | None = None,
    timestamp_unit: str = "ms",
    threads: int | None = None,
    progress: Progress = False,
) -> Comparison:
    """Measures two models on the same users: each metric, its difference, and how sure it is.

    The difference is ``model_b`` − ``model_a``. Its interval is the bootstrap's over users; its
    p-value is that of a paired randomisation test (sign flips of the users' differences, with
    ``permutations`` random patterns, 10,000 if not given). The p-values are not corrected for
    looking at many metrics. Other arguments are those of :func:`evaluate`.
    """
    options: dict[str, Any] = {
        "k": _listed(k),
        "threads": thread_count(threads),
        "auc": auc,
        "diversity": _listed(diversity),
        "exclude_seen": exclude_seen,
        "resamples": resamples,
        "confidence": confidence,
        "permutations": permutations,
        "seed": seed,
    }
    given = _test_set(test, history, None, columns, timestamp_unit)
    with reporter(progress, "comparing") as report:
        return Comparison(_native.compare(model_a._native, model_b._native, given, options, report))


def _listed(value: Any) -> Any:
    """A list of what is many; the core judges the rest."""
    return value if isinstance(value, (int, float, str)) or value is None else list(value)


def _test_set(
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


def _at(cutoffs: list[dict[str, Any]], k: int) -> dict[str, Any]:
    for cutoff in cutoffs:
        if cutoff["k"] == k:
            return cutoff
    known = ", ".join(str(cutoff["k"]) for cutoff in cutoffs)
    raise InvalidArgumentError(f"k is {k}; the cut-offs of this evaluation are {known}")


def _known(metric: str, metrics: Iterable[str]) -> str:
    names = list(metrics)
    if metric not in names:
        raise InvalidArgumentError(f"{metric!r} is not a metric of this evaluation; they are {', '.join(names)}")
    return metric


def _values(summary: dict[str, Any]) -> list[str]:
    return [name for name in summary if name not in _ENDS]


def _averaged(summary: dict[str, Any]) -> list[str]:
    return [name for name in _values(summary) if name not in ("coverage", "gini")]


def _interval(summary: dict[str, Any], metric: str) -> tuple[float, float] | None:
    if "low" not in summary or metric not in summary["low"]:
        return None
    return summary["low"][metric], summary["high"][metric]


def _label(metric: str, k: int) -> str:
    return "auc" if metric == "auc" else f"{metric}@{k}"


def _shown(summary: dict[str, Any], metric: str) -> str:
    interval = _interval(summary, metric)
    return f"{summary[metric]:.4f}" + ("" if interval is None else f" [{interval[0]:.4f}, {interval[1]:.4f}]")


def _interval_note(data: dict[str, Any]) -> str:
    spec = data["bootstrap"]
    if spec is None:
        return ""
    return f"; in brackets, {100 * spec['confidence']:g} % bootstrap intervals"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _plain(value: Any) -> Any:
    """The same data with arrays as lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
