"""Evaluation: ranking metrics on events that training did not see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tastemaker import _native
from tastemaker._columns import event_columns
from tastemaker._model import Model
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker._recommendations import _needed
from tastemaker._typing import Table

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]


class Evaluation:
    """Ranking metrics of a model and, beside them, of plain popularity."""

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    @property
    def k(self) -> int:
        """The length of the lists that were judged."""
        return int(self._data["k"])

    @property
    def users(self) -> int:
        """The number of users that the averages are over."""
        return int(self._data["users"])

    @property
    def model(self) -> dict[str, float]:
        """The metrics of the model."""
        return dict(self._data["model"])

    @property
    def popularity(self) -> dict[str, float]:
        """The metrics of the most popular items, the same for everybody but for what they know."""
        return dict(self._data["popularity"])

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain data."""
        return {**self._data, "model": self.model, "popularity": self.popularity}

    def to_pandas(self) -> _pandas.DataFrame:
        """A data frame: a row a metric, the columns ``model`` and ``popularity``. Needs pandas."""
        return _needed("pandas").DataFrame({"model": self.model, "popularity": self.popularity})

    def plot(self, metrics: Iterable[str] = ("recall", "ndcg", "hit_rate", "precision", "mrr"), ax: Any = None) -> Any:
        """Draws the metrics as bars beside those of popularity; returns the axes. Needs matplotlib."""
        names = list(metrics)
        if ax is None:
            _needed("matplotlib")
            from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]

            _, ax = pyplot.subplots(figsize=(1.2 * len(names) + 1.5, 3.2), layout="constrained")
        groups = [("popularity", self.popularity, "#b8bec8", -0.19), ("model", self.model, "#2f6fde", 0.19)]
        for label, values, colour, shift in groups:
            bars = ax.bar([at + shift for at in range(len(names))], [values[name] for name in names], 0.36, color=colour, label=label)
            ax.bar_label(bars, fmt="%.3f", fontsize=8, padding=2, color="#555")
        ax.set_xticks(range(len(names)), [f"{name.replace('_', ' ')}@{self.k}" for name in names])
        ax.set_yticks([])
        ax.spines[["left", "top", "right"]].set_visible(False)
        ax.tick_params(length=0)
        ax.margins(y=0.15)
        ax.legend(frameon=False)
        return ax

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evaluation) and self._data == other._data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lines = [f"Evaluation(k={self.k}, {self.users} users)", f"  {'':<10} {'model':>8} {'popularity':>11}"]
        popularity = self.popularity
        for name, value in self.model.items():
            lines.append(f"  {name:<10} {value:>8.4f} {popularity[name]:>11.4f}")
        return "\n".join(lines)


def evaluate(
    model: Model,
    test: Table,
    k: int = 20,
    *,
    columns: Mapping[str, str] | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> Evaluation:
    """Ranking metrics over the users of the test events, whose training items are left out.

    ``test`` comes as the events of :func:`train` do; only ``user_id`` and ``item_id`` count. Recall,
    NDCG, hit rate, precision, MAP, MRR and coverage at ``k``, and the same for popularity.
    """
    found = event_columns(test, columns)
    options = {"k": k, "threads": thread_count(threads)}
    with reporter(progress, "evaluating") as report:
        return Evaluation(_native.evaluate(model._native, found["user_id"], found["item_id"], options, report))
