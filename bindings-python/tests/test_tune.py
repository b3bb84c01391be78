"""Choosing trainers: what comes back, and that it is what training would choose."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import tastemaker as tm

SHORT = {"tune": {"k": 5}}


@pytest.fixture(scope="module")
def tastes() -> dict[str, Any]:
    """Two hundred users of two tastes, eight items each."""
    draw = random.Random(3)
    pairs = [(u, i) for u in range(200) for i in draw.sample(range(u % 2 * 20, u % 2 * 20 + 20), 8)]
    return {"user_id": [u for u, _ in pairs], "item_id": [i for _, i in pairs]}


def test_the_choice_is_that_of_training(tastes: dict[str, Any]) -> None:
    tuning = tm.tune(tastes, options=SHORT, progress=False)
    assert tuning.report["protocol"] == "random"
    assert tuning.report["users"] == 200
    trials = tuning.report["trials"]
    assert len(trials) >= 8
    assert trials[tuning.report["chosen"]]["recall"] > 0.1
    model = tm.train(tastes, options=SHORT, progress=False)
    assert model.manifest["tuning"] == tuning.report
    assert model.manifest["options"]["trainer"] == tuning.trainer
    again = tm.train(tastes, options={"trainer": tuning.trainer}, progress=False)
    assert "tuning" not in again.manifest
    assert all(again.neighbors(item) == model.neighbors(item) for item in model.item_ids)


def test_given_events_are_judged_by(tastes: dict[str, Any]) -> None:
    train, test, _ = tm.split(tastes, "random").of(tastes)
    names = {"user_id": "who", "item_id": "what"}
    tuning = tm.tune(
        {names[name]: column for name, column in train.items()},
        options=tm.TrainOptions(tune=SHORT["tune"]),
        validation={names[name]: column for name, column in test.items()},
        columns=names,
        progress=False,
    )
    assert tuning.report["protocol"] == "given"
    assert tuning == tm.tune(train, options=SHORT, validation=test, progress=False, threads=2)
    # Integers and their texts are one id.
    texts = {name: np.asarray(column).astype(str) for name, column in test.items()}
    assert tuning == tm.tune(train, options=SHORT, validation=texts, progress=False)


def test_timestamps_come_in_the_unit_that_is_said(tastes: dict[str, Any]) -> None:
    timed = tastes | {"timestamp": list(range(len(tastes["user_id"])))}
    tuning = tm.tune(timed, options=SHORT, progress=False, timestamp_unit="s")
    assert tuning.report["protocol"] == "time"
    with pytest.raises(tm.InvalidArgumentError):
        tm.tune(timed, options=SHORT, progress=False, timestamp_unit="h")


def test_tuning_is_cancelled_by_its_callable() -> None:
    draw = np.random.default_rng(1)
    events = {"user_id": draw.integers(0, 5_000, 300_000), "item_id": draw.zipf(1.3, 300_000) % 5_000}
    with pytest.raises(tm.CancelledError):
        tm.tune(events, progress=lambda *_: False)


def test_a_validation_without_items_is_refused(tastes: dict[str, Any]) -> None:
    with pytest.raises(tm.InvalidArgumentError, match="item_id"):
        tm.tune(tastes, validation={"user_id": [1]}, progress=False)
    with pytest.raises(tm.InvalidIdError, match="validation"):
        tm.tune(tastes, validation={"user_id": [None], "item_id": [1]}, progress=False)
