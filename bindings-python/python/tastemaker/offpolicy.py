"""Off-policy evaluation: is the new policy better, before anybody sees it?

:func:`evaluate` estimates what a policy is worth from the log of another, :func:`compare` the
difference of two, :func:`evaluate_slates` values lists of items. The same numbers, to the last bit,
as in Rust and JavaScript.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, Union, cast

import numpy as np

from tastemaker import _native
from tastemaker._columns import column
from tastemaker._progress import Progress, reporter, thread_count
from tastemaker.errors import InvalidArgumentError

__all__ = [
    "Bootstrap",
    "ComparisonReport",
    "Estimate",
    "Estimated",
    "Gain",
    "ModelReport",
    "PolicyComparison",
    "Report",
    "SlateEstimate",
    "SlateReport",
    "Support",
    "Weights",
    "compare",
    "evaluate",
    "evaluate_slates",
]

Estimator: TypeAlias = Union[
    Literal["ips"],
    Literal["snips"],
    Literal["clipped_ips"],
    Literal["dm"],
    Literal["dr"],
    Literal["sndr"],
    Literal["switch_dr"],
    Literal["mrdr"],
    Literal["replay"],
]
"""How a value is estimated."""

SlateEstimator: TypeAlias = Union[
    Literal["standard_ips"], Literal["independent_ips"], Literal["cascade_ips"], Literal["pseudo_inverse"]
]
"""How the value of slates is estimated."""

Status: TypeAlias = Union[
    Literal["ok"], Literal["too_few_units"], Literal["zero_variance"], Literal["no_overlap"]
]
"""Whether there is an estimate, and an interval."""


class Bootstrap(TypedDict):
    """What the bootstrap says."""

    standard_error: float
    low: float
    high: float
    replicates: int


class Estimated(TypedDict):
    """An estimate with its interval; what does not apply is ``None``."""

    status: Status
    value: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    bootstrap: Bootstrap | None


class Gain(Estimated):
    """A difference."""

    p_value: float | None


class Estimate(Estimated):
    """What one estimator found."""

    estimator: Estimator
    threshold: float | None
    above_threshold: float | None
    gain: Gain


class Weights(TypedDict):
    """What the weights look like."""

    effective_sample_size: float
    effective_share: float
    mean: float
    mean_standard_error: float | None
    max: float
    largest_share: float
    zero_share: float


class Support(TypedDict):
    """What the log cannot say."""

    rows_without_propensity: int
    rows_lost: int
    unsupported: float | None


class ModelReport(TypedDict):
    """The model of rewards that was fitted."""

    kind: Literal["cells", "ridge"]
    folds: int
    squared_error: float
    baseline: float


class Report(TypedDict):
    """What :func:`evaluate` found."""

    rows: int
    units: int
    alpha: float
    logged: Estimated
    estimates: list[Estimate]
    weights: Weights
    support: Support
    model: ModelReport | None
    warnings: list[str]
    verdict: str


class PolicyComparison(Gain):
    """Two policies by one estimator: b less a."""

    estimator: Estimator


class ComparisonReport(TypedDict):
    """What :func:`compare` found."""

    a: Report
    b: Report
    comparisons: list[PolicyComparison]
    verdict: str


class SlateEstimate(Estimated):
    """What one estimator found."""

    estimator: SlateEstimator
    gain: Gain
    effective_sample_size: float | None
    max_weight: float


class SlateReport(TypedDict):
    """What :func:`evaluate_slates` found."""

    rows: int
    slates: int
    units: int
    slots: int
    logged: Estimated
    estimates: list[SlateEstimate]
    warnings: list[str]


def evaluate(
    reward: Any,
    propensity: Any,
    policy: Any,
    *,
    action: Any = None,
    cell: Any = None,
    unit: Any = None,
    logging: Any = None,
    predictions: Any = None,
    predicted: Any = None,
    features: Any = None,
    estimators: Sequence[Estimator] | None = None,
    alpha: float | None = None,
    clip: float | Literal["auto"] | None = None,
    switch: float | Literal["auto"] | None = None,
    threshold_rule: Literal["slope", "mse_bound"] | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    reward_model: Literal["cells", "ridge"] | None = None,
    folds: int | None = None,
    shrinkage: float | Literal["auto"] | None = None,
    regularization: float | None = None,
    unsupported: Literal["refuse", "ignore"] | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> Report:
    """What a policy is worth, from the log of another.

    ``reward`` and ``propensity`` are columns, a row a logged action. ``policy`` is a column of its
    probabilities of the logged actions, or a matrix of those of all actions (beside ``action``, the
    column of each row), or ``{"probability" or "actions", "predicted"}``. Matrices have a row a row of
    the log, one for all, or, with ``cell``, the row that it names; ``predictions`` and ``features`` may
    have a row a row of the log beside a policy that has a row a cell. With the matrix, rewards can be
    predicted: by ``predictions`` (a matrix), or by a model of cells or ``features`` that is fitted
    here. ``unit`` is whose row it is. The guide "off-policy" says what each number means.

    >>> import tastemaker as tm
    >>> report = tm.offpolicy.evaluate([1, 0, 1, 1], [0.5] * 4, [0.75, 0.25, 0.75, 0.25])
    >>> report["estimates"][0]["estimator"], report["estimates"][0]["value"], report["logged"]["value"]
    ('ips', 0.875, 0.75)
    """
    log = _log(reward, propensity, action, cell, unit, logging, predictions, predicted, features)
    options = {
        "estimators": _listed(estimators),
        "alpha": alpha,
        "clip": clip,
        "switch": switch,
        "threshold_rule": threshold_rule,
        "replicates": replicates,
        "seed": seed,
        "reward_model": reward_model,
        "folds": folds,
        "shrinkage": shrinkage,
        "regularization": regularization,
        "unsupported": unsupported,
        "threads": thread_count(threads),
    }
    with reporter(progress, "evaluating") as report:
        return cast(Report, _native.evaluate_policy(log, _policy("policy", policy), None, options, report))


def compare(
    reward: Any,
    propensity: Any,
    a: Any,
    b: Any,
    *,
    action: Any = None,
    cell: Any = None,
    unit: Any = None,
    logging: Any = None,
    predictions: Any = None,
    predicted: Any = None,
    features: Any = None,
    estimators: Sequence[Estimator] | None = None,
    alpha: float | None = None,
    clip: float | Literal["auto"] | None = None,
    switch: float | Literal["auto"] | None = None,
    threshold_rule: Literal["slope", "mse_bound"] | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    reward_model: Literal["cells", "ridge"] | None = None,
    folds: int | None = None,
    shrinkage: float | Literal["auto"] | None = None,
    regularization: float | None = None,
    unsupported: Literal["refuse", "ignore"] | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> ComparisonReport:
    """Two policies on one log: their values, and the difference of b and a from the same rows.

    The arguments are those of :func:`evaluate`.

    >>> import tastemaker as tm
    >>> report = tm.offpolicy.compare([1, 0, 1, 1], [0.5] * 4, [0.5] * 4, [1.0, 0.0, 1.0, 0.0])
    >>> report["comparisons"][0]["value"]
    0.25
    """
    log = _log(reward, propensity, action, cell, unit, logging, predictions, predicted, features)
    options = {
        "estimators": _listed(estimators),
        "alpha": alpha,
        "clip": clip,
        "switch": switch,
        "threshold_rule": threshold_rule,
        "replicates": replicates,
        "seed": seed,
        "reward_model": reward_model,
        "folds": folds,
        "shrinkage": shrinkage,
        "regularization": regularization,
        "unsupported": unsupported,
        "threads": thread_count(threads),
    }
    one, two = _policy("a", a), _policy("b", b)
    with reporter(progress, "comparing") as report:
        return cast(ComparisonReport, _native.evaluate_policy(log, one, two, options, report))


def evaluate_slates(
    slate: Any,
    slot: Any,
    reward: Any,
    propensity: Any,
    probability: Any,
    *,
    unit: Any = None,
    estimators: Sequence[SlateEstimator] | None = None,
    self_normalized: bool | None = None,
    alpha: float | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> SlateReport:
    """What a policy is worth that fills several slots: columns with a row a slot.

    ``slate`` is the decision's id, ``probability`` what the policy gives to the logged item: of the
    item at its slot for ``independent_ips`` and ``pseudo_inverse``, given the items before it for
    ``cascade_ips`` and ``standard_ips``; where slots are filled independently these are the same.

    >>> import tastemaker as tm
    >>> report = tm.offpolicy.evaluate_slates([1, 1, 2, 2], [0, 1, 0, 1], [1, 0, 0, 1], [0.5] * 4, [1, 0.5, 0, 0.5])
    >>> [estimate["value"] for estimate in report["estimates"]]
    [1.0, 1.5, 1.0, 1.0]
    """
    given = {
        "slate": slate,
        "slot": slot,
        "reward": reward,
        "propensity": propensity,
        "probability": probability,
        "unit": unit,
    }
    columns = {name: None if values is None else column(name, values) for name, values in given.items()}
    options = {
        "estimators": _listed(estimators),
        "self_normalized": self_normalized,
        "alpha": alpha,
        "replicates": replicates,
        "seed": seed,
        "threads": thread_count(threads),
    }
    with reporter(progress, "evaluating") as report:
        return cast(SlateReport, _native.evaluate_slates(columns, options, report))


def _log(
    reward: Any,
    propensity: Any,
    action: Any,
    cell: Any,
    unit: Any,
    logging: Any,
    predictions: Any,
    predicted: Any,
    features: Any,
) -> dict[str, Any]:
    given = {
        "reward": reward,
        "propensity": propensity,
        "action": action,
        "cell": cell,
        "unit": unit,
        "predicted": predicted,
    }
    columns: dict[str, Any] = {
        name: None if values is None else column(name, values) for name, values in given.items()
    }
    for name, values in (("logging", logging), ("predictions", predictions), ("features", features)):
        columns[name] = None if values is None else _matrix(name, values)
    return columns


def _policy(name: str, given: Any) -> dict[str, Any]:
    """The columns of a policy: a column, a matrix, or a dictionary of both."""
    if not isinstance(given, Mapping):
        given = {"actions" if _two_dimensional(given) else "probability": given}
    strangers = [key for key in given if key not in ("probability", "actions", "predicted")]
    if strangers:
        raise InvalidArgumentError(
            f"{name}.{strangers[0]!r} is not known; the names are probability, actions, predicted"
        )
    probability, actions, predicted = (given.get(key) for key in ("probability", "actions", "predicted"))
    return {
        "probability": None if probability is None else column(name, probability),
        "actions": None if actions is None else _matrix(name, actions),
        "predicted": None if predicted is None else column("predicted", predicted),
    }


def _two_dimensional(given: Any) -> bool:
    if hasattr(given, "ndim"):
        return bool(given.ndim == 2)
    if hasattr(given, "shape"):
        return len(given.shape) == 2
    return isinstance(given, (list, tuple)) and len(given) > 0 and isinstance(given[0], (list, tuple, np.ndarray))


def _matrix(name: str, given: Any) -> tuple[Any, int]:
    """The values of a matrix, row by row, and how many a row has."""
    if hasattr(given, "to_numpy"):
        given = given.to_numpy()
    try:
        matrix = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"{name} is not a matrix of numbers: its rows have one length") from None
    if matrix.ndim != 2:
        raise InvalidArgumentError(f"{name} has {matrix.ndim} dimensions; a matrix has two")
    return column(name, np.ascontiguousarray(matrix).reshape(-1)), matrix.shape[1]


def _listed(values: Any) -> Any:
    """A list of what is one, or what is not one as it is: the core refuses it."""
    if values is None or isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        return values
    return list(values)
