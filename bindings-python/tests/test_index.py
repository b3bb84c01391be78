"""Vector indexes: what goes in, what comes out, and what else runs meanwhile."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tastemaker as tm
from tastemaker._vectors import matrix

IDS = ["barn", "mill", "loft", "pier", "hall"]
ROWS = np.array([[1, 0.5, 0.25], [0.75, 0.5, 0.25], [0, 1, -1], [-2, 0.125, 4], [0.5, 0.5, 0.5]], np.float32)


def build(rows: Any = ROWS, ids: Any = IDS, **options: Any) -> tm.VectorIndex:
    return tm.VectorIndex.build(ids, rows, progress=False, **options)


def random_rows(count: int, dimension: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def test_every_source_gives_the_same_bytes() -> None:
    pyarrow, polars, pandas = (pytest.importorskip(name) for name in ("pyarrow", "polars", "pandas"))
    lists = ROWS.tolist()
    wide = np.zeros((10, 6), np.float32)
    wide[::2, ::2] = ROWS
    arrow = pyarrow.array(lists, pyarrow.list_(pyarrow.float32()))
    fixed = pyarrow.array(lists, pyarrow.list_(pyarrow.float32(), 3))
    sources = {
        "64 bits": ROWS.astype(np.float64),
        "16 bits": ROWS.astype(np.float16),
        "big-endian": ROWS.astype(">f4"),
        "Fortran": np.asfortranarray(ROWS),
        "strides": wide[::2, ::2],
        "read-only": np.frombuffer(ROWS.tobytes(), np.float32).reshape(5, 3),
        "masked": np.ma.MaskedArray(ROWS),
        "lists": lists,
        "tuples": tuple(map(tuple, lists)),
        "arrays": list(ROWS),
        "Arrow list": arrow,
        "Arrow large list": arrow.cast(pyarrow.large_list(pyarrow.float64())),
        "Arrow fixed-size list": fixed,
        "Arrow fixed-size list of halves": pyarrow.FixedSizeListArray.from_arrays(ROWS.astype(np.float16).ravel(), 3),
        "Arrow chunks": pyarrow.chunked_array([fixed[:2], fixed[2:]]),
        "Arrow slices": pyarrow.concat_arrays([fixed, fixed])[3:8],
        "Arrow list slices": pyarrow.concat_arrays([arrow, arrow])[3:8],
        "Arrow table": pyarrow.table({"embedding": fixed}),
        "polars list": polars.Series("embedding", lists),
        "polars array": polars.Series("embedding", lists, dtype=polars.Array(polars.Float32, 3)),
        "pandas objects": pandas.Series(list(ROWS)),
        "pandas Arrow": pandas.Series(fixed, dtype=pandas.ArrowDtype(fixed.type)),
        "pandas frame": pandas.DataFrame(ROWS),
    }
    expected = build().hash
    for name, source in sources.items():
        ids = IDS[3:] + IDS[:3] if "slices" in name else IDS
        assert build(source, ids).hash == expected, name
    assert build(ids=np.array(IDS)).hash == expected
    assert build(ids=polars.Series(IDS)).hash == expected
    assert build(ids=pandas.Series(IDS, dtype="category")).hash == expected


def test_a_matrix_that_fits_is_not_copied() -> None:
    assert matrix("vectors", ROWS) is ROWS or np.shares_memory(matrix("vectors", ROWS), ROWS)
    halves = ROWS.astype(np.float16)
    assert np.shares_memory(matrix("vectors", halves), halves)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([[1.0, 2.0], [1.0]] + [[1.0, 2.0]] * 3, tm.InvalidVectorError),
        (ROWS[0], tm.InvalidArgumentError),
        (ROWS[None], tm.InvalidArgumentError),
        (np.float32(1), tm.InvalidArgumentError),
        (None, tm.InvalidArgumentError),
        ("abc", tm.InvalidArgumentError),
        (["abc"] * 5, tm.InvalidVectorError),
        ([["a", "b"]] * 5, tm.InvalidVectorError),
        ([[None, 1.0]] * 5, tm.InvalidVectorError),
        (ROWS.astype(complex), tm.InvalidVectorError),
        (ROWS.astype(object), tm.InvalidVectorError),
        (np.full((5, 3), np.nan), tm.InvalidVectorError),
        (np.full((5, 3), 1e300), tm.InvalidVectorError),
        (np.full((5, 3), 1e200).astype(">f8"), tm.InvalidVectorError),
        (np.zeros((5, 3)), tm.InvalidVectorError),
        (np.zeros((5, 0)), tm.InvalidArgumentError),
        (ROWS[:4], tm.LengthMismatchError),
        (np.empty((0, 3)), tm.LengthMismatchError),
        ([], tm.LengthMismatchError),
        ([1.0] * 5, tm.InvalidVectorError),
    ],
)
def test_what_is_no_matrix_is_refused(rows: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        build(rows)


def test_arrow_columns_that_are_no_vectors_are_refused() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    floats = pyarrow.list_(pyarrow.float32())
    for column, words in [
        (pyarrow.array([[1.0, 2.0], [1.0]], floats), "row 1 has 1 values"),
        (pyarrow.array([[1.0, 2.0], None], floats), "row 1 is null"),
        (pyarrow.array([[1.0, 2.0], [None, 1.0]], floats), "value 0 of row 1 is null"),
        (pyarrow.array([[1.0, 2.0], [1.0, None]], pyarrow.list_(pyarrow.float32(), 2)), "value 1 of row 1 is null"),
        (pyarrow.array(["a", "b"]), "holds no vectors"),
        (pyarrow.array([["a"], ["b"]]), "lists of numbers"),
    ]:
        with pytest.raises(tm.InvalidVectorError, match=words):
            build(column, ["a", "b"])
    with pytest.raises(tm.InvalidArgumentError, match="2 Arrow columns"):
        build(pyarrow.table({"a": [[1.0]], "b": [[1.0]]}), ["a"])


def test_ids_come_back_in_their_type() -> None:
    index = build(ids=[7, 70, -1, 3, 12], metric="l2")
    assert index.item_ids.dtype == np.int64
    assert index.item_ids.tolist() == [-1, 12, 3, 7, 70]
    found = index.search(ROWS[0], k=2)
    assert found.item_id.tolist() == [7, 70] and found.item_id.dtype == np.int64
    assert 7 in index and "7" in index and 8 not in index
    assert index.search(item_id=np.int64(7), k=1).item_id.tolist() == [70]
    assert tm.VectorIndex.from_bytes(index.to_bytes()).search(ROWS[0], k=1).item_id.tolist() == [7]
    assert index.items_of([7, 12]).item_ids.tolist() == [12, 7]
    assert index.update(remove=[7, 8]).unknown == ["8"]


def test_results_are_tables() -> None:
    index = build(metric="l2")
    found = index.search(ROWS[0], k=3)
    assert found.score.dtype == np.float32 and found.rank.tolist() == [1, 2, 3]
    assert list(found)[0] == ("barn", 0.0, 1, 0)
    assert len(found) == 3 and "barn" in repr(found)
    batch = index.search_batch(ROWS, k=2)
    graph = index.knn_graph(2)
    assert batch.query.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert batch.of(1).item_id.tolist() == index.search(ROWS[1], k=2).item_id.tolist()
    assert graph.item_id[:2].tolist() == ["barn", "barn"] and graph.rank.tolist() == [1, 2] * 5
    with pytest.raises(tm.InvalidArgumentError):
        batch.of(5)
    names = ["item_id", "score", "rank", "vector"]
    for table, columns in [(found, names), (batch, ["query", *names]), (graph, ["item_id", "neighbor_id", "score", "rank"])]:
        assert list(table.to_dict()) == columns
        for package, method in (("pandas", "to_pandas"), ("polars", "to_polars"), ("pyarrow", "to_arrow")):
            pytest.importorskip(package)
            frame = getattr(table, method)()
            names_of = frame.column_names if package == "pyarrow" else list(frame.columns)
            assert names_of == columns and len(frame) == len(table)
    assert pickle.loads(pickle.dumps(batch)).item_id.tolist() == batch.item_id.tolist()


def test_a_model_holds_an_index(tmp_path: Path) -> None:
    model = tm.train({"user_id": [1, 1, 2], "item_id": [10, 11, 10]}, progress=False)
    index = build(ROWS, np.array([10, 11, 12, 13, 14]))
    assert model.index is None
    both = model.with_index(index)
    both.save(tmp_path / "both.tm")
    opened = tm.Model.open(tmp_path / "both.tm")
    found = opened.index
    assert found is not None and found is opened.index
    assert found.hash == index.hash and found.to_bytes() == index.to_bytes()
    for other in (pickle.loads(pickle.dumps(opened)), copy.deepcopy(opened)):
        assert other.index.hash == index.hash
    # It stays when the model goes.
    del opened, both
    gc.collect()
    assert found.search(item_id=10, k=1).item_id.tolist() == [11]
    found.save(tmp_path / "index.tmv")
    assert (tmp_path / "index.tmv").read_bytes() == index.to_bytes()
    for verify in (True, False):
        alone = tm.VectorIndex.open(tmp_path / "both.tm", verify=verify)
        alone.verify()
        assert alone.hash == index.hash
    both = tm.Model.open(tmp_path / "both.tm")
    assert both.without_index().to_bytes() == model.to_bytes()
    assert both.export_edge().index is None
    with pytest.raises((TypeError, AttributeError)):
        model.with_index(model)  # type: ignore[arg-type]


def test_a_search_is_a_batch_of_one() -> None:
    index = build(random_rows(3000, 24), np.arange(3000))
    queries = random_rows(64, 24, 1)
    batch = index.search_batch(queries, k=7, threads=3)
    for row, query in enumerate(queries):
        found, listed = index.search(query, k=7), batch.of(row)
        assert found.item_id.tolist() == listed.item_id.tolist()
        assert found.score.tobytes() == listed.score.tobytes()
    exact = queries @ random_rows(3000, 24).T / np.linalg.norm(random_rows(3000, 24), axis=1)
    assert batch.item_id.reshape(64, 7).tolist() == np.argsort(-exact, axis=1)[:, :7].tolist()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, tm.InvalidArgumentError),
        ({"vector": ROWS[0], "item_id": "barn"}, tm.InvalidArgumentError),
        ({"vector": ROWS}, tm.InvalidArgumentError),
        ({"vector": "barn"}, tm.InvalidArgumentError),
        ({"vector": [1, 2, None]}, tm.InvalidVectorError),
        ({"vector": [1, 2]}, tm.InvalidVectorError),
        ({"vector": 1.0}, tm.InvalidArgumentError),
        ({"vector": [1, 2, 1e300]}, tm.InvalidVectorError),
        ({"item_id": True}, tm.InvalidIdError),
        ({"item_id": 1.5}, tm.InvalidIdError),
        ({"item_id": ["barn"]}, tm.InvalidIdError),
        ({"item_id": "nobody"}, tm.UnknownItemError),
        ({"item_id": "\ud800"}, tm.TastemakerError),
        ({"positive": "barn"}, tm.InvalidArgumentError),
        ({"positive": [None]}, tm.InvalidArgumentError),
        ({"negative": ["barn"]}, tm.InvalidArgumentError),
        ({"context": [["barn", "mill", "loft"]]}, tm.InvalidArgumentError),
        ({"context": ["barn"]}, tm.InvalidArgumentError),
        ({"item_id": "barn", "k": None}, None),
        ({"item_id": "barn", "k": True}, tm.InvalidArgumentError),
        ({"item_id": "barn", "k": 2**70}, tm.InvalidArgumentError),
        ({"item_id": "barn", "allow": "barn"}, tm.InvalidArgumentError),
        ({"item_id": "barn", "allow": [None]}, tm.InvalidIdError),
        ({"item_id": "barn", "items": ["mill"]}, tm.InvalidArgumentError),
        ({"item_id": "barn", "min_score": float("nan")}, tm.InvalidArgumentError),
        ({"item_id": "barn", "filter": {"a": 1}}, tm.InvalidConditionError),
    ],
)
def test_odd_questions_are_refused(arguments: dict[str, Any], error: type[Exception] | None) -> None:
    index = build()
    if error is None:
        assert len(index.search(**arguments)) == 4
        return
    with pytest.raises(error):
        index.search(**arguments)


def test_sets_of_items() -> None:
    catalog = {item: {"price": float(n)} for n, item in enumerate(IDS)}
    index = build(catalog=catalog)
    cheap, some = index.matching({"price": {"$lt": 2}}), index.items_of(["mill", "loft", "nobody"])
    assert len(cheap) == 2 and cheap.item_ids.tolist() == ["barn", "mill"]
    assert (cheap & some).item_ids.tolist() == ["mill"]
    assert (cheap | some).item_ids.tolist() == ["barn", "loft", "mill"]
    assert (~cheap).item_ids.tolist() == ["hall", "loft", "pier"]
    assert index.masked(cheap.to_mask()).item_ids.tolist() == ["barn", "mill"]
    assert index.search(ROWS[0], items=cheap & some).item_id.tolist() == ["mill"]
    assert index.search_batch(ROWS, items=some, k=5).offsets.tolist() == [0, 2, 4, 6, 8, 10]
    smaller = index.update(remove=["hall"]).index
    with pytest.raises(tm.LengthMismatchError):
        smaller.search(ROWS[0], items=cheap)
    with pytest.raises(tm.LengthMismatchError):
        cheap & smaller.items_of(["mill"])
    for mask in ([True] * 4, [1] * 5, [[True] * 5]):
        with pytest.raises((tm.LengthMismatchError, tm.InvalidArgumentError)):
            index.masked(mask)
    with pytest.raises(tm.InvalidArgumentError):
        index.matching({"price": 1}, index)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        tm.ItemSet()


def test_an_index_travels(tmp_path: Path) -> None:
    index = build(catalog={"barn": {"price": 1}})
    path = tmp_path / "items.tmv"
    index.save(path)
    for opened in (
        tm.VectorIndex.open(path),
        tm.VectorIndex.open(str(path), verify=False),
        tm.VectorIndex.open(path.read_bytes()),
        tm.VectorIndex.from_bytes(memoryview(path.read_bytes())),
        pickle.loads(pickle.dumps(index)),
        copy.deepcopy(index),
    ):
        assert opened.hash == index.hash and opened.attributes("barn") == {"price": 1}
        opened.verify()
    damaged = bytearray(path.read_bytes())
    damaged[-100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(tm.CorruptSnapshotError):
        tm.VectorIndex.open(path)
    with pytest.raises(tm.CorruptSnapshotError):
        tm.VectorIndex.open(path, verify=False).verify()
    with pytest.raises(tm.IoError):
        tm.VectorIndex.open(tmp_path / "nothing.tmv")
    with pytest.raises(tm.IoError):
        index.save(tmp_path / "nowhere" / "items.tmv")
    with pytest.raises(tm.TastemakerError):
        tm.Model.from_bytes(index.to_bytes())
    with pytest.raises(TypeError):
        tm.VectorIndex()


def test_changes() -> None:
    index = build()
    changed = index.update(["barn", "wharf"], ROWS[:2], remove=("loft", "nobody"))
    assert (changed.inserted, changed.replaced, changed.removed, changed.unknown) == (1, 1, 1, ["nobody"])
    assert len(index) == 5 and "loft" in index and "loft" not in changed.index
    assert index.update().index.hash == index.hash
    for arguments in ({"ids": ["a"]}, {"vectors": ROWS}):
        with pytest.raises(tm.InvalidArgumentError, match="go together"):
            index.update(**arguments)
    with pytest.raises(tm.InvalidVectorError):
        index.update(["a"], [[1.0]])
    with pytest.raises(tm.InvalidArgumentError):
        index.update(remove="barn")


def test_several_vectors_and_clusters() -> None:
    index = build(ROWS, ["a", "b", "a", "b", "c"], metric="l2")
    assert (len(index), index.vector_count) == (3, 5)
    assert index.vectors("a").tolist() == ROWS[[0, 2]].tolist()  # type: ignore[union-attr]
    assert index.vectors("z") is None
    assert list(index.search(ROWS[2], k=1)) == [("a", 0.0, 1, 1)]
    clusters = index.cluster(2)
    assert clusters.centroids.shape == (2, 3) and len(clusters.cluster) == 3 and len(clusters.assignment) == 5
    assert clusters.cluster.tolist() == clusters.assignment[[0, 2, 4]].tolist()
    assert np.allclose(np.linalg.norm(clusters.centroids, axis=1), 1)


def test_threads_find_the_same_while_the_index_changes() -> None:
    rows = random_rows(4000, 16)
    index = build(rows, np.arange(4000))
    queries = random_rows(50, 16, 2)
    expected = [index.search(query).item_id.tolist() for query in queries]

    def ask(_: int) -> bool:
        return [index.search(query).item_id.tolist() for query in queries] == expected

    def change(n: int) -> bool:
        return len(index.update(remove=[n]).index) == 3999

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(change if n % 4 == 0 else ask, n) for n in range(32)]
        assert all(task.result() for task in work)


def test_other_threads_run_during_a_search() -> None:
    index = build(random_rows(60_000, 64), np.arange(60_000), kind="exact", threads=2)
    queries = random_rows(400, 64, 3)
    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    index.search_batch(queries, exact=True, threads=1)
    ended = time.monotonic()
    done.set()
    thread.join()
    inside = sum(began < moment < ended for moment in ticks)
    assert inside > 20 * (ended - began), (inside, ended - began)


def test_progress_and_cancelling() -> None:
    rows = random_rows(30_000, 64)
    stages = []
    build(rows, np.arange(30_000), threads=1)
    tm.VectorIndex.build(np.arange(30_000), rows, progress=lambda stage, done, total: stages.append((done, total)))
    assert stages and all(0 <= done <= total for done, total in stages)
    index = build(rows, np.arange(30_000), kind="exact")
    with pytest.raises(tm.CancelledError):
        index.cluster(2000, iterations=10_000, progress=lambda *_: False)
    with pytest.raises(LookupError):
        index.cluster(2000, iterations=10_000, progress=lambda *_: {}["x"])


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_an_interrupt_stops_long_work_promptly() -> None:
    program = textwrap.dedent("""
        import numpy as np, time, tastemaker as tm
        rows = np.random.default_rng(0).standard_normal((30_000, 64))
        index = tm.VectorIndex.build(np.arange(30_000), rows, kind="exact", progress=False)
        print("clustering", flush=True)
        try:
            index.cluster(3000, iterations=10_000)
        except KeyboardInterrupt:
            print("interrupted", time.time(), flush=True)
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "clustering\n"
        time.sleep(0.5)
        sent = time.time()
        os.kill(child.pid, signal.SIGINT)
        word, moment = child.stdout.readline().split()
        assert word == "interrupted" and float(moment) - sent < 5


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_searches_do_not_keep_memory() -> None:
    index = build(random_rows(2000, 32), np.arange(2000), catalog={str(n): {"price": n} for n in range(2000)})
    queries = random_rows(100, 32, 4)

    def loop(count: int) -> None:
        for n in range(count):
            index.search(queries[n % 100], filter={"price": {"$lt": 1500}}, trace=True)
            if n % 50 == 0:
                index.search(positive=[n % 2000, queries[0]], negative=[queries[1]])
                index.search_batch(queries[:20])
                index.update(remove=[n % 2000])

    def resident() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    loop(2000)
    before = resident()
    loop(10_000)
    assert resident() - before < 6_000_000


