"""Vector indexes: nearest neighbours by embedding."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union

import numpy as np

from tastemaker._catalog import Catalog
from tastemaker._columns import column, id_array, object_array
from tastemaker._model import Model
from tastemaker._native import ItemSet as NativeItemSet
from tastemaker._native import VectorIndex as NativeVectorIndex
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker._recommendations import _needed
from tastemaker._typing import Buffer, Condition, Id, Ids, Path
from tastemaker._vectors import MatrixLike, VectorLike, matrix, vector as vector_of
from tastemaker.errors import InvalidArgumentError, InvalidIdError

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import polars as _polars  # type: ignore[import-not-found, unused-ignore]
    import pyarrow as _pyarrow  # type: ignore[import-untyped, import-not-found, unused-ignore]

Example: TypeAlias = Union[Id, VectorLike]
"""The id of an item of the index, or a vector."""

_SHOWN_ROWS = 10


class _Table:
    """Columns of equal length."""

    _names: tuple[str, ...]
    _row: Callable[[Iterable[Any]], Any]
    score: np.ndarray[Any, np.dtype[np.float32]]

    def to_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """The columns by name."""
        return {name: getattr(self, name) for name in self._names}

    def to_pandas(self) -> _pandas.DataFrame:
        """A pandas data frame. Needs pandas."""
        return _needed("pandas").DataFrame(self.to_dict())

    def to_polars(self) -> _polars.DataFrame:
        """A polars data frame. Needs polars."""
        module = _needed("polars")
        columns = {
            name: module.Series(name, values.tolist(), dtype=module.String) if values.dtype == object else values
            for name, values in self.to_dict().items()
        }
        frame: _polars.DataFrame = module.DataFrame(columns)
        return frame

    def to_arrow(self) -> _pyarrow.Table:
        """An Arrow table. Needs pyarrow."""
        return _needed("pyarrow").table(self.to_dict())

    def __len__(self) -> int:
        return len(self.score)

    def _rows(self, count: int | None = None) -> Iterator[Any]:
        columns = (getattr(self, name)[:count].tolist() for name in self._names)
        return map(type(self)._row, zip(*columns))

    def __repr__(self) -> str:
        rows = len(self)
        lines = [f"{type(self).__name__}({rows} row{'s'[: rows != 1]})"]
        for row in self._rows(_SHOWN_ROWS):
            lines.append("  " + "  ".join(f"{v:.4g}" if isinstance(v, float) else repr(v) for v in row))
        if rows > _SHOWN_ROWS:
            lines.append("  …")
        return "\n".join(lines)


class FoundItem(NamedTuple):
    """One item that a search found."""

    item_id: Any
    score: float
    rank: int
    vector: int


class Neighbors(_Table):
    """What a search found, the nearest first: columns as NumPy arrays."""

    _names = FoundItem._fields
    _row = FoundItem._make

    def __init__(
        self,
        item_id: np.ndarray[Any, Any],
        score: np.ndarray[Any, np.dtype[np.float32]],
        vector: np.ndarray[Any, np.dtype[np.uint32]],
        trace: dict[str, Any] | None,
    ) -> None:
        self.item_id, self.score, self.vector, self.trace = item_id, score, vector, trace
        self.rank: np.ndarray[Any, np.dtype[np.uint32]] = np.arange(1, len(score) + 1, dtype=np.uint32)

    item_id: np.ndarray[Any, Any]
    """The items: integers or texts, as the index was built."""

    score: np.ndarray[Any, np.dtype[np.float32]]
    """The scores; larger is nearer, in every metric."""

    rank: np.ndarray[Any, np.dtype[np.uint32]]
    """The ranks, from 1."""

    vector: np.ndarray[Any, np.dtype[np.uint32]]
    """Which of the item's vectors was nearest, from 0; 0 where items have one."""

    trace: dict[str, Any] | None
    """How the search went, where that was asked for: the ``plan`` (``"exact"``, ``"hnsw"``, …),
    the vectors that match, and how many were looked at."""

    def __iter__(self) -> Iterator[FoundItem]:
        return self._rows()


class BatchRow(NamedTuple):
    """One item that one search of a batch found."""

    query: int
    item_id: Any
    score: float
    rank: int
    vector: int


