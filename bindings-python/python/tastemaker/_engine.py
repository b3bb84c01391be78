"""The engine: a model together with the users' histories, for the request path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from tastemaker import _native
from tastemaker._answer import Answer, Scores, SimilarUsers
from tastemaker._columns import event_columns
from tastemaker._model import Model
from tastemaker._profile import Profile
from tastemaker._typing import Buffer, Condition, Id, Table, Time


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


def _request(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a method by their names."""
    del arguments["self"]
    return arguments


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

    def similar_items(
        self,
        item_id: Id | None = None,
        k: int = 10,
        *,
        item_ids: Iterable[Id] | None = None,
        filter: Condition | None = None,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        explain: bool = False,
        trace: bool = False,
    ) -> Answer:
        """More like this: what follows from an item, or from several in ``item_ids``, alone.

        The items themselves do not come back. All else is as in :meth:`recommend`.
        """
        return Answer(self._native, self._native.similar_items(_request(locals())))

    def score_items(
        self,
        user_id: Id | None = None,
        item_ids: Iterable[Id] | None = None,
        *,
        history: Iterable[Id | Mapping[str, Any]] | None = None,
        now: Time | None = None,
        explain: bool = False,
    ) -> Scores:
        """The score of each item in ``item_ids``, in the order given.

        A score has the bits that :meth:`recommend` gives, also for items that it would leave
        out because they were seen or dismissed; an item that the model does not have scores 0.
        """
        return Scores._of(*self._native.score_items(_request(locals())))

    def recommend_group(
        self,
        members: Iterable[Id | Mapping[str, Any]],
        k: int = 10,
        *,
        strategy: Literal["average", "least_misery"] = "average",
        now: Time | None = None,
        filter: Condition | None = None,
        allow: Iterable[Id] | None = None,
        deny: Iterable[Id] | None = None,
        exclude_seen: bool = True,
        explain: bool = False,
        trace: bool = False,
    ) -> Answer:
        """One answer for several people.

        A member is a user id, or a dictionary with ``user_id``, ``history`` and ``weight``. Each
        history counts the same, however long it is, times the weight; ``least_misery`` takes the
        lowest of the members' scores in place of their mean. What any member has seen or
        dismissed is left out.
        """
        return Answer(self._native, self._native.recommend_group(_request(locals())))

    def similar_users(
        self,
        user_id: Id | None = None,
        k: int = 10,
        *,
        history: Iterable[Id | Mapping[str, Any]] | None = None,
    ) -> SimilarUsers:
        """The users whose training histories are most like a user's history, or a given one."""
        return SimilarUsers._of(*self._native.similar_users(_request(locals())))

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
