"""A program as users write it: `mypy --strict` must accept it and know its types."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
from typing_extensions import assert_type

import tastemaker as tm


def program(folder: Path) -> None:
    catalog = tm.Catalog({"opened": "time"})
    catalog.add("mill", {"title": "Old Mill", "opened": dt.date(2020, 5, 1)})
    options = tm.TrainOptions(neighbors=50, kinds={"view": 0.5})
    model = tm.train({"user_id": ["a"], "item_id": np.array(["mill"])}, catalog, options, progress=False)
    model.save(folder / "model.tm")
    assert_type(tm.Model.open(str(folder / "model.tm")), tm.Model)

    result = model.recommend(["a", "b"], k=5, filter={"price": {"$lt": 5}})
    assert_type(result, tm.Recommendations)
    for row in result:
        assert_type(row.score, float)
        assert_type(row.source, str)

    engine = tm.Engine(model)
    recorded = engine.record("a", "mill", "save", timestamp=dt.datetime.now(dt.timezone.utc))
    assert_type(recorded.changed, bool)
    answer = engine.recommend("a", k=3, history=["mill", {"item_id": "barn"}], explain=True)
    assert_type(answer.items, list[tm.Recommendation])
    assert_type(answer.items[0].reasons[0].share, float)
    assert_type(engine.profile("a").to_bytes(), bytes)
    assert_type(engine.similar_items(item_ids=["mill", 3]), tm.Answer)
    assert_type(engine.score_items("a", ["mill"]).items[0].seen, bool)
    group = engine.recommend_group(["a", {"history": ["mill"], "weight": 2}], strategy="least_misery")
    assert_type(group.items[0].reasons[0].members, tuple[int, ...])
    assert_type(engine.similar_users("a").users[0].similarity, float)

    updated = tm.update(model, {"user_id": ["b"], "item_id": ["mill"]}, options=tm.UpdateOptions(tolerance=0.1))
    assert_type(updated, tm.Model)
    tm.update(model, {"user_id": ["b"], "item_id": ["mill"]}, options={"tolerance": 0.1}, progress=False, threads=1)

    tuning = tm.tune({"user_id": ["a"], "item_id": ["mill"]}, options=tm.TrainOptions(tune={"k": 10}))
    assert_type(tuning, tm.Tuning)
    tm.train({"user_id": ["a"], "item_id": ["mill"]}, options=tm.TrainOptions(trainer=tuning.trainer))

    evaluation = tm.evaluate(model, {"user_id": ["a"], "item_id": ["mill"]})
    assert_type(evaluation.model, dict[str, float])
    assert_type(evaluation.interval("recall"), tuple[float, float] | None)
    more = tm.evaluate(model, {"user_id": ["a"], "item_id": ["mill"]}, k=[5, 20], segments={"a": "new"}, per_user=True)
    assert_type(more.cutoffs, list[int])
    parts = tm.split({"user_id": ["a"], "item_id": ["mill"]}, "random", share=0.5)
    assert_type(parts.of({"user_id": ["a"], "item_id": ["mill"]}), tm.SplitTables)
    comparison = tm.compare(model, model, {"user_id": ["a"], "item_id": ["mill"]})
    assert_type(comparison["recall"], tm.Difference)
    assert_type(comparison["recall"].p_value, float | None)
    index = tm.VectorIndex.build(["a", "b"], [[1.0, 0.0], [0.0, 1.0]], metric="l2", catalog={"a": {"price": 1}})
    assert_type(index, tm.VectorIndex)
    assert_type(index.search([1.0, 0.0], k=1), tm.Neighbors)
    for one in index.search(positive=["a", [1.0, 0.0]], items=index.matching({"price": 1}, model)):
        assert_type(one.score, float)
    assert_type(index.update(["c"], [[1.0, 1.0]], remove=["a"]).index, tm.VectorIndex)
    assert_type(index.search_batch([[1.0, 0.0]]).of(0), tm.Neighbors)
    assert_type(index.knn_graph(k=1), tm.KnnGraph)
    assert_type(index.cluster(2).cohesion, float)

    try:
        tm.Model.from_bytes(b"")
    except tm.NotASnapshotError as error:
        assert_type(error.code, str)
