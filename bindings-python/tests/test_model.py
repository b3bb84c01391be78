"""Models: save, open, copy, ask in batches, evaluate."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tastemaker as tm


def test_a_model_survives_files_bytes_and_pickles(model: tm.Model, tmp_path: Path) -> None:
    path = tmp_path / "mödel.tm"
    model.save(path)
    expected = list(model.recommend(k=5))
    copies = [
        tm.Model.open(path),
        tm.Model.open(str(path)),
        tm.Model.from_bytes(model.to_bytes()),
        tm.Model.from_bytes(path.read_bytes()),
        tm.Model.from_bytes(memoryview(path.read_bytes())),
        tm.Model.open(bytearray(path.read_bytes())),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ]
    for other in copies:
        assert other.hash == model.hash
        assert list(other.recommend(k=5)) == expected
        assert other.to_bytes() == model.to_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["mödel.tm"]


def test_what_a_model_knows(model: tm.Model) -> None:
    assert (model.item_count, model.user_count) == (40, 60)
    assert len(model.hash) == 32
    assert model.item_ids.tolist() == [f"item-{i:02}" for i in range(40)]
    assert model.user_ids.tolist() == [f"user-{i:02}" for i in range(60)]
    assert model.attributes("item-04") == {"title": "Thing 4", "price": 40.0, "styles": ["even", "thing"], "open": False}
    assert model.attributes("nothing") is None
    assert model.profile("stranger") is None
    assert model.neighbors("nothing") is None
    neighbors = model.neighbors("item-04")
    assert neighbors is not None
    assert all(int(item[-2:]) % 2 == 0 for item, _ in neighbors)
    weights = [weight for _, weight in neighbors]
    assert weights == sorted(weights, reverse=True)
    history = model.profile("user-03")
    assert history is not None
    assert len(history) > 0
    assert model.manifest["options"]["neighbors"] == 20
    assert repr(model) == f"Model(40 items, 60 users, hash {model.hash})"
    with pytest.raises(TypeError):
        tm.Model()


def test_batches_give_the_answers_of_the_engine(model: tm.Model, engine: tm.Engine) -> None:
    result = model.recommend(k=7)
    assert len(result) == 7 * 60
    for user in model.user_ids[::9]:
        rows = [row for row in result if row.user_id == user]
        items = engine.recommend(user, k=7).items
        assert [(row.item_id, row.score, row.rank, row.source) for row in rows] == [item[:4] for item in items]
    assert list(model.recommend(k=7, threads=1)) == list(model.recommend(k=7, threads=3)) == list(result)


def test_options_of_a_batch(model: tm.Model) -> None:
    filtered = model.recommend(k=5, filter={"styles": {"$in": ["even"]}, "price": {"$lt": 200}})
    assert {int(item[-2:]) % 2 for item in filtered.item_id} == {0}
    assert set(model.recommend(k=3, baseline=True).source) == {"popular"}
    seen = model.recommend(["user-03"], k=40, exclude_seen=False)
    assert len(seen) == 40 > len(model.recommend(["user-03"], k=40))
    assert set(model.recommend(["stranger"]).source) == {"popular"}
    assert len(model.recommend([])) == 0
    assert len(model.recommend(k=1000)) < 1000 * 60
    with pytest.raises(tm.InvalidArgumentError, match="k"):
        model.recommend(k=0)
    with pytest.raises(tm.InvalidArgumentError, match="threads"):
        model.recommend(threads=0)
    with pytest.raises(tm.InvalidIdError):
        model.recommend([""])
    with pytest.raises(tm.InvalidConditionError):
        model.recommend(filter={"price": {"$near": 1}})


def test_columns_of_a_batch(model: tm.Model) -> None:
    result = model.recommend(k=4)
    assert result.score.dtype == np.float64
    assert result.rank.tolist() == [1, 2, 3, 4] * 60
    assert set(result.source) <= {"graph", "popular"}
    assert "240 rows for 60 users" in repr(result)
    html = result._repr_html_()
    assert "Thing" in html
    assert "240 rows" in html
    assert result.to_dict().keys() == {"user_id", "item_id", "score", "rank", "source"}
    row = next(iter(result))
    assert (row.user_id, row.rank) == ("user-00", 1)


def test_results_survive_pickling(model: tm.Model) -> None:
    result = model.recommend(k=4)
    data = pickle.dumps(result)
    assert len(data) < len(model.to_bytes())
    other = pickle.loads(data)
    assert list(other) == list(result)
    assert "item-" in other._repr_html_()
    answer = tm.Engine(model).recommend("user-03", explain=True, trace=True)
    copied = pickle.loads(pickle.dumps(answer))
    assert copied == answer
    assert copied.trace == answer.trace
    assert "item-" in copied._repr_html_()
    evaluation = tm.evaluate(model, {"user_id": ["user-00"], "item_id": ["item-00"]})
    assert pickle.loads(pickle.dumps(evaluation)) == evaluation


def test_results_as_tables(model: tm.Model) -> None:
    result = model.recommend(k=4)
    expected = [row._asdict() for row in result]
    pandas, polars, pyarrow = map(pytest.importorskip, ("pandas", "polars", "pyarrow"))
    assert isinstance(result.to_pandas(), pandas.DataFrame)
    assert result.to_pandas().to_dict("records") == expected
    assert isinstance(result.to_polars(), polars.DataFrame)
    assert result.to_polars().to_dicts() == expected
    assert isinstance(result.to_arrow(), pyarrow.Table)
    assert result.to_arrow().to_pylist() == expected
    empty = model.recommend([])
    assert len(empty.to_pandas()) == empty.to_polars().height == empty.to_arrow().num_rows == 0


def test_a_missing_package_is_named(model: tm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(ImportError, match="pip install polars"):
        model.recommend(k=1).to_polars()


def test_an_edge_model_is_smaller_and_has_no_histories(model: tm.Model) -> None:
    edge = model.export_edge(neighbors=4, attributes=["title"])
    assert len(edge.to_bytes()) < len(model.to_bytes())
    assert edge.user_count == 0
    assert edge.attributes("item-04") == {"title": "Thing 4"}
    assert len(edge.neighbors("item-04") or []) == 4
    assert edge.export_edge(neighbors=4).item_count == 40
    with pytest.raises(tm.InvalidArgumentError):
        model.export_edge(neighbors=0)


def test_options(events: dict[str, Any]) -> None:
    trainer = {"name": "spectral", "rank": 3}
    by_class = tm.train(events, options=tm.TrainOptions(neighbors=5, trainer=trainer), progress=False)
    by_dict = tm.train(events, options={"neighbors": 5, "trainer": trainer}, progress=False)
    assert by_class.hash == by_dict.hash
    assert len(by_class.neighbors("item-00") or []) == 5
    defaults = tm.TrainOptions.defaults()
    assert defaults["trainer"] == "auto"
    assert defaults["neighbors"] == 100
    # The dataclass and the core name the same options; kinds stand apart in the core's list.
    fields = set(tm.TrainOptions.__dataclass_fields__)
    assert fields - {"kinds"} == defaults.keys() - {"kinds", "threads", "item_id_type", "user_id_type"}
    for options in ({"neighbours": 5}, {"neighbors": 0}, {"half_life_days": float("nan")}, {"neighbors": "many"}, 3):
        with pytest.raises(tm.InvalidArgumentError):
            tm.train(events, options=options, progress=False)
    with pytest.raises(TypeError):
        tm.TrainOptions(neighbours=5)


def test_trainers(events: dict[str, Any]) -> None:
    def trainer_of(given: Any) -> Any:
        return tm.train(events, options=tm.TrainOptions(trainer=given), progress=False).manifest["options"]["trainer"]

    assert [part["name"] for part in trainer_of("ridge")] == ["ridge"]
    (part,) = trainer_of({"name": "spectral", "rank": np.int32(3), "alpha": np.float32(0.5)})
    assert (part["rank"], part["alpha"], part["weight"]) == (3, 0.5, 1)
    parts = trainer_of(({"name": "ridge", "weight": 0.25}, "spectral"))
    assert [(part["name"], part["weight"]) for part in parts] == [("ridge", 0.25), ("spectral", 1)]
    nan = float("nan")
    for bad in ("best", [], {}, 3, {"name": "spectral", "alpha": nan}, [{"name": "ridge", "weight": nan}]):
        with pytest.raises(tm.InvalidArgumentError, match="options"):
            tm.train(events, options={"trainer": bad}, progress=False)


def test_own_kinds() -> None:
    events = {"user_id": ["a", "a", "b", "b"], "item_id": ["x", "y", "x", "y"], "kind": ["quote"] * 4}
    with pytest.raises(tm.UnknownKindError, match="quote"):
        tm.train(events, progress=False)
    model = tm.train(events, options=tm.TrainOptions(kinds={"quote": 3}), progress=False)
    assert tm.Engine(model).record("c", "x", "quote").changed
