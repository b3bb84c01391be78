"""Answers: recommended items with their reasons, scores of items, users who are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import count, repeat
from typing import Any, NamedTuple, Optional, TypeAlias

from tastemaker import _native
from tastemaker._recommendations import html_table, no_attributes, title


class Reason(NamedTuple):
    """What one event of the history gave to a score."""

    item_id: Any
    contribution: float
    """Its part of the score; the contributions of an item add up to its score exactly."""
    share: float
    """The contribution as a share of the score."""
    members: tuple[int, ...] = ()
    """In an answer for a group: the members whom it comes from, by their place, from 0."""

    def _to_dict(self) -> dict[str, Any]:
        row = self._asdict()
        members = row.pop("members")
        return {**row, "members": list(members)} if members else row


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


_Parts: TypeAlias = tuple[
    list[Any],
    list[float],
    list[str],
    Optional[list[list[tuple[Any, float, float, tuple[int, ...]]]]],
    list[Any],
    str,
    Optional[list[tuple[str, int, int, str]]],
]

# Made in C from a tuple that is there already: a third of the time of a call of the class.
_reason: Callable[[tuple[Any, float, float, tuple[int, ...]]], Reason] = partial(tuple.__new__, Reason)
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
    """Ids in the histories or items given, in ``allow`` or ``deny``, that the model does not have,
    ascending: they played no part."""

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
            row["reasons"] = [reason._to_dict() for reason in item.reasons]
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


class Score(NamedTuple):
    """The score of one item."""

    item_id: Any
    known: bool
    """Whether the model has the item; one that it does not have scores 0."""
    seen: bool
    """Whether the history has the item."""
    score: float
    reasons: tuple[Reason, ...]
    """The largest contributions first; empty unless the request said ``explain=True``."""


class Scores(NamedTuple):
    """The scores of items."""

    items: list[Score]
    """One for each item, in the order given."""
    ignored: list[Any]
    """Ids in the history that the model does not have: they played no part."""
    model: str
    """The hash of the model that answered."""

    @classmethod
    def _of(cls, rows: list[tuple[Any, bool, bool, float, list[Any]]], ignored: list[Any], model: str) -> Scores:
        items = [
            Score(item_id, known, seen, score, tuple(map(_reason, reasons)))
            for item_id, known, seen, score, reasons in rows
        ]
        return cls(items, ignored, model)

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data, the same in all languages."""
        items = []
        for item in self.items:
            items.append({**item._asdict(), "reasons": [reason._to_dict() for reason in item.reasons]})
        return {"items": items, "ignored": list(self.ignored), "model": self.model}


class SimilarUser(NamedTuple):
    """A user who is like another."""

    user_id: Any
    similarity: float
    """The cosine of the two histories, above 0 and at most 1."""


class SimilarUsers(NamedTuple):
    """Users who are like another."""

    users: list[SimilarUser]
    """The users, most alike first; ties by the order of their ids."""
    ignored: list[Any]
    """Ids in the history that the model does not have: they played no part."""
    model: str
    """The hash of the model that answered."""

    @classmethod
    def _of(cls, rows: list[tuple[Any, float]], ignored: list[Any], model: str) -> SimilarUsers:
        return cls([SimilarUser(*row) for row in rows], ignored, model)

    def to_dict(self) -> dict[str, Any]:
        """The users as plain data, the same in all languages."""
        users = [user._asdict() for user in self.users]
        return {"users": users, "ignored": list(self.ignored), "model": self.model}