def test_files_of_others(tmp_path: Path) -> None:
    fvecs = b"".join(np.int32(3).tobytes() + row.tobytes() for row in ROWS)
    header = b'{"a": {"dtype": "F32", "shape": [5, 3], "data_offsets": [0, 60]}, "b": {"dtype": "F16", "shape": [5, 3], "data_offsets": [60, 90]}}'
    header += b" " * (-len(header) % 8)
    tensors = len(header).to_bytes(8, "little") + header + ROWS.tobytes() + ROWS.astype(np.float16).tobytes()
    path = tmp_path / "items.fvecs"
    path.write_bytes(fvecs)
    for read in (
        tm.read_fvecs(fvecs),
        tm.read_fvecs(path),
        tm.read_safetensors(tensors, "a"),
        tm.read_safetensors(memoryview(tensors), "b"),
    ):
        assert read.dtype == np.float32 and read.tolist() == ROWS.tolist()
        assert build(read).hash == build().hash
    with pytest.raises(tm.InvalidVectorError):
        tm.read_fvecs(fvecs[:-1])
    with pytest.raises(tm.InvalidVectorError):
        tm.read_safetensors(fvecs)
    with pytest.raises(tm.InvalidArgumentError):
        tm.read_safetensors(tensors)
    with pytest.raises(FileNotFoundError):
        tm.read_fvecs(tmp_path / "nothing")
