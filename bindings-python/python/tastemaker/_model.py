"""Models: trained, saved, opened, asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tastemaker._bandit import Bandit
from tastemaker._columns import column, id_array, object_array
from tastemaker._native import Model as NativeModel
from tastemaker._profile import Profile
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker._recommendations import Recommendations
from tastemaker._typing import Buffer, Condition, Id, Ids, Path, Time

if TYPE_CHECKING:
    from tastemaker._index import VectorIndex


class Neighbor(NamedTuple):
    """A neighbour of an item in the item graph."""

    item_id: Any
    weight: float


class Model:
    """A trained model: an item graph, popularity, the catalog, and (if kept) the histories.

    It is read-only, and safe to share between threads. It pickles as its bytes.
    """

    _native: NativeModel

    def __init__(self) -> None:
        raise TypeError("a model comes from tastemaker.train, Model.open or Model.from_bytes")

    @classmethod
    def _wrap(cls, native: NativeModel) -> Model:
        model = cls.__new__(cls)
        model._native = native
        return model

    @classmethod
    def open(cls, path: Path | Buffer) -> Model:
        """Opens a snapshot file; it is mapped into memory, not read. Bytes are opened as by :meth:`from_bytes`.

        Raises ``IoError``, ``NotASnapshotError``, ``UnsupportedVersionError`` or
        ``CorruptSnapshotError``.
        """
        if isinstance(path, (bytes, bytearray, memoryview)):
            return cls.from_bytes(path)
        return cls._wrap(NativeModel.open(os.fspath(path)))

    @classmethod
    def from_bytes(cls, data: Buffer) -> Model:
        """Opens a snapshot in memory. Raises as :meth:`open`."""
        return cls._wrap(NativeModel.from_bytes(bytes(data)))

    def save(self, path: Path) -> None:
        """Writes the snapshot: to a temporary file beside it, which then takes its name."""
        self._native.save(os.fspath(path))

    def to_bytes(self) -> bytes:
        """The snapshot as bytes."""
        return self._native.to_bytes()

    def export_edge(self, *, neighbors: int | None = None, attributes: Sequence[str] | None = None) -> Model:
        """A smaller model for the browser: fewer neighbours, chosen attributes, no histories.

        Bandits and a vector index stay behind; :meth:`VectorIndex.export_edge` makes a smaller
        index, which :meth:`with_index` adds.
        """
        options: dict[str, Any] = {}
        if neighbors is not None:
            options["neighbors"] = neighbors
        if attributes is not None:
            options["attributes"] = list(attributes)
        return self._wrap(self._native.export_edge(options))

    def with_bandits(self, bandits: Sequence[Bandit]) -> Model:
        """The same model with these bandits in its snapshot, in the place of those that it has.

        >>> import tastemaker as tm
        >>> model = tm.train({"user_id": ["ann"], "item_id": ["tea"]})
        >>> banner = tm.Bandit.from_json({"key": "banner", "policy": "ucb1", "arms": ["a", "b"]})
        >>> again = tm.Model.from_bytes(model.with_bandits([banner]).to_bytes())
        >>> again.bandits, again.bandit("banner") == banner
        (['banner'], True)
        """
        return self._wrap(self._native.with_bandits([bandit._native for bandit in bandits]))

    @property
    def bandits(self) -> list[str]:
        """The keys of the bandits in the snapshot, ascending."""
        return self._native.bandits()

    def bandit(self, key: str) -> Bandit | None:
        """A bandit of the snapshot, as it was stored."""
        found = self._native.bandit(key)
        return None if found is None else Bandit(found)

    def with_index(self, index: VectorIndex) -> Model:
        """The same model with a vector index in its snapshot, in the place of the one that it has.

        One file then holds both. The items of the two need not be the same, and each keeps its
        attributes. :func:`update` keeps the index, :meth:`export_edge` leaves it out.

        >>> import tastemaker as tm
        >>> model = tm.train({"user_id": ["ann"], "item_id": ["tea"]})
        >>> index = tm.VectorIndex.build(["tea", "milk", "nails"], [[1.0, 0.1], [0.9, 0.2], [0.0, 1.0]])
        >>> both = tm.Model.from_bytes(model.with_index(index).to_bytes())
        >>> both.index.search(item_id="tea", k=1).item_id
        array(['milk'], dtype=object)
        """
        return self._wrap(self._native.with_index(index._native))

    def without_index(self) -> Model:
        """The same model without the vector index in its snapshot."""
        return self._wrap(self._native.without_index())

    @cached_property
    def index(self) -> VectorIndex | None:
        """The vector index in the snapshot, if there is one; it lies where the model lies."""
        from tastemaker._index import VectorIndex

        found = self._native.index()
        return None if found is None else VectorIndex._wrap(found)

    @property
    def hash(self) -> str:
        """32 hexadecimal digits that name the model: equal models have equal ones."""
        return self._native.hash()

    @property
    def manifest(self) -> dict[str, Any]:
        """How the model was made: options, versions, counts."""
        return self._native.manifest()

    @property
    def item_count(self) -> int:
        """The number of items."""
        return self._native.item_count()

    @property
    def user_count(self) -> int:
        """The number of users whose histories the snapshot holds."""
        return self._native.user_count()

    @cached_property
    def item_ids(self) -> np.ndarray[Any, Any]:
        """All item ids."""
        return object_array(self._native.item_ids())

    @cached_property
    def user_ids(self) -> np.ndarray[Any, Any]:
        """The ids of the users whose histories the snapshot holds."""
        return object_array(self._native.user_ids())

    def attributes(self, item_id: Id) -> dict[str, Any] | None:
        """The attributes of an item, or ``None`` if the model does not know it."""
        return self._native.attributes(item_id)

    def neighbors(self, item_id: Id) -> list[Neighbor] | None:
        """The neighbours of an item, strongest first, or ``None`` if the model does not know it."""
        pairs = self._native.neighbors(item_id)
        return None if pairs is None else [Neighbor(*pair) for pair in pairs]

    def profile(self, user_id: Id) -> Profile | None:
        """The training history of a user, or ``None``."""
        native = self._native.profile(user_id)
        return None if native is None else Profile._wrap(native)

    def recommend(
        self,
        users: Ids | Id | None = None,
        k: int = 20,
        *,
        exclude_seen: bool = True,
        filter: Condition | None = None,
        now: Time | None = None,
        baseline: bool = False,
        threads: int | None = None,
        progress: Progress = False,
    ) -> Recommendations:
        """The best ``k`` items for each user, from the histories in the snapshot.

        ``users`` is a column of ids, or one id; without it, all users of the snapshot. A user who
        is not in it gets the popular items. ``filter`` is a condition on the items' attributes,
        ``exclude_seen`` leaves out what the history has, ``now`` is the time at which decay is
        measured, and ``baseline`` answers by popularity alone.
        """
        if users is None:
            users = self.user_ids
        elif isinstance(users, (str, int)):
            users = [users]
        ids = column("users", users)
        options = {
            "k": k,
            "exclude_seen": exclude_seen,
            "filter": filter,
            "now": now,
            "threads": thread_count(threads),
            "baseline": baseline,
        }
        with reporter(progress, "recommending") as report:
            columns = self._native.recommend(ids, options, report)
        return Recommendations(id_array(ids), self.item_ids, columns, self.attributes)

    def __reduce__(self) -> tuple[Callable[[bytes], Model], tuple[bytes]]:
        return Model.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"Model({self.item_count} items, {self.user_count} users, hash {self.hash})"
