"""Bandits: which arm next, with the exact chance of each, and what to learn from the reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tastemaker import _native
from tastemaker._columns import column
from tastemaker._typing import Buffer, Ids, Time
from tastemaker.errors import InvalidArgumentError


class BanditChoice(NamedTuple):
    """One choice of a bandit."""

    slot: int
    """The place of the choice: 0 for the first slot or factor."""
    factor: str | None
    """The factor, of a bandit that has them."""
    arm: str
    """The key of the arm, or of the factor's variant."""
    value: Any
    """What the definition says the arm stands for."""
    propensity: float
    """The chance that it was chosen with, given the choices before it: exact."""
    marginal: float | None
    """The chance that it comes to this slot at all, with ``marginals=True``."""
    standard_error: float
    """The standard error of the propensity as the policy's, where shares are drawn."""
    shares: list[dict[str, Any]] | None
    """The share of each arm in this slot, with ``explain=True``."""


class BanditAnswer(NamedTuple):
    """What a bandit answers: what a decision log needs."""

    bandit: str
    """The key of the bandit."""
    policy: str
    """The policy's name."""
    decision: str
    """The decision, as asked."""
    unit: str
    """The unit, as asked."""
    seed: int
    """The seed, as asked."""
    state_version: str
    """The hash of the state that the answer comes from."""
    method: str
    """How the shares were worked out: ``exact``, ``quadrature`` or ``monte_carlo``."""
    choices: list[BanditChoice]
    """One a slot, or one a factor."""
    propensity: float
    """The chance of all choices together."""

    @property
    def arm(self) -> str:
        """The arm in the first slot."""
        return self.choices[0].arm

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**self._asdict(), "choices": [choice._asdict() for choice in self.choices]}


class BanditArm(NamedTuple):
    """How one arm stands."""

    factor: str | None
    """The factor, of a bandit that has them."""
    arm: str
    """The key of the arm, or of the factor's variant."""
    pulls: float
    """Rewards, each weighted by its age."""
    rewards: int
    """Rewards that are kept, whatever their age."""
    pending: int
    """Choices whose rewards are still to come."""
    mean: float | None
    """The mean of the rewards, weighted by their age."""
    interval: list[float] | None
    """Where the true mean is with 95 % probability."""
    chance_best: float | None
    """The probability that the arm is the best; ``None`` where it depends on features."""
    retired: bool
    """Whether the definition no longer has the arm."""


