"""Two models on the same users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tastemaker import _native, _plots
from tastemaker._measured import (
    aligned,
    at_cutoff,
    in_order,
    interval_note,
    known_metric,
    label,
    listed,
    plain,
    test_set,
)
from tastemaker._model import Model
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker._recommendations import _needed, html_table
from tastemaker._typing import Table

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]


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
        found = at_cutoff(self._data["cutoffs"], k)["metrics"]
        return {name: Difference(*(values.get(field) for field in Difference._fields)) for name, values in in_order(found).items()}

    def __getitem__(self, metric: str) -> Difference:
        return self.metrics[metric]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data."""
        return dict(plain(self._data))

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
        return _plots.differences({name: found[known_metric(name, found)] for name in names}, at, ax)

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
                if name == "auc" and k != self.cutoffs[-1]:
                    continue
                interval = "" if d.low is None else f" [{d.low:+.4f}, {d.high:+.4f}]"
                p_value = "" if d.p_value is None else f"{d.p_value:.4f}"
                users = "" if d.users_a is None else f"{d.users_a:,} / {d.users_b:,}"
                numbers = [f"{d.a:.4f}", f"{d.b:.4f}", f"{d.difference:+.4f}{interval}", p_value, users]
                lines.append([label(name, k), *numbers])
        return lines

    def __repr__(self) -> str:
        rows = [["", "a", "b", "b - a", "p", "more in a / b"], *self._lines()]
        return "\n".join([f"Comparison(k={self.k}, {self.users:,} users)", *aligned(rows)])

    def _repr_html_(self) -> str:
        header = ["metric", "a", "b", "b − a", "p", "more in a / b"]
        table = html_table(header, [list(line) for line in self._lines()])
        return f"{table}<p>{self.users:,} users{interval_note(self._data)}</p>"


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
        "k": listed(k),
        "threads": thread_count(threads),
        "auc": auc,
        "diversity": listed(diversity),
        "exclude_seen": exclude_seen,
        "resamples": resamples,
        "confidence": confidence,
        "permutations": permutations,
        "seed": seed,
    }
    given = test_set(test, history, None, columns, timestamp_unit)
    with reporter(progress, "comparing") as report:
        return Comparison(_native.compare(model_a._native, model_b._native, given, options, report))