class BatchNeighbors(_Table):
    """What many searches found: a row for each query and item, by query and by rank."""

    _names = BatchRow._fields
    _row = BatchRow._make

    def __init__(
        self,
        item_id: np.ndarray[Any, Any],
        offsets: np.ndarray[Any, np.dtype[np.uint64]],
        score: np.ndarray[Any, np.dtype[np.float32]],
        vector: np.ndarray[Any, np.dtype[np.uint32]],
    ) -> None:
        self.item_id, self.offsets, self.score, self.vector = item_id, offsets, score, vector

    item_id: np.ndarray[Any, Any]
    """The items."""

    offsets: np.ndarray[Any, np.dtype[np.uint64]]
    """Where each query's rows begin, and the number of rows."""

    score: np.ndarray[Any, np.dtype[np.float32]]
    """The scores; larger is nearer."""

    vector: np.ndarray[Any, np.dtype[np.uint32]]
    """Which of the item's vectors was nearest, from 0."""

    @cached_property
    def query(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """The row of the query."""
        return _owners(self.offsets)

    @cached_property
    def rank(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """The ranks, from 1 for each query."""
        return _ranks(self.offsets)

    def of(self, query: int) -> Neighbors:
        """What the search for one row found."""
        rows = slice(*_span(self.offsets, query))
        return Neighbors(self.item_id[rows], self.score[rows], self.vector[rows], None)

    def __iter__(self) -> Iterator[BatchRow]:
        return self._rows()


class GraphRow(NamedTuple):
    """An item and one of its nearest."""

    item_id: Any
    neighbor_id: Any
    score: float
    rank: int


class KnnGraph(_Table):
    """The nearest items of every item: a row for each pair, by item and by rank."""

    _names = GraphRow._fields
    _row = GraphRow._make

    def __init__(
        self,
        ids: np.ndarray[Any, Any],
        offsets: np.ndarray[Any, np.dtype[np.uint64]],
        neighbors: np.ndarray[Any, np.dtype[np.uint32]],
        score: np.ndarray[Any, np.dtype[np.float32]],
    ) -> None:
        self._ids, self.offsets, self.neighbors, self.score = ids, offsets, neighbors, score

    offsets: np.ndarray[Any, np.dtype[np.uint64]]
    """Where each item's neighbours begin, and the number of rows: with ``neighbors`` and ``score``
    a sparse matrix in CSR form, in the order of ``index.item_ids``."""

    neighbors: np.ndarray[Any, np.dtype[np.uint32]]
    """The neighbours as positions in ``index.item_ids``."""

    score: np.ndarray[Any, np.dtype[np.float32]]
    """Their scores."""

    @cached_property
    def item_id(self) -> np.ndarray[Any, Any]:
        """The item of each row."""
        return np.asarray(self._ids[_owners(self.offsets)])

    @cached_property
    def neighbor_id(self) -> np.ndarray[Any, Any]:
        """The neighbour of each row."""
        return np.asarray(self._ids[self.neighbors])

    @cached_property
    def rank(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """The ranks, from 1 for each item."""
        return _ranks(self.offsets)

    def __iter__(self) -> Iterator[GraphRow]:
        return self._rows()


def _owners(offsets: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    counts = np.diff(offsets.astype(np.int64))
    return np.repeat(np.arange(len(counts), dtype=np.uint32), counts)


def _ranks(offsets: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    starts = offsets.astype(np.int64)
    counts = np.diff(starts)
    return (np.arange(1, starts[-1] + 1) - np.repeat(starts[:-1], counts)).astype(np.uint32)


def _span(offsets: np.ndarray[Any, np.dtype[np.uint64]], row: int) -> tuple[int, int]:
    if not 0 <= row < len(offsets) - 1:
        raise InvalidArgumentError(f"there is no query {row}; there are {len(offsets) - 1}")
    return int(offsets[row]), int(offsets[row + 1])


class Clusters(NamedTuple):
    """Clusters of items by the direction of their vectors."""

    item_id: np.ndarray[Any, Any]
    """The items of the index."""
    cluster: np.ndarray[Any, np.dtype[np.uint32]]
    """The cluster of each; of an item with several vectors, that of the first."""
    assignment: np.ndarray[Any, np.dtype[np.uint32]]
    """The cluster of each vector, item by item."""
    sizes: np.ndarray[Any, np.dtype[np.uint32]]
    """How many vectors each cluster has."""
    centroids: np.ndarray[Any, np.dtype[np.float32]]
    """The centre of each, a row of length 1."""
    cohesion: float
    """The mean cosine of a vector and its centre."""
    iterations: int
    """Rounds that were run."""
    converged: bool
    """Whether the last round changed nothing."""


@dataclass(frozen=True)
class Updated:
    """A changed index, and what became of the changes."""

    index: VectorIndex
    """The new index."""
    inserted: int
    """Items that were new."""
    replaced: int
    """Items whose vectors were replaced."""
    removed: int
    """Items that were taken out."""
    unknown: list[str]
    """Ids to remove that the index did not have."""


class ItemSet:
    """Items of an index that searches may find: made once, used by many searches.

    Sets of one index are joined by ``&`` (both), ``|`` (either) and ``~`` (all others).
    """

    def __init__(self) -> None:
        raise TypeError("a set of items comes from VectorIndex.matching, items_of or masked")

    _native: NativeItemSet
    _index: NativeVectorIndex

    @classmethod
    def _wrap(cls, native: NativeItemSet, index: NativeVectorIndex) -> ItemSet:
        items = cls.__new__(cls)
        items._native, items._index = native, index
        return items

    def __len__(self) -> int:
        return self._native.count()

    @property
    def item_ids(self) -> np.ndarray[Any, Any]:
        """The ids, in the order of the index."""
        return object_array(self._index.item_ids(self._native.numbers()))

    def to_mask(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """True for each item of the index that is in the set."""
        mask = np.zeros(len(self._index), dtype=np.bool_)
        mask[self._native.numbers()] = True
        return mask

    def __and__(self, other: ItemSet) -> ItemSet:
        return self._wrap(self._native.both(other._native), self._index)

    def __or__(self, other: ItemSet) -> ItemSet:
        return self._wrap(self._native.either(other._native), self._index)

    def __invert__(self) -> ItemSet:
        return self._wrap(self._native.others(), self._index)

    def __repr__(self) -> str:
        return f"ItemSet({len(self)} of {len(self._index)} items)"


class VectorIndex:
    """Items with vectors, ready to be searched.

    It never changes, and is safe to share between threads: searches let other Python threads run.
    :meth:`update` makes a new one, while searches in the old one go on. It pickles as its bytes.

    >>> import numpy as np, tastemaker as tm
    >>> vectors = np.array([[1.0, 0.1], [0.9, 0.2], [0.0, 1.0]])
    >>> index = tm.VectorIndex.build(["barn", "mill", "loft"], vectors)
    >>> index.search([1.0, 0.0], k=2).item_id
    array(['barn', 'mill'], dtype=object)
    >>> [found.item_id for found in index.search(item_id="barn", k=1)]
    ['mill']
    """

    _native: NativeVectorIndex

    def __init__(self) -> None:
        raise TypeError("an index comes from VectorIndex.build, open or from_bytes")

    @classmethod
    def _wrap(cls, native: NativeVectorIndex) -> VectorIndex:
        index = cls.__new__(cls)
        index._native = native
        return index

    @classmethod
    def build(
        cls,
        ids: Ids,
        vectors: MatrixLike,
        *,
        metric: str | None = None,
        kind: str | None = None,
        storage: str | None = None,
        m: int | None = None,
        ef_construction: int | None = None,
        ef: int | None = None,
        seed: int | None = None,
        memory_mb: int | None = None,
        catalog: Any = None,
        threads: int | None = None,
        progress: Progress = True,
    ) -> VectorIndex:
        """Builds an index of vectors with ids.

        ``vectors`` has a row for each id: a NumPy matrix (in 32-bit floats, or in 16-bit ones, it
        is read without a copy), a tensor, an Arrow or polars column of lists, or a list of lists.
        Rows that share an id are one item with several vectors: the nearest counts.

        ``metric`` is ``"cosine"`` (the default), ``"inner_product"`` or ``"l2"``. ``kind`` is
        ``"auto"``, ``"exact"``, ``"hnsw"`` or ``"binary"`` (one bit a value, then a closer look at
        eight times ``ef``); ``storage`` ``"f32"``, ``"f16"`` or ``"int8"``.
        ``m`` (16), ``ef_construction`` (128) and ``ef`` (64) are those of HNSW: larger ones find
        more of the true neighbours and cost time. ``memory_mb`` is the most that the index may
        take. ``catalog``, a :class:`Catalog` or what :meth:`Catalog.from_items` takes, gives items
        attributes for ``filter``.

        ``progress`` and ``threads`` are as in :func:`train`; the index does not depend on them.
        """
        options: dict[str, Any] = {
            "metric": metric,
            "kind": kind,
            "storage": storage,
            "m": m,
            "ef_construction": ef_construction,
            "ef": ef,
            "seed": seed,
            "memory_mb": memory_mb,
            "threads": thread_count(threads),
        }
        rows, found = matrix("vectors", vectors), column("ids", ids)
        if found.kind == "integer":
            options["item_id_type"] = "integer"
        items = None if catalog is None else Catalog.from_items(catalog)._native
        with reporter(progress, "indexing") as report:
            return cls._wrap(NativeVectorIndex.build(found, rows, items, options, report))

    @classmethod
    def open(cls, path: Path | Buffer, *, verify: bool = True) -> VectorIndex:
        """Opens a file, which is mapped into memory, or bytes as :meth:`from_bytes` does.

        Every byte is verified once. With ``verify=False`` the file is opened at once, whatever its
        size: for files of your own, as damage then gives wrong answers (:meth:`verify` finds it).

        Raises ``IoError``, ``NotASnapshotError``, ``UnsupportedVersionError`` or
        ``CorruptSnapshotError``.
        """
        if isinstance(path, (bytes, bytearray, memoryview)):
            return cls.from_bytes(path)
        return cls._wrap(NativeVectorIndex.open(os.fspath(path), verify))

    @classmethod
    def from_bytes(cls, data: Buffer) -> VectorIndex:
        """Opens an index in memory. Raises as :meth:`open`."""
        return cls._wrap(NativeVectorIndex.from_bytes(bytes(data)))

    def save(self, path: Path) -> None:
        """Writes the index: to a temporary file beside it, which then takes its name."""
        self._native.save(os.fspath(path))

    def to_bytes(self) -> bytes:
        """The index as bytes."""
        return self._native.to_bytes()

    def verify(self) -> None:
        """Verifies every byte of an index that was opened without that."""
        self._native.verify()

    def export_edge(self) -> VectorIndex:
        """The same index with 8-bit vectors: for browsers and edge runtimes."""
        return self._wrap(self._native.export_edge())

    @property
    def hash(self) -> str:
        """32 hexadecimal digits that name the index: equal indexes have equal ones."""
        return self._native.hash()

    @property
    def manifest(self) -> dict[str, Any]:
        """How the index was made: options, counts, attributes."""
        return self._native.manifest()

    @property
    def kind(self) -> str:
        """``"exact"``, ``"hnsw"`` or ``"binary"``."""
        return self._native.kind()

    @property
    def dimension(self) -> int:
        """The values of a vector."""
        return self._native.dimension()

    @property
    def vector_count(self) -> int:
        """The number of vectors; more than there are items where items have several."""
        return self._native.rows()

    @cached_property
    def item_ids(self) -> np.ndarray[Any, Any]:
        """All ids, ascending by their text."""
        return object_array(self._native.item_ids(None))

    def vectors(self, item_id: Id) -> np.ndarray[Any, np.dtype[np.float32]] | None:
        """The vectors of an item as the index has them, a row each; ``None`` for the unknown.

        For the cosine they are of length 1; ``f16`` and ``int8`` round them.
        """
        return self._native.vectors(item_id)

    def attributes(self, item_id: Id) -> dict[str, Any] | None:
        """The attributes of an item, or ``None`` for the unknown."""
        return self._native.attributes(item_id)

    def matching(self, condition: Condition, model: Model | None = None) -> ItemSet:
        """The items whose attributes match, in the index's own catalog or in that of a model.

        For many searches: ``filter`` evaluates its condition each time.
        """
        native = None if model is None else _model(model)
        return ItemSet._wrap(self._native.matching(condition, native), self._native)

    def items_of(self, ids: Ids) -> ItemSet:
        """The items with these ids; unknown ones are left out."""
        return ItemSet._wrap(self._native.items_of(column("ids", ids)), self._native)

    def masked(self, mask: Any) -> ItemSet:
        """The items that are true in an array in the order of :attr:`item_ids`."""
        array = np.asarray(mask)
        if array.dtype != np.bool_ or array.ndim != 1:
            raise InvalidArgumentError(f"mask has the type {array.dtype} and {array.ndim} dimensions; it is an array of booleans")
        return ItemSet._wrap(self._native.masked(np.ascontiguousarray(array)), self._native)

    def search(
        self,
        vector: VectorLike | None = None,
        *,
        item_id: Id | None = None,
        positive: Iterable[Example] | None = None,
        negative: Iterable[Example] | None = None,
        strategy: str | None = None,
        target: Example | None = None,
        context: Iterable[tuple[Example, Example]] | None = None,
        k: int = 10,
        ef: int | None = None,
        exact: bool = False,
        filter: Condition | None = None,
        items: ItemSet | None = None,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        min_score: float | None = None,
        diversity: float | None = None,
        candidates: int | None = None,
        trace: bool = False,
    ) -> Neighbors:
        """What is nearest: exactly ``k`` items wherever so many match.

        Give one of

        - a ``vector``;
        - ``item_id``, for more like that item;
        - ``positive`` and perhaps ``negative`` examples, each the id of an item or a vector. With
          the ``strategy`` ``"average_vector"`` (the default) they become one vector;
          ``"best_score"`` takes the best score with any of them, and looks at every vector;
        - ``context``, pairs of a positive and a negative example, and perhaps a ``target``: items
          on the positive side of as many pairs as can be, and of those the nearest to the target.

        Items that are named do not come back.

        ``filter`` is a condition on the attributes that the index was built with, ``items`` a set
        from :meth:`matching`, :meth:`items_of` or :meth:`masked`, ``allow`` and ``deny`` are ids.
        ``min_score`` is the least score: search by range. For ``"l2"`` a score is minus the squared
        distance, so that a radius ``r`` is ``min_score=-r * r``.

        ``diversity``, 0 to 1, is how much nearness to items chosen before counts against an item
        (maximal marginal relevance), among the ``candidates`` (4 · ``k``) nearest. ``ef`` is how
        many candidates a search in a graph keeps, ``exact`` looks at every vector, and ``trace``
        says how the search went.
        """
        vectors: list[Any] = []

        def example(what: str, given: Any) -> Any:
            if isinstance(given, str) or (hasattr(given, "__index__") and getattr(given, "ndim", 0) == 0):
                return _id_text(what, given)
            vectors.append(vector_of(what, given))
            return len(vectors) - 1

        def examples(what: str, given: Iterable[Any]) -> list[Any]:
            return [example(f"{what}[{n}]", one) for n, one in enumerate(_listed(what, given))]

        question: dict[str, Any] = {"strategy": strategy}
        if vector is not None:
            question["vector"] = len(vectors)
            vectors.append(vector_of("vector", vector))
        if item_id is not None:
            question["item_id"] = _id_text("item_id", item_id)
        if positive is not None:
            question["positive"] = examples("positive", positive)
        if negative is not None:
            question["negative"] = examples("negative", negative)
        if target is not None:
            question["target"] = example("target", target)
        if context is not None:
            question["context"] = [examples(f"context[{n}]", pair) for n, pair in enumerate(_listed("context", context))]
        options = {
            "k": k,
            "ef": ef,
            "exact": exact,
            "filter": filter,
            "allow": _id_texts("allow", allow),
            "deny": _id_texts("deny", deny),
            "min_score": min_score,
            "diversity": diversity,
            "candidates": candidates,
            "trace": trace,
        }
        found, places, scores, how = self._native.search(vectors, question, options, _items(items))
        return Neighbors(object_array(self._native.item_ids(found)), scores, places, how)

    def search_batch(
        self,
        vectors: MatrixLike,
        k: int = 10,
        *,
        ef: int | None = None,
        exact: bool = False,
        filter: Condition | None = None,
        items: ItemSet | None = None,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        min_score: float | None = None,
        diversity: float | None = None,
        candidates: int | None = None,
        threads: int | None = None,
        progress: Progress = False,
    ) -> BatchNeighbors:
        """A search for each row of a matrix; the answers are those of :meth:`search`."""
        options = {
            "k": k,
            "ef": ef,
            "exact": exact,
            "filter": filter,
            "allow": _id_texts("allow", allow),
            "deny": _id_texts("deny", deny),
            "min_score": min_score,
            "diversity": diversity,
            "candidates": candidates,
            "threads": thread_count(threads),
        }
        rows = matrix("vectors", vectors, self.dimension)
        with reporter(progress, "searching") as report:
            offsets, found, places, scores = self._native.search_batch(rows, options, _items(items), report)
        return BatchNeighbors(object_array(self._native.item_ids(found)), offsets, scores, places)

    def knn_graph(
        self,
        k: int = 10,
        *,
        ef: int | None = None,
        exact: bool = False,
        filter: Condition | None = None,
        items: ItemSet | None = None,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        min_score: float | None = None,
        threads: int | None = None,
        progress: Progress = False,
    ) -> KnnGraph:
        """The ``k`` nearest items of every item, itself left out."""
        options = {
            "k": k,
            "ef": ef,
            "exact": exact,
            "filter": filter,
            "allow": _id_texts("allow", allow),
            "deny": _id_texts("deny", deny),
            "min_score": min_score,
            "threads": thread_count(threads),
        }
        with reporter(progress, "neighbours") as report:
            columns = self._native.knn_graph(options, _items(items), report)
        return KnnGraph(self.item_ids, *columns)

    def duplicates(
        self, min_score: float | None = None, *, threads: int | None = None, progress: Progress = False
    ) -> list[list[Any]]:
        """Groups of items that are nearly the same: linked by scores of at least ``min_score``.

        Each item is compared with its 32 nearest. ``0.98`` is a score of the cosine, ``-0.05`` one
        of L2.
        """
        options = {"min_score": min_score, "threads": thread_count(threads)}
        with reporter(progress, "duplicates") as report:
            groups = self._native.duplicates(options, report)
        return [self.item_ids[group].tolist() for group in groups]

    def cluster(
        self,
        clusters: int | None = None,
        *,
        iterations: int | None = None,
        seed: int | None = None,
        threads: int | None = None,
        progress: Progress = False,
    ) -> Clusters:
        """Clusters by direction (spherical k-means), for segments: 8 without a number.

        ``iterations`` (25) is the most rounds, ``seed`` (0) that of the start.
        """
        options = {
            "clusters": clusters,
            "iterations": iterations,
            "seed": seed,
            "threads": thread_count(threads),
        }
        with reporter(progress, "clustering") as report:
            found = self._native.cluster(options, report)
        cluster = found["assignment"][self._native.row_starts()[:-1]]
        return Clusters(item_id=self.item_ids, cluster=cluster, **found)

    def update(
        self,
        ids: Ids | None = None,
        vectors: MatrixLike | None = None,
        *,
        remove: Ids = (),
        catalog: Any = None,
        threads: int | None = None,
        progress: Progress = False,
    ) -> Updated:
        """A new index with items inserted, replaced and removed; this one stays as it is.

        Ids that the index has get these vectors in place of all they had. An item that is removed
        is gone from the new index. ``catalog`` has attributes of the items in ``ids``, in place of
        those they had.

        It costs a copy of the index and the work for the changes: make many changes at once.
        """
        if (ids is None) != (vectors is None):
            raise InvalidArgumentError("ids and vectors go together: one has been given without the other")
        rows = matrix("vectors", [] if vectors is None else vectors, self.dimension)
        found = None if ids is None else column("ids", ids)
        gone = column("remove", remove if not isinstance(remove, tuple) else list(remove))
        items = None if catalog is None else Catalog.from_items(catalog)._native
        options = {"threads": thread_count(threads)}
        with reporter(progress, "updating") as report:
            native, inserted, replaced, removed, unknown = self._native.update(found, rows, gone, items, options, report)
        return Updated(self._wrap(native), inserted, replaced, removed, unknown)

    def __len__(self) -> int:
        return len(self._native)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._native

    def __reduce__(self) -> tuple[Callable[[bytes], VectorIndex], tuple[bytes]]:
        return VectorIndex.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        metric = self.manifest["options"]["metric"]
        return f"VectorIndex({len(self)} items, {self.dimension} values, {metric}, {self.kind}, hash {self.hash})"


def _model(model: Model) -> Any:
    if not isinstance(model, Model):
        raise InvalidArgumentError(f"model is a {type(model).__name__}; it is a Model")
    return model._native


def _items(items: ItemSet | None) -> NativeItemSet | None:
    if items is None:
        return None
    if not isinstance(items, ItemSet):
        raise InvalidArgumentError(
            f"items is a {type(items).__name__}; it is an ItemSet, from matching, items_of or masked"
        )
    return items._native


def _listed(what: str, given: Any) -> list[Any]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InvalidArgumentError(f"{what} is a {type(given).__name__}; it is a list")
    return list(given)


def _id_text(what: str, given: Any) -> str:
    """The text of an id, which is what it is in the core."""
    if isinstance(given, str):
        return given
    if not isinstance(given, bool):
        try:
            return str(operator.index(given))
        except TypeError:
            pass
    raise InvalidIdError(f"{what} is a {type(given).__name__}; an id is text or an integer")


def _id_texts(what: str, given: Iterable[Any] | None) -> list[str] | None:
    return None if given is None else [_id_text(f"{what}[{n}]", one) for n, one in enumerate(_listed(what, given))]