class BanditReport(NamedTuple):
    """How the arms stand."""

    bandit: str
    """The key of the bandit."""
    policy: str
    """The policy's name."""
    state_version: str
    """The hash of the state."""
    arms: list[BanditArm]
    """Those of the definition in its order, then those that it no longer has."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**self._asdict(), "arms": [arm._asdict() for arm in self.arms]}


class BanditUpdate(NamedTuple):
    """What an update did."""

    accepted: int
    """Rewards that count now."""
    retired: int
    """Rewards of arms that the definition no longer has."""
    expired: int
    """Rewards that are too old to count."""


class Bandit:
    """A bandit: what it is told to do, and what it has seen.

    >>> import tastemaker as tm
    >>> bandit = tm.Bandit.from_json({"key": "banner", "policy": "beta_thompson", "arms": ["blue", "red"]})
    >>> bandit.choose("view-1").propensity
    0.5
    >>> bandit.update(["red", "red", "blue"], [1, 1, 0])
    BanditUpdate(accepted=3, retired=0, expired=0)
    >>> round(bandit.propensities().choices[0].shares[1]["propensity"], 6)
    0.9
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Bandit) -> None:
        if not isinstance(native, _native.Bandit):
            raise TypeError("a bandit comes from Bandit.from_json or from_bytes")
        self._native = native

    @classmethod
    def from_json(cls, definition: Mapping[str, Any]) -> Bandit:
        """Reads a definition; the state is empty. The guide "bandits" says what it may hold."""
        return cls(_native.Bandit(definition))

    @classmethod
    def from_bytes(cls, data: Buffer) -> Bandit:
        """Reads what ``to_bytes`` wrote, in any language. Raises ``CorruptBanditError``."""
        return cls(_native.Bandit.from_bytes(bytes(data)))

    def to_bytes(self) -> bytes:
        """Definition and state as bytes: the same in every language."""
        return self._native.to_bytes()

    @property
    def definition(self) -> dict[str, Any]:
        """The definition with all its defaults."""
        return self._native.definition()

    @property
    def key(self) -> str:
        """The key of the definition."""
        return str(self.definition["key"])

    @property
    def state_version(self) -> str:
        """The hash of the state, 16 hexadecimal digits."""
        return self._native.state_version()

    def choose(
        self,
        decision: str | None = None,
        *,
        unit: str | None = None,
        seed: int | None = None,
        now: Time | None = None,
        arms: Sequence[str] | None = None,
        slots: int | None = None,
        context: Mapping[str, float] | Sequence[float] | None = None,
        arm_features: Mapping[str, Any] | None = None,
        marginals: bool | None = None,
        explain: bool | None = None,
    ) -> BanditAnswer:
        """Chooses an arm, or ``slots`` different ones, and says with what chance.

        The choice depends on the state, the seed, the unit, the decision, the features and the
        arms that are allowed, and on nothing else: asked again, it is the same.

        >>> import tastemaker as tm
        >>> bandit = tm.Bandit.from_json({
        ...     "key": "tiles", "policy": {"name": "epsilon_greedy", "epsilon": 0.3}, "arms": ["a", "b", "c"],
        ... })
        >>> _ = bandit.update_one("b", 1)
        >>> answer = bandit.choose("view-1", slots=2)
        >>> [(choice.arm, round(choice.propensity, 6)) for choice in answer.choices]
        [('b', 0.8), ('c', 0.5)]
        """
        return _answer(self._native.choose(_given(locals())))

    def propensities(
        self,
        decision: str | None = None,
        *,
        unit: str | None = None,
        seed: int | None = None,
        now: Time | None = None,
        arms: Sequence[str] | None = None,
        slots: int | None = None,
        context: Mapping[str, float] | Sequence[float] | None = None,
        arm_features: Mapping[str, Any] | None = None,
        marginals: bool | None = None,
        explain: bool | None = None,
    ) -> BanditAnswer:
        """The shares of all arms; the arguments are those of :meth:`choose`.

        Without a decision nothing is chosen, and only ``shares`` means something.
        """
        return _answer(self._native.propensities(_given(locals())))

    def update_one(
        self,
        arm: str | Mapping[str, str] | None,
        reward: float | None,
        *,
        time: Time | None = None,
        context: Mapping[str, float] | Sequence[float] | None = None,
        arm_features: Mapping[str, float] | Sequence[float] | None = None,
        settle: bool | None = None,
        now: Time | None = None,
    ) -> BanditUpdate:
        """Takes one reward in; ``arm`` is a mapping by factor if the bandit has factors.

        ``time`` is when the arm was chosen, ``settle`` says that it was pending, and a time after
        ``now`` is refused.
        """
        return BanditUpdate(**self._native.update_one(_given(locals())))

    def update(
        self,
        arm: Ids | Mapping[str, Ids],
        reward: Any,
        *,
        time: Any = None,
        context: Any = None,
        arm_features: Any = None,
        settle: bool | None = None,
        now: Time | None = None,
    ) -> BanditUpdate:
        """Takes many rewards in, as columns; nothing changes if any row is refused.

        ``context`` and ``arm_features`` have a row of numbers a reward, in the definition's order.
        The order of the rewards changes no bit of the state, nor do updates that divide them.
        """
        by_factor = list(arm.items()) if isinstance(arm, Mapping) else [(None, arm)]
        columns = {
            "arm": [(factor, column("arm", values)) for factor, values in by_factor],
            "reward": column("reward", reward),
            "time": None if time is None else column("time", time),
            "context": _rows("context", context),
            "arm_features": _rows("arm_features", arm_features),
        }
        return BanditUpdate(**self._native.update(columns, {"settle": settle, "now": now}))

    def await_rewards(self, arm: str, count: int = 1, *, factor: str | None = None) -> None:
        """Notes choices whose rewards are still to come; a negative count takes them back."""
        self._native.await_rewards(factor, arm, count)

    def merge(self, other: Bandit) -> None:
        """Takes over what another bandit has seen: exactly, in any order.

        >>> import tastemaker as tm
        >>> here, there = (tm.Bandit.from_json({"key": "b", "policy": "ucb1", "arms": ["x", "y"]}) for _ in range(2))
        >>> _ = here.update(["x", "y"], [0.1, 0.2]), there.update(["x"], [0.3])
        >>> here.merge(there)
        >>> [arm.rewards for arm in here.report().arms]
        [2, 1]
        """
        self._native.merge(other._native)

    def redefine(self, definition: Mapping[str, Any]) -> dict[str, list[str]]:
        """Takes another definition and keeps the state by arm; what was kept, added and removed."""
        return self._native.redefine(definition)

    def report(self, now: Time | None = None) -> BanditReport:
        """How the arms stand at a time; at that of the newest reward without one."""
        report = self._native.report(now)
        return BanditReport(**{**report, "arms": [BanditArm(**arm) for arm in report["arms"]]})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bandit) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Bandit.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"Bandit({self.key!r}, state {self.state_version})"


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a method that the core reads."""
    return {name: value for name, value in arguments.items() if name != "self"}


def _answer(given: dict[str, Any]) -> BanditAnswer:
    return BanditAnswer(**{**given, "choices": [BanditChoice(**choice) for choice in given["choices"]]})


def _rows(name: str, values: Any) -> _native.Column | None:
    """Rows of numbers, one after the other."""
    if values is None:
        return None
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{name}: {error}; it must have a row of numbers a reward") from error
    return column(name, np.ascontiguousarray(numbers).reshape(-1))
