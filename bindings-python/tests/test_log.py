"""Decision logs: what Python adds to the suites (Arrow, data frames, pickles, times)."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from pathlib import Path

import numpy as np
import pytest

import tastemaker as tm

KEY = "a secret of 16 bytes or more"


@pytest.fixture
def log() -> tm.DecisionLog:
    log = tm.DecisionLog(key=KEY)
    when = dt.datetime(2026, 11, 26, 12, tzinfo=dt.timezone.utc)
    log.record({"id": 1, "time": when, "user": 7, "shown": [{"item": 5, "propensity": np.float64(0.25)}, {"item": "日本"}]})
    log.record({"id": 2, "time": when + dt.timedelta(hours=1), "user": "bo", "shown": ({"item": 5},)})
    log.record_outcome({"decision": 1, "time": when, "item": 5, "value": np.int64(3)})
    log.record_outcome({"decision": 9, "time": when, "slot": 0})
    return log


def test_ids_may_be_integers(log: tm.DecisionLog) -> None:
    found = log.decision(1)
    assert found is not None and found["shown"][0]["item"] == "5"
    assert found["user"] == log.pseudonym(7) == log.pseudonym("7")
    assert len(log) == 2 and [o["decision"] for o in log.orphans()] == ["9"]


def test_tables_are_arrow_streams(log: tm.DecisionLog) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(log.table("shown"))
    assert table.column_names == ["decision", "time", "slot", "item", "propensity"]
    assert table["item"].to_pylist() == ["5", "日本", "5"]
    assert table["time"].to_pylist()[0] == dt.datetime(2026, 11, 26, 12, tzinfo=dt.timezone.utc)
    assert table["propensity"].to_pylist() == [0.25, 1.0, 1.0]
    outcomes = log.table("outcomes").to_arrow()
    assert outcomes["slot"].to_pylist() == [None, 0]
    assert outcomes["item"].to_pylist() == ["5", None]
    # A capsule that nobody reads frees what it holds.
    for _ in range(3):
        log.table("shown").__arrow_c_stream__()
    empty = tm.DecisionLog().table("decisions").to_arrow()
    assert empty.num_rows == 0 and empty.column_names[0] == "decision"


def test_tables_are_data_frames(log: tm.DecisionLog, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    joined = log.join()
    frame = joined.to_pandas()
    assert frame["reward"].tolist() == [3.0, 0.0, 0.0]
    assert joined.counts["matched"] == 1 and joined.counts["orphans"] == 1
    path = tmp_path / "joined.parquet"
    joined.to_parquet(path)
    assert pandas.read_parquet(path)["item"].astype(str).tolist() == ["5", "日本", "5"]
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(joined)["reward"].to_list() == [3.0, 0.0, 0.0]
    assert joined.to_polars().height == 3


def test_columns_go_on_to_statistics_and_off_policy_evaluation(log: tm.DecisionLog) -> None:
    columns = log.join().to_dict()
    assert columns["time"].dtype == np.dtype("datetime64[ms]")
    report = tm.offpolicy.evaluate(columns["reward"], columns["propensity"], [0.5, 1.0, 1.0], unit=columns["user"])
    assert report["estimates"][0]["value"] == 2.0
    assert report["units"] == 2
    slates = tm.offpolicy.evaluate_slates(
        columns["decision"], columns["slot"], columns["reward"], columns["propensity"], [0.5, 1.0, 1.0]
    )
    assert slates["slates"] == 2


def test_a_missing_slot_is_masked(log: tm.DecisionLog) -> None:
    assert log.table("outcomes").to_dict()["slot"].tolist() == [None, 0]


def test_logs_are_values(log: tm.DecisionLog) -> None:
    again = tm.DecisionLog.from_bytes(log.to_bytes(), key=KEY)
    assert again == log and again != tm.DecisionLog(key=KEY) and log == log
    assert pickle.loads(pickle.dumps(log)) == log
    assert copy.deepcopy(log).to_bytes() == log.to_bytes()
    assert log.merge(log) == tm.Merged(0, 0, [])
    assert log.merge(again) == tm.Merged(0, 0, [])
    with pytest.raises(tm.InvalidArgumentError):
        pickle.loads(pickle.dumps(log)).erase("bo")
    assert repr(log) == "DecisionLog(2 decisions, 2 outcomes)"


def test_expiry_takes_times(log: tm.DecisionLog) -> None:
    assert log.expire(dt.datetime(2026, 11, 26, 12, 30)) == tm.Removed(1, 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(log: tm.DecisionLog, value: float) -> None:
    with pytest.raises(tm.InvalidArgumentError):
        log.record_outcome({"decision": 1, "time": 0, "value": value})
    with pytest.raises(tm.InvalidArgumentError):
        log.record({"id": 3, "time": 0, "shown": [{"item": "a", "propensity": value}]})


def test_what_is_no_mapping_is_refused(log: tm.DecisionLog) -> None:
    with pytest.raises(tm.InvalidArgumentError):
        log.record("d-1")  # type: ignore[arg-type]
