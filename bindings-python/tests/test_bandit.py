"""Bandits: what Python hands over."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tastemaker as tm

PLAIN: dict[str, Any] = {"key": "b", "policy": "beta_thompson", "arms": ["x", "y"], "half_life": 86_400_000}
LINEAR: dict[str, Any] = {
    "key": "b",
    "policy": "linucb",
    "arms": ["1", "2"],
    "features": {"context": ["u", "v"], "arm": ["w"]},
}


def test_columns_of_any_kind_are_the_same_rewards() -> None:
    arm, reward, time = ["x", "y", "x"], [1.0, 0.0, 0.5], [1_000, 2_000, 3_000]
    expected = tm.Bandit.from_json(PLAIN)
    expected.update(arm, reward, time=time)
    ways: list[tuple[Any, Any, Any]] = [
        (np.array(arm), np.array(reward), np.array(time)),
        (pd.Series(arm, dtype="category"), pd.Series(reward), pd.to_datetime(pd.Series(time), unit="ms")),
        (pl.Series(arm), pl.Series(reward), pl.Series(time)),
    ]
    for columns in ways:
        bandit = tm.Bandit.from_json(PLAIN)
        bandit.update(columns[0], columns[1], time=columns[2])
        assert bandit == expected
    one = tm.Bandit.from_json(PLAIN)
    for row in zip(arm, reward, time):
        one.update_one(row[0], row[1], time=dt.datetime.fromtimestamp(row[2] / 1000, dt.timezone.utc))
    assert one == expected
    flags = tm.Bandit.from_json(PLAIN)
    flags.update(["x"], [True], time=[5])
    assert flags.report().arms[0].mean == 1.0


@pytest.mark.parametrize("kind", [tm.Bandit, tm.Experiments])
def test_a_definition_goes_through_the_door_for_it(kind: Any) -> None:
    with pytest.raises(TypeError, match="from_json"):
        kind({"key": "banner", "policy": "ucb1", "arms": ["x", "y"]})


def test_features_are_rows() -> None:
    rows = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    expected = tm.Bandit.from_json(LINEAR)
    for arm, row, weight in zip([1, 2, 2], rows, [0.5, 1.0, 2.0]):
        expected.update_one(str(arm), 1, context=list(row), arm_features={"w": weight})
    for context in (rows, rows.tolist(), np.asfortranarray(rows)):
        bandit = tm.Bandit.from_json(LINEAR)
        bandit.update([1, 2, 2], [1, 1, 1], context=context, arm_features=[[0.5], [1.0], [2.0]])
        assert bandit == expected
    with pytest.raises(tm.InvalidArgumentError, match="context"):
        expected.update([1, 2], [1, 1], context=[[1, 2], [3]], arm_features=[[1], [1]])
    with pytest.raises(tm.LengthMismatchError):
        expected.update([1], [1], context=[[1, 2, 3]], arm_features=[[1]])


def test_a_missing_reward_is_refused() -> None:
    bandit = tm.Bandit.from_json(PLAIN)
    before = bandit.state_version
    for reward in ([None, 1.0], [float("nan"), 1.0], [True, None]):
        with pytest.raises(tm.InvalidWeightError):
            bandit.update(["x", "y"], reward, time=[1, 2])
    assert bandit.state_version == before


def test_bandits_survive_pickling() -> None:
    bandit = tm.Bandit.from_json(PLAIN)
    bandit.update_one("x", 1, time=5)
    other = pickle.loads(pickle.dumps(bandit))
    assert other == bandit and other.choose("d") == bandit.choose("d")
    other.merge(other)
    assert other.report().arms[0].rewards == 2 and other != bandit
    assert repr(bandit) == f"Bandit('b', state {bandit.state_version})"


def test_damaged_bytes_are_refused_at_every_byte() -> None:
    bandit = tm.Bandit.from_json(PLAIN)
    bandit.update_one("x", 1, time=5)
    data = bandit.to_bytes()
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x40
        with pytest.raises((tm.CorruptBanditError, tm.UnsupportedVersionError)):
            tm.Bandit.from_bytes(bytes(damaged))
        with pytest.raises(tm.CorruptBanditError):
            tm.Bandit.from_bytes(data[:position])


def test_a_model_carries_bandits() -> None:
    model = tm.train({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"]}, progress=False)
    bandits = [tm.Bandit.from_json({"key": key, "policy": "ucb1", "arms": ["x"]}) for key in ("two", "one")]
    stored = model.with_bandits(bandits)
    assert stored.bandits == ["one", "two"] and stored.bandit("two") == bandits[0]
    assert stored.bandit("three") is None and stored.hash != model.hash
    assert stored.with_bandits([]).to_bytes() == model.to_bytes()
    assert stored.export_edge().bandits == []
