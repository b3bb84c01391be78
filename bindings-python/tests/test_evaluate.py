"""Evaluation and comparison: the objects, and SciPy as a second opinion on intervals and p-values."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tastemaker as tm

NAMES = {
    "recall", "ndcg", "hit_rate", "precision", "map", "mrr", "novelty", "average_popularity", "coverage", "gini",
}  # fmt: skip


@pytest.fixture
def test(model: tm.Model) -> dict[str, Any]:
    return {"user_id": model.user_ids, "item_id": np.repeat(["item-00", "item-01"], 30)}


@pytest.fixture
def other(events: dict[str, Any]) -> tm.Model:
    return tm.train(events, options={"neighbors": 2}, progress=False)


def test_evaluation(model: tm.Model, test: dict[str, Any]) -> None:
    evaluation = tm.evaluate(model, test, k=10)
    assert evaluation.k == 10 and evaluation.cutoffs == [10]
    assert evaluation.model.keys() == evaluation.popularity.keys() == NAMES
    assert evaluation.to_dict()["model"].items() >= evaluation.model.items()
    low, high = evaluation.interval("recall") or (1, 0)
    assert 0 <= low <= evaluation.model["recall"] <= high <= 1
    assert evaluation.interval("coverage") is None
    assert evaluation == tm.evaluate(model, test, k=10, threads=1)
    assert "popularity" in repr(evaluation) and "recall@10" in evaluation._repr_html_()
    pandas = pytest.importorskip("pandas")
    assert evaluation.to_pandas().loc["recall", "model"] == evaluation.model["recall"]
    assert evaluation.to_pandas().loc["recall", "model_low"] == low
    assert evaluation == tm.evaluate(model, pandas.DataFrame(test), k=10)
    with pytest.raises(tm.InvalidArgumentError):
        tm.evaluate(model, test, k=0)
    with pytest.raises(tm.InvalidArgumentError, match="cut-offs of this evaluation are 10"):
        evaluation.metrics(k=5)


def test_several_cutoffs_and_groups(model: tm.Model, test: dict[str, Any]) -> None:
    pandas = pytest.importorskip("pandas")
    labels = {user: "even" if n % 2 == 0 else "odd" for n, user in enumerate(model.user_ids[:50])}
    evaluation = tm.evaluate(model, test, k=[5, 1], segments=labels, per_user=True, resamples=0)
    assert evaluation.k == 5 and evaluation.cutoffs == [1, 5] and evaluation.interval("recall") is None
    assert evaluation.to_pandas().loc[(1, "recall"), "model"] == evaluation.metrics(k=1)["recall"]
    users = evaluation.to_pandas(by="user", k=1)
    assert users["recall"].mean() == pytest.approx(evaluation.metrics(k=1)["recall"], abs=1e-15)
    assert users["popularity_ndcg"].mean() == pytest.approx(evaluation.metrics("popularity", 1)["ndcg"], abs=1e-15)
    segments = evaluation.to_pandas(by="segment")
    for label, values in users.groupby("segment"):
        assert segments.loc[(label, 1, "recall"), "model"] == pytest.approx(values["recall"].mean(), abs=1e-15)
        assert segments.loc[(label, 1, "recall"), "users"] == len(values) == 25
    groups = evaluation.to_pandas(by="history", k=5).reset_index()
    assert groups.loc[groups["metric"] == "recall", "users"].sum() == 60
    for same in (pandas.Series(labels), pandas.DataFrame({"user_id": labels.keys(), "segment": labels.values()})):
        assert tm.evaluate(model, test, k=[5, 1], segments=same, per_user=True, resamples=0) == evaluation
    with pytest.raises(tm.InvalidArgumentError, match="per_user=True"):
        tm.evaluate(model, test).per_user()
    with pytest.raises(tm.InvalidArgumentError, match="by is 'age'"):
        evaluation.to_pandas(by="age")
    assert pickle.loads(pickle.dumps(evaluation)) == evaluation


def test_users_keep_their_type() -> None:
    events = {"user_id": [1, 1, 2, 2, 30, 30], "item_id": ["x", "y", "x", "y", "x", "z"]}
    model = tm.train(events, progress=False)
    users = tm.evaluate(model, {"user_id": [30, 2], "item_id": ["y", "z"]}, per_user=True).per_user()["user_id"]
    # By their texts, as everywhere.
    assert users.tolist() == [2, 30] and users.dtype == np.int64


def test_a_history_that_comes_along(model: tm.Model, events: dict[str, Any]) -> None:
    test = {"user_id": ["somebody"], "item_id": ["item-05"]}
    assert tm.evaluate(model, test).cold_users == 1
    history = {"user_id": ["somebody"] * 2, "item_id": ["item-03", "item-04"]}
    assert tm.evaluate(model, test, history=history).cold_users == 0
    edge = model.export_edge()
    with pytest.raises(tm.InvalidArgumentError, match="history"):
        tm.evaluate(edge, test)
    assert tm.evaluate(edge, test, history=history).users == 1


def test_progress_and_cancelling(model: tm.Model, test: dict[str, Any]) -> None:
    stages: list[str] = []
    tm.evaluate(model, test, progress=lambda stage, done, total: stages.append(stage))
    assert stages
    with pytest.raises(tm.CancelledError):
        tm.evaluate(model, test, resamples=1_000_000, progress=lambda stage, done, total: False)
    with pytest.raises(tm.CancelledError):
        tm.compare(model, model, test, permutations=1_000_000, progress=lambda stage, done, total: False)


def test_scipy_agrees_on_intervals(model: tm.Model, test: dict[str, Any]) -> None:
    stats = pytest.importorskip("scipy.stats")
    evaluation = tm.evaluate(model, test, k=10, per_user=True, resamples=20_000, confidence=0.9)
    users = evaluation.per_user()
    for metric in ("ndcg", "novelty", "average_popularity"):
        theirs = stats.bootstrap(
            (users[metric],), np.mean, n_resamples=20_000, method="percentile", confidence_level=0.9, rng=1
        ).confidence_interval
        ours = evaluation.interval(metric) or (np.nan, np.nan)
        # Both ends wander by some percent of the standard error with the resamples.
        error = users[metric].std() / np.sqrt(len(users[metric]))
        assert np.abs(np.subtract(ours, theirs)).max() < 0.08 * error + 1e-12


def test_scipy_agrees_on_p_values(model: tm.Model, other: tm.Model, test: dict[str, Any]) -> None:
    stats = pytest.importorskip("scipy.stats")
    found = tm.compare(model, other, test, k=10, permutations=20_000)
    a, b = (tm.evaluate(m, test, k=10, per_user=True, resamples=0).per_user() for m in (model, other))
    seen = []
    for metric in ("ndcg", "mrr", "novelty", "average_popularity"):
        theirs = stats.permutation_test(
            (b[metric], a[metric]), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
            n_resamples=20_000, vectorized=True, rng=1,
        )  # fmt: skip
        ours = found[metric]
        assert ours.difference == pytest.approx(theirs.statistic, abs=1e-12)
        assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.015)
        assert (ours.a, ours.b) == (pytest.approx(a[metric].mean()), pytest.approx(b[metric].mean()))
        seen.append(ours.p_value)
    assert min(seen) < 0.5


def test_scipy_agrees_on_exact_p_values(model: tm.Model, other: tm.Model, test: dict[str, Any]) -> None:
    stats = pytest.importorskip("scipy.stats")
    few = {name: values[:10] for name, values in test.items()}
    found = tm.compare(model, other, few, k=10)
    a, b = (tm.evaluate(m, few, k=10, per_user=True, resamples=0).per_user() for m in (model, other))
    for metric in ("ndcg", "novelty", "average_popularity"):
        theirs = stats.permutation_test(
            (b[metric], a[metric]), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples",
            n_resamples=10_000, vectorized=True,
        )  # fmt: skip
        assert found[metric].p_value == pytest.approx(theirs.pvalue, abs=1e-15)


def test_comparison(model: tm.Model, other: tm.Model, test: dict[str, Any]) -> None:
    found = tm.compare(model, other, test, k=[10, 3])
    assert found.k == 10 and found.cutoffs == [3, 10] and found.users == 60
    assert found.metrics.keys() == NAMES
    assert found["recall"] == found.at(10)["recall"]
    assert found["coverage"].p_value is None and found["coverage"].low is None
    swapped = tm.compare(other, model, test, k=[10, 3])
    assert swapped["novelty"].difference == -found["novelty"].difference
    assert swapped["novelty"].p_value == found["novelty"].p_value
    assert (swapped["novelty"].users_a, swapped["novelty"].users_b) == (found["novelty"].users_b, found["novelty"].users_a)
    same = tm.compare(model, model, test)
    assert same["recall"].difference == 0 and same["recall"].p_value == 1
    assert pickle.loads(pickle.dumps(found)) == found == tm.compare(model, other, test, k=[10, 3], threads=1)
    assert "b - a" in repr(found) and "recall@3" in found._repr_html_()
    pytest.importorskip("pandas")
    table = found.to_pandas()
    assert table.loc[(3, "ndcg"), "difference"] == found.at(3)["ndcg"].difference


def test_plots(model: tm.Model, other: tm.Model, test: dict[str, Any]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    labels = {user: user[-1] for user in model.user_ids}
    evaluation = tm.evaluate(model, test, segments=labels, auc=True)
    axes = evaluation.plot(metrics=["recall", "auc"])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["recall@20", "AUC"]
    assert len(evaluation.plot("ndcg", by="segment").get_xticklabels()) == 10
    assert evaluation.plot(by="history").get_ylabel() == "recall@20"
    axes = tm.compare(model, other, test).plot(["recall", "average_popularity"])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["recall@20", "average popularity@20"]
    with pytest.raises(tm.InvalidArgumentError, match="not a metric"):
        evaluation.plot(["recal"])


def test_a_missing_package_is_named(model: tm.Model, test: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = tm.evaluate(model, test)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        evaluation.plot()
