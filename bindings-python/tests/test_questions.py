"""What can be asked besides ``recommend``: how the calls look, and the types of what comes back."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

import tastemaker as tm


def test_items_like_an_item(engine: tm.Engine) -> None:
    answer = engine.similar_items("item-04", k=5, explain=True)
    assert len(answer) == 5
    assert "item-04" not in answer.item_ids
    assert {reason.item_id for item in answer.items for reason in item.reasons} == {"item-04"}
    assert engine.similar_items(item_ids=["item-04", "item-04"], k=5, explain=True) == answer
    assert engine.similar_items(item_ids=("item-04", "nothing")).ignored == ["nothing"]
    cheap = engine.similar_items("item-04", filter={"price": {"$lt": 50}}, deny=["item-00"])
    assert sorted(cheap.item_ids) == ["item-01", "item-02", "item-03"]
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert "because of" in answer._repr_html_()


def test_scores_are_those_of_recommend(engine: tm.Engine) -> None:
    answer = engine.recommend("user-03", k=40, explain=True)
    ids = answer.item_ids[::-1]
    scores = engine.score_items("user-03", ids, explain=True)
    assert [item.item_id for item in scores.items] == ids
    places = {item.item_id: item for item in answer.items}
    for item in scores.items:
        assert (item.known, item.seen) == (True, False)
        assert (item.score, item.reasons) == (places[item.item_id].score, places[item.item_id].reasons)
        assert item.score == math.fsum(reason.contribution for reason in item.reasons)
    assert scores.model == engine.model.hash
    assert pickle.loads(pickle.dumps(scores)) == scores


def test_scores_say_what_is_seen_and_what_is_unknown(engine: tm.Engine) -> None:
    scores = engine.score_items(history=["item-04", "nothing"], item_ids=["item-04", "no such item", "item-06"])
    assert [(item.known, item.seen) for item in scores.items] == [(True, True), (False, False), (True, False)]
    assert scores.items[1] == ("no such item", False, False, 0.0, ())
    assert scores.ignored == ["nothing"]
    assert engine.score_items("user-03", []).items == []
    assert engine.score_items("user-03", (name for name in ["item-01"])).items[0].item_id == "item-01"


def test_a_group(engine: tm.Engine) -> None:
    members: list[Any] = ["user-03", {"user_id": "user-04", "weight": 1.0}]
    answer = engine.recommend_group(members, k=6, explain=True)
    assert len(answer) == 6
    places = {place for item in answer.items for reason in item.reasons for place in reason.members}
    assert places == {0, 1}
    assert answer.to_dict()["items"][0]["reasons"][0]["members"] == list(answer.items[0].reasons[0].members)
    assert engine.recommend_group(["user-03", "user-04"], 6, explain=True) == answer
    lowest = engine.recommend_group(members, strategy="least_misery", explain=True, exclude_seen=False)
    for item in lowest.items:
        assert item.score == math.fsum(reason.contribution for reason in item.reasons)
        assert all(len(reason.members) == 1 for reason in item.reasons)
    guest = {"history": ["item-04", {"item_id": "item-06", "kind": "dismiss"}]}
    both = engine.recommend_group([guest, "nobody"], k=40, exclude_seen=False)
    assert "item-04" in both.item_ids
    assert "item-06" not in both.item_ids


def test_reasons_outside_of_groups_name_no_members(engine: tm.Engine) -> None:
    reason = engine.recommend("user-03", explain=True).items[0].reasons[0]
    assert reason.members == ()
    assert tm.Reason("a", 1.0, 1.0) == ("a", 1.0, 1.0, ())


def test_users_like_a_user(engine: tm.Engine) -> None:
    answer = engine.similar_users("user-03", k=3)
    assert len(answer.users) == 3
    assert all(user.user_id != "user-03" and 0 < user.similarity <= 1 for user in answer.users)
    assert engine.similar_users(history=["item-04", "x"]).ignored == ["x"]
    engine.erase(answer.users[0].user_id)
    assert engine.similar_users("user-03", k=2).users == answer.users[1:]
    edge = tm.Engine(engine.model.export_edge())
    assert edge.similar_users(history=["item-04"]).users == []


def test_ids_keep_the_types_of_training() -> None:
    model = tm.train({"user_id": [1, 1, 2, 2, 3], "item_id": [7, 8, 7, 8, 9]}, progress=False)
    engine = tm.Engine(model)
    assert engine.similar_items(7, k=1).item_ids == [8]
    assert [item.item_id for item in engine.score_items(1, [8, "7", 77, "x"]).items] == [8, 7, 77, "x"]
    assert engine.similar_users(1).users == [(2, 1.0)]


@pytest.mark.parametrize(
    ("error", "method", "arguments"),
    [
        (tm.InvalidArgumentError, "similar_items", {}),
        (tm.InvalidArgumentError, "similar_items", {"item_ids": []}),
        (tm.InvalidArgumentError, "similar_items", {"item_ids": "item-04"}),
        (tm.InvalidArgumentError, "similar_items", {"item_id": "a", "k": 0}),
        (tm.InvalidArgumentError, "similar_items", {"item_id": "a", "explain": 3}),
        (tm.InvalidArgumentError, "score_items", {"user_id": "u"}),
        (tm.InvalidArgumentError, "score_items", {"user_id": "u", "item_ids": "item-04"}),
        (tm.InvalidArgumentError, "recommend_group", {"members": []}),
        (tm.InvalidArgumentError, "recommend_group", {"members": None}),
        (tm.InvalidArgumentError, "recommend_group", {"members": "ann"}),
        (tm.InvalidArgumentError, "recommend_group", {"members": ["u"], "strategy": "mean"}),
        (tm.InvalidArgumentError, "recommend_group", {"members": [{"user": "u"}]}),
        (tm.InvalidArgumentError, "recommend_group", {"members": [{"weight": math.nan}]}),
        (tm.InvalidArgumentError, "recommend_group", {"members": [{"weight": None}]}),
        (tm.InvalidArgumentError, "recommend_group", {"members": [{"weight": "1"}]}),
        (tm.InvalidArgumentError, "similar_users", {"user_id": "u", "k": -1}),
        (tm.InvalidIdError, "similar_items", {"item_id": ""}),
        (tm.InvalidIdError, "similar_items", {"item_id": 1.5}),
        (tm.InvalidIdError, "score_items", {"item_ids": [None]}),
        (tm.InvalidIdError, "recommend_group", {"members": [""]}),
        (tm.InvalidIdError, "recommend_group", {"members": [1.5]}),
        (tm.InvalidIdError, "similar_users", {"user_id": "u" * 1025}),
        (tm.InvalidConditionError, "similar_items", {"item_id": "a", "filter": {"price": {"$near": 3}}}),
        (tm.InvalidTimestampError, "recommend_group", {"members": ["u"], "now": 10**18}),
        (tm.InvalidWeightError, "similar_users", {"history": [{"item_id": "a", "weight": math.nan}]}),
        (tm.UnknownKindError, "recommend_group", {"members": [{"history": [{"item_id": "a", "kind": "moon"}]}]}),
    ],
)
def test_bad_calls(engine: tm.Engine, error: type[tm.TastemakerError], method: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(error):
        getattr(engine, method)(**arguments)


def test_a_profile_forgets_an_item() -> None:
    profile = tm.Profile()
    for time in (1, 2):
        profile.record("barn", timestamp=time)
    profile.record(7)
    assert profile.forget_item("barn") == 2
    assert profile.forget_item("barn") == 0
    assert profile.forget_item(7) == 1
    assert len(profile) == 0
    with pytest.raises(tm.InvalidIdError):
        profile.forget_item(None)  # type: ignore[arg-type]
