"""The engine: a model together with the users' histories, for the request path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count, repeat
from typing import Any, NamedTuple, Optional, TypeAlias

from tastemaker import _native
from tastemaker._columns import event_columns
from tastemaker._model import Model
from tastemaker._profile import Profile
from tastemaker._recommendations import html_table, no_attributes, title
from tastemaker._typing import Buffer, Condition, Id, Table, Time


class Reason(NamedTuple):
    """What one event of the history gave to a score."""

    item_id: Any
    contribution: float
    """Its part of the score; the contributions of an item add up to its score exactly."""
    share: float
    """The contribution as a share of the score."""


class Recommendation(NamedTuple):
    """One item of an answer."""

    item_id: Any
    score: float
    rank: int
    """From 1."""
    source: str
    """``graph`` (from the history) or ``popular`` (a top-up)."""
    reasons: tuple[Reason, ...]
    """The largest contributions first; empty unless the request said ``explain=True``."""


class Stage(NamedTuple):
    """One step of the pipeline: how many items came in and went out."""

    stage: str
    input: int
    output: int
    note: str


class Recorded(NamedTuple):
    """What recording an event did."""

    changed: bool
    """Whether the history changed; the same event again does not change it."""
    known_item: bool
    """Whether the model has the item; the event is kept in any case."""


class Rejected(NamedTuple):
    """A row of a batch that was left out."""

    row: int
    code: str
    message: str


class BatchReport(NamedTuple):
    """What recording a batch did."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]


_Parts: TypeAlias = tuple[
    list[Any],
    list[float],
    list[str],
    Optional[list[list[tuple[Any, float, float]]]],
    list[Any],
    str,
    Optional[list[tuple[str, int, int, str]]],
]

# Made in C from a tuple that is there already: a third of the time of a call of the class.
_reason: Callable[[tuple[Any, float, float]], Reason] = partial(tuple.__new__, Reason)
_recommendation: Callable[[tuple[Any, ...]], Recommendation] = partial(tuple.__new__, Recommendation)


