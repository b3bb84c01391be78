"""Statistics: what Python hands over, and SciPy beside a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats as scipy_stats

import tastemaker as tm

ARM = ["old", "new", "new", "old", "new", "old"]
UNIT = [1, 2, 2, 3, 4, 5]
VALUE = [1.0, 2.5, 4.0, 3.0, 0.0, 7.25]


def test_columns_of_any_kind_are_the_same_rows() -> None:
    expected = tm.stats.summarize("mean", ARM, VALUE, unit=UNIT)
    assert [arm["name"] for arm in expected["arms"]] == ["new", "old"]
    categories = pd.Series(ARM, dtype="category")
    kinds: list[tuple[Any, Any, Any]] = [
        (np.array(ARM), np.array(VALUE), np.array(UNIT)),
        (categories, pd.Series(VALUE), pd.Series(UNIT)),
        (pl.Series(ARM), pl.Series(VALUE), pl.Series(UNIT)),
        (ARM, np.array(VALUE, dtype=np.float32), [str(unit) for unit in UNIT]),
    ]
    for arm, value, unit in kinds:
        for threads in (1, 3):
            assert tm.stats.summarize("mean", arm, value, unit=unit, threads=threads) == expected


def test_booleans_are_conversions() -> None:
    summary = tm.stats.summarize("proportion", ARM, np.array(VALUE) > 2, unit=UNIT, control="old")
    assert [(arm["name"], arm["n"], arm["successes"]) for arm in summary["arms"]] == [("old", 3, 2), ("new", 2, 1)]


def test_missing_values_are_refused() -> None:
    with pytest.raises(tm.InvalidWeightError, match="row 1"):
        tm.stats.summarize("mean", ["a", "b"], [1.0, None])
    with pytest.raises(tm.InvalidWeightError, match="row 0"):
        tm.stats.summarize("mean", ["a", "b"], np.array([np.nan, 1]))
    with pytest.raises(tm.InvalidIdError):
        tm.stats.summarize("mean", ["a", None], [1.0, 2.0])


def test_a_report_beside_scipy() -> None:
    dice = np.random.default_rng(3)
    a, b = dice.normal(10, 2, 80), dice.normal(11, 3, 90)
    arm = np.repeat(["a", "b"], [80, 90])
    summary = tm.stats.summarize("mean", arm, np.concatenate([a, b]))
    report = tm.stats.analyze("mean", summary["arms"])
    found, expected = report["comparisons"][0], scipy_stats.ttest_ind(b, a, equal_var=False)
    assert found["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert "b is above a" in report["verdict"]


def test_numpy_numbers_are_numbers() -> None:
    plain = tm.stats.sample_ratio([500, 520], [1, 1])
    assert tm.stats.sample_ratio(np.array([500, 520]), np.array([1.0, 1.0])) == plain  # type: ignore[arg-type]
    assert tm.stats.adjust(np.array([0.25, 0.0625])) == [0.25, 0.125]  # type: ignore[arg-type]


def test_errors_have_their_classes() -> None:
    with pytest.raises(tm.InvalidArgumentError, match="at most n"):
        tm.stats.analyze("proportion", [{"name": "a", "n": 1, "successes": 2}, {"name": "b", "n": 1, "successes": 1}])
    with pytest.raises(tm.LengthMismatchError):
        tm.stats.summarize("mean", ["a"], [1.0, 2.0])
