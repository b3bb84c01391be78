"""Experiments: who gets which variation, without anybody keeping a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastemaker import _native
from tastemaker._columns import column
from tastemaker._typing import Id, Ids, Time


class Assignment(NamedTuple):
    """What one experiment does with one unit."""

    experiment: str
    """The experiment's key."""
    variation_id: int
    """The place of the variation; 0, the control, for who is not in."""
    key: str
    """The key of the variation; its place as text where the definition gives none."""
    name: str | None
    """The name of the variation, if it has one."""
    value: Any
    """The value of the variation."""
    passthrough: bool
    """Whether rules of a feature go on after this variation: a holdout."""
    in_experiment: bool
    """Whether the unit counts for the experiment."""
    reason: str
    """Why it is in (``assigned``, ``sticky``, ``url``, ``forced``, ``force``), or why not."""
    hash_used: bool
    """Whether a hash or a sticky bucket chose; false if the variation was forced."""
    hash_attribute: str
    """The attribute that was hashed."""
    hash_value: Any
    """The value that was hashed; ``None`` if there was none."""
    bucket: float | None
    """The bucket as a share from 0 to 1, for who is in by a hash."""
    sticky_bucket_used: bool
    """Whether a sticky bucket decided."""
    moved: bool
    """Whether the sticky bucket keeps a unit that the hash would put elsewhere now."""
    feature_id: str | None
    """The feature whose rule it is, if it is a rule's."""
    bandit: dict[str, Any] | None
    """How a contextual bandit chose the weights, if one did."""
    sticky_updates: list[dict[str, Any]]
    """Sticky documents that changed, whole: to be stored."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return self._asdict()


class Assignments(NamedTuple):
    """The assignments of one user to all experiments."""

    assignments: list[Assignment]
    """One an experiment, in the order of the keys."""
    sticky_updates: list[dict[str, Any]]
    """Sticky documents that changed, whole: to be stored."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {"assignments": [one.to_dict() for one in self.assignments], "sticky_updates": self.sticky_updates}