class Answer:
    """The answer to one request: :attr:`items`, and what the model did not know."""

    __slots__ = ("_engine", "_ids", "_items", "_parts", "_reasons", "_scores", "_sources", "ignored", "model", "trace")

    def __init__(self, engine: _native.Engine | None, parts: _Parts) -> None:
        self._engine = engine
        self._parts = parts
        self._ids, self._scores, self._sources, self._reasons, self.ignored, self.model, stages = parts
        self.trace = None if stages is None else [Stage(*stage) for stage in stages]
        self._items: list[Recommendation] | None = None

    ignored: list[Any]
    """The items of the history that the model does not know."""

    model: str
    """The hash of the model that answered."""

    trace: list[Stage] | None
    """The steps of the pipeline, if the request said ``trace=True``."""

    @property
    def items(self) -> list[Recommendation]:
        """The recommendations, best first."""
        if self._items is None:
            reasons: Iterable[tuple[Reason, ...]] = repeat(())
            if self._reasons is not None:
                reasons = (tuple(map(_reason, parts)) for parts in self._reasons)
            self._items = list(map(_recommendation, zip(self._ids, self._scores, count(1), self._sources, reasons)))
        return self._items

    @property
    def item_ids(self) -> list[Any]:
        """The ids of the recommended items, best first."""
        return self._ids

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain data, the same in all languages."""
        items = []
        for item in self.items:
            row = item._asdict()
            row["reasons"] = [reason._asdict() for reason in item.reasons]
            items.append(row)
        answer: dict[str, Any] = {"items": items, "ignored": list(self.ignored), "model": self.model}
        if self.trace is not None:
            answer["trace"] = [stage._asdict() for stage in self.trace]
        return answer

    def __reduce__(self) -> tuple[type[Answer], tuple[None, _Parts]]:
        return Answer, (None, self._parts)

    def __len__(self) -> int:
        return len(self._ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lines = [f"Answer({len(self)} items)"]
        for item in self.items[:20]:
            source = "" if item.source == "graph" else f"  {item.source}"
            lines.append(f"  {item.rank:>3}. {item.item_id!r}  {item.score:.4g}{source}")
        if len(self) > 20:
            lines.append("  …")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        attributes = no_attributes if self._engine is None else self._engine.model().attributes

        def because(item: Recommendation) -> str:
            parts = (
                f"{title(attributes, reason.item_id) or reason.item_id} {reason.share:.0%}" for reason in item.reasons[:2]
            )
            return ", ".join(parts)

        rows = [
            [
                item.rank,
                item.item_id,
                title(attributes, item.item_id),
                f"{item.score:.4g}",
                "" if item.source == "graph" else item.source,
                because(item),
            ]
            for item in self.items
        ]
        return html_table(["rank", "item_id", "title", "score", "source", "because of"], rows)


class Engine:
    """Serves a model and keeps the users' histories, in memory.

    A user whom the engine has not met has the history of the snapshot. What is recorded counts in
    the next answer; nothing is trained again. Safe to share between threads.

    >>> import tastemaker as tm
    >>> model = tm.train({"user_id": ["ann", "ann", "bob", "bob"], "item_id": ["tea", "cake", "tea", "cake"]})
    >>> engine = tm.Engine(model)
    >>> engine.record("eve", "tea", "save", timestamp=1_700_000_000_000)
    Recorded(changed=True, known_item=True)
    >>> engine.recommend("eve", k=1).items[0].item_id
    'cake'
    """

    __slots__ = ("_native", "_recommend")

    def __init__(self, model: Model) -> None:
        self._native = _native.Engine(model._native)
        self._recommend = self._native.recommend

    @property
    def model(self) -> Model:
        """The model that answers now."""
        return Model._wrap(self._native.model())

    def swap(self, model: Model) -> None:
        """Puts another model in its place, between two answers; histories stay."""
        self._native.swap(model._native)

    def record(
        self,
        user_id: Id,
        item_id: Id,
        kind: str | None = None,
        *,
        weight: float | None = None,
        timestamp: Time | None = None,
    ) -> Recorded:
        """Adds an event to a user's history; without a kind it is a view, without a time its time is 0."""
        return Recorded(*self._native.record(user_id, item_id, kind, weight, timestamp))

    def record_batch(
        self,
        events: Table,
        *,
        skip_invalid: bool = False,
        columns: Mapping[str, str] | None = None,
        timestamp_unit: str = "ms",
    ) -> BatchReport:
        """Adds many events; they come as for :func:`train`.

        One invalid row refuses the whole batch, unless ``skip_invalid`` keeps the rest; the
        report then says which rows were left out, and why.
        """
        found = event_columns(events, columns)
        accepted, duplicates, rejected = self._native.record_batch(
            found["user_id"],
            found["item_id"],
            found["kind"],
            found["weight"],
            found["timestamp"],
            timestamp_unit,
            skip_invalid,
        )
        return BatchReport(accepted, duplicates, [Rejected(*row) for row in rejected])

    def recommend(
        self,
        user_id: Id | None = None,
        k: int = 10,
        *,
        history: Iterable[Id | Mapping[str, Any]] | None = None,
        now: Time | None = None,
        filter: Condition | None = None,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        exclude_seen: bool = True,
        explain: bool = False,
        trace: bool = False,
    ) -> Answer:
        """The best ``k`` items for one user.

        ``history`` is a history for this answer alone: item ids, or dictionaries with ``item_id``,
        ``kind``, ``weight``, ``timestamp``; it is merged with the stored one if there is a
        ``user_id`` too. ``filter`` is a condition on the items' attributes, ``allow`` and ``deny``
        are lists of ids, ``now`` is the time at which decay is measured. ``explain`` gives reasons,
        ``trace`` the steps of the pipeline.

        Exactly ``k`` items come back whenever so many are eligible; popular ones fill up.
        """
        parts = self._recommend(user_id, history, k, now, filter, allow, deny, exclude_seen, explain, trace)
        return Answer(self._native, parts)

    def profile(self, user_id: Id) -> Profile:
        """A copy of a user's history; empty for a stranger."""
        return Profile._wrap(self._native.profile(user_id))

    def merge_profile(self, user_id: Id, profile: Profile | Buffer) -> bool:
        """Adds the events of a profile, or of its bytes, to a user's history; returns whether it changed."""
        if not isinstance(profile, Profile):
            profile = Profile.from_bytes(profile)
        return self._native.merge_profile(user_id, profile._native)

    def erase(self, user_id: Id) -> bool:
        """Forgets a user; returns whether there was anything to forget."""
        return self._native.erase(user_id)

    @property
    def user_count(self) -> int:
        """The number of users with a history."""
        return self._native.user_count()

    def __repr__(self) -> str:
        return f"Engine({self.model!r}, {self.user_count} users)"
