"""Updating: what comes back, and that the model of before stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

import tastemaker as tm

EVENTS = {"user_id": [1, 1, 2, 2, 3], "item_id": [10, 11, 10, 11, 10]}


def test_a_new_model_knows_the_new_events() -> None:
    model = tm.train(EVENTS, options={"updatable": True}, progress=False)
    before = model.to_bytes()
    updated = tm.update(model, {"user_id": [3, 4], "item_id": [12, 12]}, progress=False)
    assert model.to_bytes() == before
    assert list(updated.item_ids) == [10, 11, 12]
    assert updated.user_count == 4
    assert set(updated.manifest["update"]) == {"full", "items", "learnt", "tolerance"}
    assert 10 in [n.item_id for n in updated.neighbors(12)]
    engine = tm.Engine(model)
    engine.swap(updated)
    assert engine.recommend(4, k=1).items[0].item_id == 10


def test_without_tolerance_it_is_a_training_on_all_events() -> None:
    draw = np.random.default_rng(5)
    old = {"user_id": draw.integers(0, 200, 2000), "item_id": draw.zipf(1.4, 2000) % 100}
    new = {"user_id": draw.integers(0, 210, 50), "item_id": draw.zipf(1.4, 50) % 110}
    options = {"trainer": ["ridge", "spectral"]}
    both = {name: np.concatenate([old[name], new[name]]) for name in old}
    updated = tm.update(
        tm.train(old, options=options, progress=False), new, options=tm.UpdateOptions(tolerance=0), progress=False, threads=2
    )
    whole = tm.train(both, options=options, progress=False)
    assert all(updated.neighbors(item) == whole.neighbors(item) for item in whole.item_ids)
    assert updated.manifest["counts"] == whole.manifest["counts"]


def test_columns_and_units_are_those_of_training() -> None:
    model = tm.train(EVENTS | {"timestamp": [1, 2, 3, 4, 5]}, progress=False, timestamp_unit="s")
    updated = tm.update(
        model, {"who": [3], "what": [11], "timestamp": [6]}, progress=False,
        columns={"user_id": "who", "item_id": "what"}, timestamp_unit="s",
    )
    assert updated.profile(3).events[-1].timestamp == 6000


def test_progress_and_cancelling() -> None:
    model = tm.train(EVENTS, progress=False)
    stages: list[str] = []
    tm.update(model, EVENTS, progress=lambda stage, *_: stages.append(stage))
    # Fast stages may pass between two looks.
    assert stages[-1] == "snapshot"
    draw = np.random.default_rng(1)
    events = {"user_id": draw.integers(0, 5_000, 300_000), "item_id": draw.zipf(1.3, 300_000) % 5_000}
    with pytest.raises(tm.CancelledError):
        tm.update(model, events, progress=lambda *_: False)


def test_what_can_not_be_updated_is_refused() -> None:
    model = tm.train(EVENTS, options={"keep_profiles": False}, progress=False)
    with pytest.raises(tm.InvalidArgumentError, match="no histories"):
        tm.update(model, EVENTS, progress=False)
    model = tm.train(EVENTS, progress=False)
    with pytest.raises(tm.InvalidArgumentError, match="tolerance"):
        tm.update(model, EVENTS, options={"tolerance": 2}, progress=False)
    with pytest.raises(tm.InvalidArgumentError, match="trainer"):
        tm.update(model, EVENTS, options={"trainer": "ridge"}, progress=False)
