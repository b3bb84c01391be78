"""Off-policy evaluation: what Python adds to the suites (shapes, frames, threads, progress)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tastemaker as tm


@pytest.fixture(scope="module")
def log() -> dict[str, Any]:
    dice = np.random.default_rng(1)
    rows = 5_000
    cell, action = dice.integers(0, 3, rows), dice.integers(0, 4, rows)
    reward = (dice.random(rows) < 0.1 + 0.1 * action).astype(float)
    return {"reward": reward, "propensity": np.full(rows, 0.25), "action": action, "cell": cell}


POLICY = np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25]])


def test_a_policy_may_have_any_form(log: dict[str, Any]) -> None:
    pandas = pytest.importorskip("pandas")
    whole = tm.offpolicy.evaluate(**log, policy=POLICY, threads=1)
    for form in (POLICY.tolist(), np.asfortranarray(POLICY), pandas.DataFrame(POLICY), {"actions": POLICY}):
        assert tm.offpolicy.evaluate(**log, policy=form, threads=2) == whole
    logged = POLICY[log["cell"], log["action"]]
    columns = {"reward": log["reward"], "propensity": log["propensity"]}
    alone = [tm.offpolicy.evaluate(**columns, policy=form) for form in (logged, logged.tolist(), {"probability": logged})]
    assert alone[0] == alone[1] == alone[2]
    assert alone[0]["estimates"] == whole["estimates"][:3]
    assert alone[0]["model"] is None and len(whole["estimates"]) == 8


def test_numbers_agree_with_numpy(log: dict[str, Any]) -> None:
    report = tm.offpolicy.evaluate(**log, policy=POLICY)
    weights = POLICY[log["cell"], log["action"]] / log["propensity"]
    assert report["estimates"][0]["value"] == pytest.approx((weights * log["reward"]).mean(), rel=1e-12)
    assert report["weights"]["effective_sample_size"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_missing_propensities(log: dict[str, Any]) -> None:
    pandas = pytest.importorskip("pandas")
    given = dict(log)
    given["propensity"] = pandas.array([None, *[0.25] * 4_999], dtype="Float64")
    with pytest.raises(tm.InvalidArgumentError, match="row 0"):
        tm.offpolicy.evaluate(**given, policy=POLICY)
    report = tm.offpolicy.evaluate(**given, policy=POLICY, unsupported="ignore")
    assert report["support"]["rows_without_propensity"] == 1


def test_rewards_may_be_booleans(log: dict[str, Any]) -> None:
    given = dict(log)
    given["reward"] = log["reward"] > 0
    assert tm.offpolicy.evaluate(**given, policy=POLICY) == tm.offpolicy.evaluate(**log, policy=POLICY)


def test_shapes_that_are_no_matrix(log: dict[str, Any]) -> None:
    for bad in (np.zeros((2, 2, 2)), [[1.0], [0.5, 0.5]], {"weights": [1.0]}, {"actions": [1.0, 2.0]}):
        with pytest.raises(tm.InvalidArgumentError):
            tm.offpolicy.evaluate(**log, policy=bad)


def test_work_can_be_cancelled(log: dict[str, Any]) -> None:
    dice = np.random.default_rng(2)
    many = {"reward": dice.random(300_000), "propensity": np.full(300_000, 0.5)}
    with pytest.raises(tm.CancelledError):
        tm.offpolicy.evaluate(**many, policy=dice.random(300_000), replicates=5_000, progress=lambda *_: False)


def test_two_policies(log: dict[str, Any]) -> None:
    other = np.full((3, 4), 0.25)
    report = tm.offpolicy.compare(**log, a=other, b=POLICY, replicates=50)
    first = report["comparisons"][0]
    assert first["value"] == pytest.approx(report["b"]["estimates"][0]["gain"]["value"])
    assert first["bootstrap"] is not None and first["bootstrap"]["replicates"] == 50
