"""Every form in which events and users may come gives the same model."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

import tastemaker as tm

OPTIONS = {"neighbors": 10, "trainer": {"name": "spectral", "rank": 4}}


def hash_of(events: Any, **arguments: Any) -> str:
    return tm.train(events, options=OPTIONS, progress=False, **arguments).hash


@pytest.fixture(scope="module")
def expected(events: dict[str, Any]) -> str:
    return hash_of(events)


def test_lists_tuples_numpy_and_generators(events: dict[str, Any], expected: str) -> None:
    assert hash_of({name: tuple(column) for name, column in events.items()}) == expected
    assert hash_of({name: np.array(column) for name, column in events.items()}) == expected
    assert hash_of({name: np.array(column, dtype=object) for name, column in events.items()}) == expected
    assert hash_of({name: (value for value in column) for name, column in events.items()}) == expected


def test_threads_and_order_of_columns_do_not_matter(events: dict[str, Any], expected: str) -> None:
    assert hash_of(dict(reversed(events.items())), threads=1) == expected
    assert hash_of(events, threads=2) == expected


def test_pandas(events: dict[str, Any], expected: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(events)
    assert hash_of(frame) == expected
    assert hash_of({name: frame[name] for name in frame}) == expected
    assert hash_of(frame.convert_dtypes()) == expected
    assert hash_of(frame.astype({"user_id": "category", "item_id": "category", "kind": "category"})) == expected
    assert hash_of(frame.astype({"user_id": object})) == expected
    for unit in ("ms", "us", "ns"):
        times = frame.timestamp.to_numpy().astype("datetime64[ms]").astype(f"datetime64[{unit}]")
        assert hash_of(frame.assign(timestamp=times)) == expected
        zoned = pandas.Series(times).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
        assert hash_of(frame.assign(timestamp=zoned)) == expected
    assert hash_of(frame.sample(frac=1, random_state=1).assign(note="other columns are ignored")) == expected
    names = {"user_id": "who", "item_id": "what"}
    renamed = frame.rename(columns=names)
    assert hash_of(renamed, columns=names) == expected


def test_polars(events: dict[str, Any], expected: str) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(events)
    assert hash_of(frame) == expected
    assert hash_of({name: frame[name] for name in frame.columns}) == expected
    coded = frame.with_columns(polars.col("user_id").cast(polars.Categorical))
    assert hash_of(coded) == expected
    for unit in ("ms", "us", "ns"):
        moment = polars.col("timestamp").cast(polars.Datetime("ms")).cast(polars.Datetime(unit))
        assert hash_of(frame.with_columns(moment)) == expected
        assert hash_of(frame.with_columns(moment.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"))) == expected


def test_arrow(events: dict[str, Any], expected: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(events)
    assert hash_of(table) == expected
    assert hash_of({name: table[name] for name in table.column_names}) == expected
    assert hash_of(table.to_batches()[0]) == expected
    assert hash_of(pyarrow.concat_tables([table.slice(0, 300), table.slice(300)])) == expected
    assert hash_of(pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=100))) == expected
    coded = table.set_column(0, "user_id", table["user_id"].dictionary_encode())
    assert hash_of(coded) == expected
    for kind in (pyarrow.large_string(), pyarrow.string_view()):
        assert hash_of(table.set_column(1, "item_id", table["item_id"].cast(kind))) == expected
    moments = table["timestamp"].cast(pyarrow.timestamp("ms")).cast(pyarrow.timestamp("ns", tz="Asia/Tokyo"))
    assert hash_of(table.set_column(4, "timestamp", moments)) == expected


def test_any_capsule_of_a_stream_is_enough(events: dict[str, Any], expected: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")

    class Stream:
        def __init__(self) -> None:
            self.table = pyarrow.table(events)

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return self.table.__arrow_c_stream__(requested_schema)

    assert hash_of(Stream()) == expected


def test_times_in_lists_and_arrays(events: dict[str, Any], expected: str) -> None:
    moments = [dt.datetime.fromtimestamp(t / 1000, dt.timezone.utc) for t in events["timestamp"]]
    exact = [moment.replace(microsecond=t % 1000 * 1000) for moment, t in zip(moments, events["timestamp"])]
    assert hash_of({**events, "timestamp": exact}) == expected
    assert hash_of({**events, "timestamp": np.array(exact, dtype=object)}) == expected
    for unit in ("ms", "us", "ns"):
        times = np.array(events["timestamp"], dtype="datetime64[ms]").astype(f"datetime64[{unit}]")
        assert hash_of({**events, "timestamp": times}) == expected


def test_columns_that_nobody_asked_for_may_be_of_any_type(events: dict[str, Any], expected: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(events).append_column("span", pyarrow.array([1] * 900, type=pyarrow.duration("s")))
    assert hash_of(table) == expected
    with pytest.raises(tm.InvalidArgumentError, match="weight.*Duration"):
        hash_of(table.drop(["weight"]).rename_columns({"span": "weight"}))
    with pytest.raises(tm.InvalidArgumentError, match="more than once"):
        hash_of(table.drop(["span"]).append_column("kind", table["kind"]))


def test_no_events_at_all() -> None:
    for empty in ([], np.array([]), np.array([], dtype=np.int64)):
        model = tm.train({"user_id": [], "item_id": empty}, {"a": {"n": 1}}, progress=False)
        assert tm.Engine(model).recommend("x").item_ids == ["a"]


def test_units_of_integer_timestamps(events: dict[str, Any]) -> None:
    seconds = [t // 1000 for t in events["timestamp"]]
    expected = hash_of({**events, "timestamp": [t * 1000 for t in seconds]})
    for unit, factor in (("s", 1), ("ms", 1_000), ("us", 1_000_000), ("ns", 1_000_000_000)):
        assert hash_of({**events, "timestamp": [t * factor for t in seconds]}, timestamp_unit=unit) == expected
    with pytest.raises(tm.InvalidArgumentError, match="timestamp_unit"):
        hash_of(events, timestamp_unit="minutes")


def test_python_times_convert_exactly() -> None:
    millis = [-1, 0, 1, 1_700_000_000_123, -62_135_596_800_000, 253_402_300_799_999]
    epoch = dt.datetime(1970, 1, 1)
    naive = [epoch + dt.timedelta(milliseconds=m) for m in millis]
    aware = [moment.replace(tzinfo=dt.timezone.utc) for moment in naive]
    shifted = [moment.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))) for moment in aware[:4]]
    for column, expected in ((naive, millis), (aware, millis), (shifted, millis[:4])):
        profile = tm.Profile()
        for n, moment in enumerate(column):
            profile.record(f"item-{n}", timestamp=moment)
        assert sorted(event.timestamp for event in profile.events) == sorted(expected)
    profile = tm.Profile()
    profile.record("a", timestamp=epoch - dt.timedelta(microseconds=1))
    profile.record("b", timestamp=dt.date(1970, 1, 2))
    profile.record("c", timestamp=np.datetime64("1969-12-31T23:59:59.999999999"))
    profile.record("d", timestamp=np.int64(5))
    assert {event.item_id: event.timestamp for event in profile.events} == {"a": -1, "b": 86_400_000, "c": -1, "d": 5}


class TestIntegerIds:
    EVENTS = {"user_id": [7, 7, 8, 8, -9], "item_id": [100, 200, 100, 200, 100]}

    def test_every_width_gives_the_same_model_and_the_same_type_back(self) -> None:
        expected = hash_of(self.EVENTS)
        for kind in (np.int8, np.int16, np.int32, np.int64):
            users = np.array(self.EVENTS["user_id"], dtype=kind)
            assert hash_of({**self.EVENTS, "user_id": users}) == expected
        assert hash_of({**self.EVENTS, "item_id": np.array(self.EVENTS["item_id"], dtype=np.uint8)}) == expected
        assert hash_of({**self.EVENTS, "item_id": np.array(self.EVENTS["item_id"], dtype=np.uint64)}) == expected

    def test_results_are_integers(self) -> None:
        model = tm.train(self.EVENTS, {100: {"title": "x"}, 200: {}}, progress=False)
        assert model.manifest["item_id_type"] == model.manifest["user_id_type"] == "integer"
        result = model.recommend(k=1)
        assert result.item_id.dtype == result.user_id.dtype == np.int64
        assert dict(zip(result.user_id.tolist(), result.item_id.tolist()))[-9] == 200
        assert model.recommend([12345]).user_id.tolist() == [12345, 12345]
        assert model.attributes(100) == model.attributes("100") == {"title": "x"}
        assert model.neighbors(100)[0].item_id == 200
        engine = tm.Engine(model)
        answer = engine.recommend(-9, history=[555, 100], explain=True)
        assert answer.items[0].item_id == 200
        assert answer.items[0].reasons[0].item_id == 100
        assert answer.ignored == [555]
        assert engine.recommend("-9").item_ids == engine.recommend(np.int64(-9)).item_ids == [200]

    def test_texts_that_look_like_integers_stay_texts(self) -> None:
        model = tm.train({"user_id": ["1", "1", "2"], "item_id": ["007", "8", "007"]}, progress=False)
        assert model.recommend(["2"], k=1).item_id.tolist() == ["8"]
        assert model.manifest["item_id_type"] == "string"

    def test_integers_with_missing_values_are_refused_by_row(self) -> None:
        pandas = pytest.importorskip("pandas")
        users = pandas.Series([1, None, 3, 4, 5], dtype="Int64")
        with pytest.raises(tm.InvalidIdError, match="row 1"):
            hash_of({**self.EVENTS, "user_id": users})
        with pytest.raises(tm.InvalidIdError, match="NaN"):
            hash_of({**self.EVENTS, "user_id": users.astype("float64")})


MISSING = [
    ("user_id", None, tm.InvalidIdError),
    ("item_id", None, tm.InvalidIdError),
    ("kind", None, tm.UnknownKindError),
    ("weight", None, tm.InvalidWeightError),
    ("weight", float("nan"), tm.InvalidWeightError),
    ("timestamp", None, tm.InvalidTimestampError),
]


@pytest.mark.parametrize(("name", "value", "error"), MISSING)
@pytest.mark.parametrize("form", ["lists", "pandas", "polars", "arrow"])
def test_a_missing_value_is_refused_by_row(
    events: dict[str, Any], name: str, value: Any, error: type[tm.TastemakerError], form: str
) -> None:
    damaged: Any = {column: list(values) for column, values in events.items()}
    damaged[name][17] = value
    if form == "pandas":
        damaged = pytest.importorskip("pandas").DataFrame(damaged)
    elif form == "polars":
        damaged = pytest.importorskip("polars").DataFrame(damaged)
    elif form == "arrow":
        damaged = pytest.importorskip("pyarrow").table(damaged)
    with pytest.raises(error, match="row 17"):
        hash_of(damaged)
    assert tm.train(damaged, options={**OPTIONS, "skip_invalid": True}, progress=False).item_count > 0


def test_users_in_every_form(model: tm.Model) -> None:
    users = ["user-03", "stranger", "user-01"]
    expected = list(model.recommend(users, k=3))
    assert [row.user_id for row in expected] == [user for user in users for _ in range(3)]
    forms = [tuple(users), np.array(users), np.array(users, dtype=object), iter(users)]
    for package, make in (("pandas", "Series"), ("polars", "Series"), ("pyarrow", "array")):
        try:
            forms.append(getattr(__import__(package), make)(users))
        except ImportError:
            continue
    for form in forms:
        assert list(model.recommend(form, k=3)) == expected
    assert list(model.recommend("user-03", k=3)) == expected[:3]


@pytest.mark.parametrize(
    ("events", "error", "text"),
    [
        ({"user_id": ["a"]}, tm.InvalidArgumentError, "item_id"),
        ({"user_id": ["a"], "item_id": ["b"], "wieght": [1]}, tm.InvalidArgumentError, "wieght"),
        ({"user_id": ["a", "b"], "item_id": ["b"]}, tm.LengthMismatchError, "item_id"),
        ({"user_id": ["a", 1], "item_id": ["b", "c"]}, tm.InvalidIdError, "row 1"),
        ({"user_id": [2**63], "item_id": ["b"]}, tm.InvalidIdError, "64 bits"),
        ({"user_id": np.array([2**63], dtype=np.uint64), "item_id": ["b"]}, tm.InvalidIdError, "64 bits"),
        ({"user_id": [1.5], "item_id": ["b"]}, tm.InvalidIdError, "floats"),
        ({"user_id": [True], "item_id": ["b"]}, tm.InvalidIdError, "boolean"),
        ({"user_id": "abc", "item_id": ["b"]}, tm.InvalidArgumentError, "str"),
        ({"user_id": ["\ud800"], "item_id": ["b"]}, tm.InvalidArgumentError, "surrogate"),
        ({"user_id": np.array([["a"]]), "item_id": ["b"]}, tm.InvalidArgumentError, "dimensions"),
        ({"user_id": ["a"], "item_id": ["b"], "weight": ["heavy"]}, tm.InvalidWeightError, "text"),
        ({"user_id": ["a"], "item_id": ["b"], "timestamp": ["today"]}, tm.InvalidTimestampError, "text"),
        ({"user_id": ["a"], "item_id": ["b"], "timestamp": [1.5]}, tm.InvalidTimestampError, "row 0"),
        ([("a", "b")], tm.InvalidArgumentError, "list"),
        (None, tm.InvalidArgumentError, "NoneType"),
    ],
)
def test_unusable_tables(events: Any, error: type[tm.TastemakerError], text: str) -> None:
    with pytest.raises(error, match=text):
        hash_of(events)