class FeatureAnswer(NamedTuple):
    """The value of one feature for one user."""

    key: str
    """The feature's key."""
    value: Any
    """The value; ``None`` if the feature has none."""
    on: bool
    """Whether the value is one that JavaScript takes for true."""
    source: str
    """Where the value comes from: ``force``, ``experiment``, ``defaultValue``, ``unknownFeature``, …."""
    rule_id: str
    """The id of the rule that decided, or empty."""
    assignment: Assignment | None
    """The assignment, if an experiment decided."""
    variant: dict[str, Any] | None
    """The variant of an Unleash feature."""
    definition: dict[str, Any] | None
    """The definition of the experiment, with ``explain=True``."""
    sticky_updates: list[dict[str, Any]]
    """Sticky documents that changed, whole: to be stored."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**self._asdict(), "assignment": self.assignment and self.assignment.to_dict()}


class Experiments:
    """Compiled experiments and features: read once, asked often, from any thread.

    >>> import tastemaker as tm
    >>> experiments = tm.Experiments.from_json({"experiments": {
    ...     "button": {"variations": [{"key": "blue", "weight": 0.9}, {"key": "red", "weight": 0.1}]},
    ... }})
    >>> experiments.assign("button", {"id": "eve"}).key
    'blue'
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Experiments) -> None:
        if not isinstance(native, _native.Experiments):
            raise TypeError("experiments come from Experiments.from_json, from_growthbook or from_unleash")
        self._native = native

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Experiments:
        """Reads our own definitions: ``experiments``, and perhaps ``layers``, ``holdout``, ``groups``.

        A definition that cannot be meant is an ``InvalidArgumentError`` that names the field, the
        value and the rule.
        """
        return cls(_native.Experiments(payload, "native"))

    @classmethod
    def from_growthbook(cls, payload: Mapping[str, Any]) -> Experiments:
        """Reads what GrowthBook's API gives to SDKs, decrypted."""
        return cls(_native.Experiments(payload, "growthbook"))

    @classmethod
    def from_unleash(cls, payload: Mapping[str, Any]) -> Experiments:
        """Reads what Unleash's client API gives, or the events of its delta API."""
        return cls(_native.Experiments(payload, "unleash"))

    @property
    def experiments(self) -> list[str]:
        """The keys of the experiments, in order."""
        return self._native.experiments()

    @property
    def features(self) -> list[str]:
        """The keys of the features, in order."""
        return self._native.features()

    def assign(
        self,
        key: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        now: Time | None = None,
        sticky: Sequence[Mapping[str, Any]] | None = None,
        forced: Mapping[str, int | str] | None = None,
        forced_features: Mapping[str, Any] | None = None,
        url: str | None = None,
        enabled: bool | None = None,
        qa_mode: bool | None = None,
        random: str | None = None,
        explain: bool | None = None,
    ) -> Assignment:
        """What an experiment does with a user.

        ``attributes`` are what units and conditions are read from. ``now`` is for ramps; ``sticky``
        are the documents that the caller keeps for this user; ``forced`` maps experiments to places
        or keys of variations; ``url`` may force one by its query string.

        >>> import tastemaker as tm
        >>> experiments = tm.Experiments.from_json({"experiments": {
        ...     "button": {"variations": [{"key": "blue"}, {"key": "red"}], "condition": {"country": "NZ"}},
        ... }})
        >>> experiments.assign("button", {"id": "eve", "country": "DE"}).reason
        'condition'
        """
        return _assignment(self._native.assign(key, _context(locals())))

    def assign_id(self, key: str, id: Id) -> Assignment:
        """What an experiment does with a unit whose only attribute is the one that is hashed."""
        return _assignment(self._native.assign_id(key, id))

    def assign_all(
        self,
        attributes: Mapping[str, Any] | None = None,
        *,
        now: Time | None = None,
        sticky: Sequence[Mapping[str, Any]] | None = None,
        forced: Mapping[str, int | str] | None = None,
        forced_features: Mapping[str, Any] | None = None,
        url: str | None = None,
        enabled: bool | None = None,
        qa_mode: bool | None = None,
        random: str | None = None,
        explain: bool | None = None,
    ) -> Assignments:
        """What all experiments do with a user; the arguments are those of :meth:`assign`."""
        answer = self._native.assign_all(_context(locals()))
        return Assignments(list(map(_assignment, answer["assignments"])), answer["sticky_updates"])

    def feature(
        self,
        key: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        now: Time | None = None,
        sticky: Sequence[Mapping[str, Any]] | None = None,
        forced: Mapping[str, int | str] | None = None,
        forced_features: Mapping[str, Any] | None = None,
        url: str | None = None,
        enabled: bool | None = None,
        qa_mode: bool | None = None,
        random: str | None = None,
        explain: bool | None = None,
    ) -> FeatureAnswer:
        """The value of a feature for a user; the arguments are those of :meth:`assign`.

        >>> import tastemaker as tm
        >>> flags = tm.Experiments.from_growthbook({"features": {
        ...     "checkout": {"defaultValue": "old", "rules": [{"variations": ["old", "new"]}]},
        ... }})
        >>> flags.feature("checkout", {"id": "3"}).value
        'new'
        """
        answer = self._native.feature(key, _context(locals()))
        assignment = answer["assignment"]
        return FeatureAnswer(**{**answer, "assignment": assignment and _assignment(assignment)})

    def describe(self, key: str) -> dict[str, Any]:
        """How an experiment was read: its hash version, unit, and ranges of buckets as shares."""
        return self._native.describe(key)

    def __repr__(self) -> str:
        return f"Experiments({len(self.experiments):,} experiments, {len(self.features):,} features)"


def _context(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a question that make its context."""
    return {name: value for name, value in arguments.items() if name not in ("self", "key")}


def _assignment(answer: dict[str, Any]) -> Assignment:
    return Assignment(**answer)


def split_exact(ids: Ids, weights: Sequence[float], salt: str) -> NDArray[np.int64]:
    """Splits a known population exactly by weights; the place of a weight for each id.

    It depends on the set of the ids, the weights and the salt, not on the order of the ids.

    >>> import numpy as np
    >>> import tastemaker as tm
    >>> np.bincount(tm.split_exact(range(10_000), [0.4, 0.3, 0.3], "spring mail")).tolist()
    [4000, 3000, 3000]
    """
    return _native.split_exact(column("ids", ids), list(weights), salt)
