"""Decision logs: what was shown, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, Union

import numpy as np

from tastemaker import _native
from tastemaker._recommendations import _needed, check_mapping
from tastemaker._typing import Buffer, Id, Path, Time

if TYPE_CHECKING:
    import pandas as _pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import polars as _polars  # type: ignore[import-not-found, unused-ignore]
    import pyarrow as _pyarrow  # type: ignore[import-untyped, import-not-found, unused-ignore]

TableName: TypeAlias = Union[
    Literal["decisions"], Literal["shown"], Literal["assignments"], Literal["outcomes"]
]
"""The tables of a log."""

_MISSING = np.iinfo(np.uint32).max


class Merged(NamedTuple):
    """What a merge did."""

    decisions: int
    outcomes: int
    conflicts: list[str]
    """Ids of decisions that both logs have, and that differ."""


class Removed(NamedTuple):
    """What was taken out of a log."""

    decisions: int
    outcomes: int


class LogTable:
    """Columns of a log: an Arrow stream, so that ``pyarrow.table(t)``, ``polars.DataFrame(t)`` and
    DuckDB read it as it is."""

    def __init__(self, native: _native.LogTable) -> None:
        self._native = native

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._native.stream()

    def to_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """The columns as NumPy arrays: texts as objects with ``None`` for what is missing, times as
        ``datetime64[ms]``; the column ``slot`` is masked where it is missing."""
        out: dict[str, np.ndarray[Any, Any]] = {}
        for name, values in self._native.columns().items():
            if isinstance(values, tuple):
                codes, texts = values
                known = np.array([*texts, None], dtype=object)
                out[name] = known[np.minimum(codes, len(texts))]
            elif name == "time":
                out[name] = values.astype("datetime64[ms]")
            elif values.dtype == np.uint32 and (values == _MISSING).any():
                out[name] = np.ma.MaskedArray(values, mask=values == _MISSING)
            else:
                out[name] = values
        return out

    def to_arrow(self) -> _pyarrow.Table:
        """An Arrow table. Needs pyarrow."""
        return _needed("pyarrow").table(self)

    def to_pandas(self) -> _pandas.DataFrame:
        """A pandas data frame. Needs pandas and pyarrow."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> _polars.DataFrame:
        """A polars data frame. Needs polars."""
        frame: _polars.DataFrame = _needed("polars").DataFrame(self)
        return frame

    def to_parquet(self, path: Path, **options: Any) -> None:
        """Writes a Parquet file. Needs pyarrow; ``options`` are those of its ``write_table``."""
        _needed("pyarrow")
        _needed("pyarrow.parquet").write_table(self.to_arrow(), path, **options)

    def __len__(self) -> int:
        return len(self._native)

    def __repr__(self) -> str:
        return f"LogTable({len(self)} rows)"


class JoinedLog(LogTable):
    """Decisions with their rewards."""

    counts: dict[str, int]
    """What became of the outcomes: ``matched``, ``superseded``, ``early``, ``late``, ``unplaced``,
    ``orphans``, ``outside``."""

    def __init__(self, native: _native.LogTable, counts: dict[str, int]) -> None:
        super().__init__(native)
        self.counts = counts


