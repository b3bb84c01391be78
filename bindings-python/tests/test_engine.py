"""The engine: record, answer, explain, filter, forget."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

import tastemaker as tm

NOW = 1_710_000_000_000


def test_an_event_changes_the_next_answer(engine: tm.Engine) -> None:
    before = engine.recommend("new", k=5)
    assert {item.source for item in before.items} == {"popular"}
    assert engine.record("new", "item-04", "save", timestamp=NOW) == (True, True)
    assert engine.record("new", "item-04", "save", timestamp=NOW) == (False, True)
    assert engine.record("new", "unknown", timestamp=NOW) == (True, False)
    after = engine.recommend("new", k=5, explain=True)
    assert [item.rank for item in after.items] == [1, 2, 3, 4, 5]
    assert {item.source for item in after.items} == {"graph"}
    assert {reason.item_id for item in after.items for reason in item.reasons} == {"item-04"}
    assert after.ignored == ["unknown"]
    assert after.model == engine.model.hash
    assert engine.user_count == 1


def test_a_score_is_the_sum_of_its_reasons(engine: tm.Engine) -> None:
    for item in engine.recommend("user-03", k=20, explain=True).items:
        if item.source == "graph":
            assert item.score == math.fsum(reason.contribution for reason in item.reasons)
            assert math.isclose(sum(reason.share for reason in item.reasons), 1)
        assert item.reasons == tuple(sorted(item.reasons, key=lambda r: -r.contribution))


def test_a_history_in_the_request_gives_the_answer_of_the_store(engine: tm.Engine) -> None:
    engine.record("new", "item-04", "save", weight=2, timestamp=NOW)
    engine.record("new", "item-06")
    history: list[Any] = [
        {"item_id": "item-04", "kind": "save", "weight": 2.0, "timestamp": dt.datetime.fromtimestamp(NOW / 1000, dt.timezone.utc)},
        "item-06",
    ]
    stored = engine.recommend("new", k=8, explain=True)
    assert engine.recommend(history=history, k=8, explain=True) == stored
    assert engine.recommend("nobody", k=8, history=history, explain=True) == stored
    assert engine.recommend("new", k=8, history=history[:1], explain=True) == stored
    assert engine.recommend("nobody", k=8) != stored


def test_limits_on_items(engine: tm.Engine) -> None:
    cheap = engine.recommend("user-03", k=40, filter={"price": {"$lt": 100}, "styles": {"$in": ["odd"]}}, exclude_seen=False)
    assert sorted(cheap.item_ids) == ["item-01", "item-03", "item-05", "item-07", "item-09"]
    allowed = engine.recommend("new", k=5, allow=["item-01", "item-02", "nothing"])
    assert sorted(allowed.item_ids) == ["item-01", "item-02"]
    denied = engine.recommend("new", k=50, deny={"item-01"})
    assert len(denied) == 39
    assert "item-01" not in denied.item_ids


def test_a_trace_shows_every_stage(engine: tm.Engine) -> None:
    answer = engine.recommend("user-03", k=3, trace=True)
    assert answer.trace is not None
    assert all(isinstance(stage.input, int) and stage.output >= 0 for stage in answer.trace)
    assert engine.recommend("user-03", k=3).trace is None
    assert "trace" in answer.to_dict()


def test_an_answer_shows_itself(engine: tm.Engine) -> None:
    answer = engine.recommend("user-03", k=3, explain=True)
    assert len(answer) == 3
    assert repr(answer).startswith("Answer(3 items)\n    1. 'item-")
    html = answer._repr_html_()
    assert "Thing" in html
    assert "because of" in html
    first = answer.to_dict()["items"][0]
    assert first["rank"] == 1
    assert first["reasons"][0].keys() == {"item_id", "contribution", "share"}


def test_batches(engine: tm.Engine) -> None:
    events = {
        "user_id": ["a", "a", "b", "", "a"],
        "item_id": ["item-00", "item-00", "item-01", "item-02", "item-03"],
        "kind": ["view", "view", "teleport", "view", "view"],
    }
    with pytest.raises(tm.UnknownKindError, match="row 2"):
        engine.record_batch(events)
    assert engine.user_count == 0
    report = engine.record_batch(events, skip_invalid=True)
    assert (report.accepted, report.duplicates) == (2, 1)
    assert [(row.row, row.code) for row in report.rejected] == [(2, "unknown_kind"), (3, "invalid_id")]
    assert len(engine.profile("a")) == 2


def test_profiles_travel(engine: tm.Engine, model: tm.Model) -> None:
    engine.record("a", "item-04", "save", timestamp=NOW)
    profile = engine.profile("a")
    other = tm.Engine(model)
    assert other.merge_profile("b", profile)
    assert not other.merge_profile("b", profile.to_bytes())
    assert other.profile("b") == profile
    assert other.recommend("b") == engine.recommend("a")
    assert engine.profile("user-03") == model.profile("user-03")
    assert len(engine.profile("stranger")) == 0


def test_erase(engine: tm.Engine) -> None:
    engine.record("a", "item-04")
    assert engine.erase("a")
    assert not engine.erase("a")
    assert engine.erase("user-03")
    assert len(engine.profile("user-03")) == 0
    assert {item.source for item in engine.recommend("user-03").items} == {"popular"}


def test_swap(engine: tm.Engine, events: dict[str, Any]) -> None:
    engine.record("a", "item-04")
    other = tm.train(events, options={"neighbors": 3, "trainer": {"name": "spectral", "rank": 2}}, progress=False)
    engine.swap(other)
    assert engine.model.hash == other.hash
    assert engine.recommend("a").model == other.hash
    assert len(engine.profile("a")) == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"k": 0}, tm.InvalidArgumentError),
        ({"k": -1}, tm.InvalidArgumentError),
        ({"k": 1.5}, tm.InvalidArgumentError),
        ({"k": "ten"}, tm.InvalidArgumentError),
        ({"user_id": ""}, tm.InvalidIdError),
        ({"user_id": "x" * 1025}, tm.InvalidIdError),
        ({"user_id": 1.5}, tm.InvalidIdError),
        ({"user_id": True}, tm.InvalidIdError),
        ({"user_id": "\ud800"}, tm.InvalidIdError),
        ({"user_id": 2**64}, tm.InvalidIdError),
        ({"filter": {"$and": 3}}, tm.InvalidConditionError),
        ({"filter": {"price": {"$lt": math.nan}}}, tm.InvalidConditionError),
        ({"filter": "cheap"}, tm.InvalidConditionError),
        ({"now": 10**18}, tm.InvalidTimestampError),
        ({"now": 1.5}, tm.InvalidTimestampError),
        ({"now": "today"}, tm.InvalidTimestampError),
        ({"allow": "item-01"}, tm.InvalidArgumentError),
        ({"deny": [1.5]}, tm.InvalidIdError),
        ({"history": [{"item_id": "a", "weight": math.nan}]}, tm.InvalidWeightError),
        ({"history": [{"item_id": "a", "weight": "b"}]}, tm.InvalidWeightError),
        ({"history": [{"item_id": "a", "timestamp": math.inf}]}, tm.InvalidTimestampError),
        ({"history": [{"item_id": "a", "kind": "teleport"}]}, tm.UnknownKindError),
        ({"history": [{"kind": "view"}]}, tm.InvalidIdError),
    ],
)
def test_unusable_requests(engine: tm.Engine, arguments: dict[str, Any], error: type[tm.TastemakerError]) -> None:
    with pytest.raises(error):
        engine.recommend(**{"user_id": "a", **arguments})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"item_id": ""}, tm.InvalidIdError),
        ({"item_id": None}, tm.InvalidIdError),
        ({"user_id": ""}, tm.InvalidIdError),
        ({"kind": "teleport"}, tm.UnknownKindError),
        ({"kind": 3}, tm.UnknownKindError),
        ({"weight": math.inf}, tm.InvalidWeightError),
        ({"weight": 1e7}, tm.InvalidWeightError),
        ({"weight": "2"}, tm.InvalidWeightError),
        ({"timestamp": 10**15}, tm.InvalidTimestampError),
        ({"timestamp": 10**30}, tm.InvalidTimestampError),
        ({"timestamp": True}, tm.InvalidTimestampError),
        ({"timestamp": math.nan}, tm.InvalidTimestampError),
    ],
)
def test_unusable_events(engine: tm.Engine, arguments: dict[str, Any], error: type[tm.TastemakerError]) -> None:
    with pytest.raises(error):
        engine.record(**{"user_id": "a", "item_id": "item-00", **arguments})
    assert engine.user_count == 0


def test_conditions() -> None:
    assert tm.matches_condition({"a": {"$in": [1, 2]}}, {"a": 2})
    assert not tm.matches_condition({"a": 1}, {})
    assert tm.matches_condition({"id": {"$inGroup": "beta"}}, {"id": "x"}, {"beta": ["x"]})
    with pytest.raises(tm.InvalidConditionError):
        tm.matches_condition({"a": {"$what": 1}}, {})
    assert not tm.matches_condition({"a": {"$what": 1}}, {}, lenient=True)
    with pytest.raises(tm.InvalidArgumentError):
        tm.matches_condition({}, {}, ["beta"])  # type: ignore[arg-type]