class DecisionLog:
    """Decisions and their outcomes, in memory.

    Users are kept as pseudonyms, HMAC-SHA-256 under ``key``, a secret of at least 16 bytes that is
    never written. ``users="raw"`` keeps ids as they are.

    >>> import tastemaker as tm
    >>> log = tm.DecisionLog(key="a secret of 16 bytes or more")
    >>> log.record({"id": "d-1", "time": 1_000, "user": "ada", "shown": [{"item": "mill", "propensity": 0.25}]})
    True
    >>> log.record_outcome({"decision": "d-1", "time": 1_500})
    True
    >>> joined = log.join()
    >>> joined.to_dict()["reward"].tolist(), joined.counts["matched"]
    ([1.0], 1)
    >>> log.erase("ada")
    Removed(decisions=1, outcomes=1)
    """

    __slots__ = ("_native",)

    def __init__(self, *, key: str | None = None, users: Literal["pseudonyms", "raw"] | None = None) -> None:
        self._native = _native.DecisionLog({"key": key, "users": users})

    @classmethod
    def from_bytes(
        cls, data: Buffer, *, key: str | None = None, users: Literal["pseudonyms", "raw"] | None = None
    ) -> DecisionLog:
        """Reads what ``to_bytes`` wrote, in any language. Raises ``CorruptLogError``.

        Without the key the log can be read, joined and merged; users can be neither added nor erased.
        """
        log = cls.__new__(cls)
        log._native = _native.DecisionLog.from_bytes(bytes(data), {"key": key, "users": users})
        return log

    def to_bytes(self) -> bytes:
        """The log as bytes; equal logs give equal bytes in every language. The key is not in them."""
        return self._native.to_bytes()

    def record(self, decision: Mapping[str, Any]) -> bool:
        """Adds a decision; false if it is there already.

        ``{"id", "time", "user"?, "model"?, "context"?, "assignments"?: {experiment: variant},
        "shown": [{"item", "slot"?, "propensity"?}]}``: the slot is the place in the list, and the
        propensity 1, where they are not given. Another decision with the same id is an error.
        """
        given = _texts(check_mapping("decision", decision), ("id", "user"))
        shown = given.get("shown")
        if shown is not None and not isinstance(shown, (str, bytes, Mapping)) and hasattr(shown, "__iter__"):
            given["shown"] = [_texts(dict(s), ("item",)) if isinstance(s, Mapping) else s for s in shown]
        return self._native.record(given)

    def record_outcome(self, outcome: Mapping[str, Any]) -> bool:
        """Adds an outcome; false if it is there already.

        ``{"decision", "time", "name"?, "value"?, "slot"?, "item"?}``: the name is ``reward`` and the
        value 1, where they are not given. The decision may come later.
        """
        return self._native.record_outcome(_texts(check_mapping("outcome", outcome), ("decision", "item")))

    def merge(self, other: DecisionLog) -> Merged:
        """Takes over all of another log; neither order nor repeats matter."""
        return Merged(**self._native.merge(other._native))

    def pseudonym(self, user: Id) -> str:
        """What the log keeps of a user's id."""
        return self._native.pseudonym(user)

    def erase(self, user: Id) -> Removed:
        """Removes all decisions of a user, and what came of them. Copies of the log must do so, too."""
        return Removed(**self._native.erase(user))

    def expire(self, before: Time) -> Removed:
        """Removes decisions before a time with what came of them, and older outcomes without one."""
        return Removed(**self._native.expire(before))

    def decision(self, id: Id) -> dict[str, Any] | None:
        """The decision with an id."""
        return self._native.decision(str(id))

    def orphans(self) -> list[dict[str, Any]]:
        """The outcomes whose decision is not in the log."""
        return self._native.orphans()

    def table(self, name: TableName) -> LogTable:
        """A table of the log, in the order of the decisions' times."""
        return LogTable(self._native.table(name))

    def join(
        self,
        *,
        reward: str | None = None,
        window: int | None = None,
        aggregate: Literal["sum", "first", "max"] | None = None,
        level: Literal["slot", "decision"] | None = None,
        default: float | None = None,
        experiment: str | None = None,
    ) -> JoinedLog:
        """Outcomes joined to decisions, a row a slot: the columns that :mod:`tastemaker.stats` and
        :mod:`tastemaker.offpolicy` take.

        ``window`` is in milliseconds after the decision; ``level="decision"`` makes a row a decision;
        ``experiment`` adds the column ``variant``, and leaves other decisions out.
        """
        options = {
            "reward": reward,
            "window": window,
            "aggregate": aggregate,
            "level": level,
            "default": default,
            "experiment": experiment,
        }
        return JoinedLog(*self._native.join(options))

    def __len__(self) -> int:
        return self._native.counts()[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DecisionLog) and self._native == other._native

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Callable[[bytes], DecisionLog], tuple[bytes]]:
        return DecisionLog.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        decisions, outcomes = self._native.counts()
        return f"DecisionLog({decisions} decisions, {outcomes} outcomes)"


def context_hash(context: Any) -> str:
    """A hash of a context that does not depend on the order of names; it tells contexts, and hides none.

    >>> import tastemaker as tm
    >>> tm.context_hash({"a": 1, "b": 2}) == tm.context_hash({"b": 2.0, "a": 1})
    True
    """
    return _native.context_hash(context)


def _texts(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Ids that are integers as their texts."""
    for name in names:
        value = given.get(name)
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            given[name] = str(value)
    return given
