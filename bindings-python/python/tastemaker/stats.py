"""Statistics of experiments: did it work?

:func:`summarize` adds rows up to arms, :func:`analyze` compares arms with a control,
:func:`sample_ratio` checks the split, :func:`adjust` corrects several p-values, and :func:`plan`
says how many units are needed. The same numbers, to the last bit, as in Rust and JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, Union, cast

from tastemaker import _native
from tastemaker._columns import column
from tastemaker._progress import Progress, reporter, thread_count

__all__ = [
    "Adjustment",
    "ArmReport",
    "Comparison",
    "Cuped",
    "Heterogeneity",
    "Plan",
    "Posterior",
    "Report",
    "Roi",
    "SampleRatio",
    "Segment",
    "Summary",
    "Winsorized",
    "adjust",
    "analyze",
    "plan",
    "sample_ratio",
    "summarize",
]

Metric: TypeAlias = Union[Literal["proportion"], Literal["mean"], Literal["ratio"]]
"""What is measured: a share of units that convert, a mean of units, or a sum over a sum."""

Adjustment: TypeAlias = Union[Literal["holm"], Literal["benjamini_hochberg"], Literal["none"]]
"""How several p-values are corrected."""


class Posterior(TypedDict):
    """What is believed of one arm."""

    mean: float
    low: float
    high: float
    chance_to_be_best: float
    expected_loss: float


class ArmReport(TypedDict):
    """One arm."""

    name: str
    n: int
    estimate: float
    standard_error: float | None
    posterior: Posterior | None


class Roi(TypedDict):
    """What a change is worth."""

    gain: float
    low: float | None
    high: float | None
    ratio: float | None


class Comparison(TypedDict):
    """One arm beside the control; what does not apply is ``None``."""

    arm: str
    status: Literal["ok", "too_few_units", "zero_variance", "too_early"]
    difference: float
    standard_error: float | None
    low: float | None
    high: float | None
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    p_value: float | None
    p_value_adjusted: float | None
    significant: bool
    chance_to_win: float | None
    expected_loss: float | None
    roi: Roi | None
    verdict: str


class Segment(Comparison):
    """A comparison in one segment."""

    segment: str


class Heterogeneity(TypedDict):
    """Whether the effect of an arm differs between the segments."""

    arm: str
    q: float
    freedom: float
    p_value: float
    p_value_adjusted: float
    verdict: str


class Cuped(TypedDict):
    """What CUPED did."""

    theta: float
    variance_reduction: float


class SampleRatio(TypedDict):
    """A check of the split."""

    chi_square: float
    p_value: float
    p_value_any_time: float
    mismatch: bool
    expected: list[float]
    verdict: str


class Report(TypedDict):
    """What :func:`analyze` found."""

    metric: Metric
    method: Literal["frequentist", "sequential", "bayesian"]
    alpha: float
    control: str
    arms: list[ArmReport]
    comparisons: list[Comparison]
    cuped: Cuped | None
    srm: SampleRatio | None
    segments: list[Segment]
    heterogeneity: list[Heterogeneity]
    warnings: list[str]
    verdict: str


class Plan(TypedDict):
    """What :func:`plan` comes to; what does not apply is ``None``."""

    units: int | None
    units_by_arm: list[int] | None
    units_to_go: int | None
    power: float | None
    minimum_effect: float | None
    minimum_effect_relative: float | None
    threshold: float | None


class Winsorized(TypedDict):
    """The bounds that values were kept within."""

    low: float
    high: float
    units: int


class Summary(TypedDict):
    """Arms from rows; ``metric`` and ``arms`` are what :func:`analyze` takes."""

    metric: Metric
    arms: list[dict[str, Any]]
    rows: int
    crossovers: int
    winsorized: Winsorized | None


def analyze(
    metric: Metric,
    arms: Sequence[Mapping[str, Any]] | None = None,
    *,
    strata: Sequence[Mapping[str, Any]] | None = None,
    segments: Sequence[Mapping[str, Any]] | None = None,
    control: str | None = None,
    method: Literal["frequentist", "sequential", "bayesian"] | None = None,
    alternative: Literal["two_sided", "greater", "less"] | None = None,
    alpha: float | None = None,
    correction: Adjustment | None = None,
    relative: Literal["fieller", "delta"] | None = None,
    cuped: bool | None = None,
    prior: Mapping[str, float] | None = None,
    tuning_units: float | None = None,
    min_units: int | None = None,
    shares: Sequence[float] | None = None,
    goal: Literal["increase", "decrease"] | None = None,
    roi: Mapping[str, float] | None = None,
    unit: str | None = None,
    randomization_unit: str | None = None,
) -> Report:
    """Compares arms with a control.

    An arm is a dictionary: ``name``, ``n``, and ``successes`` (proportion), or ``mean`` and
    ``variance`` or ``sum`` and ``sum_squares`` (mean); a ratio also has ``denominator_…`` and
    ``covariance``; with ``covariate_…`` CUPED is used. :func:`summarize` makes them from rows.

    ``method`` is ``"frequentist"`` (one look, at a number of units fixed before), ``"sequential"``
    (any number of looks) or ``"bayesian"``. The guide "statistics" says what each number means.

    >>> import tastemaker as tm
    >>> arms = [{"name": "old", "n": 10_000, "successes": 500}, {"name": "new", "n": 10_000, "successes": 600}]
    >>> report = tm.stats.analyze("proportion", arms)
    >>> report["comparisons"][0]["significant"]
    True
    >>> report["verdict"][:41]
    'new is above old, which is better, by 0.0'
    """
    request = {
        "metric": metric,
        "arms": _listed(arms),
        "strata": _listed(strata),
        "segments": _listed(segments),
        "control": control,
        "method": method,
        "alternative": alternative,
        "alpha": alpha,
        "correction": correction,
        "relative": relative,
        "cuped": cuped,
        "prior": prior,
        "tuning_units": tuning_units,
        "min_units": min_units,
        "shares": _listed(shares),
        "goal": goal,
        "roi": roi,
        "unit": unit,
        "randomization_unit": randomization_unit,
    }
    return cast(Report, _native.stats_ask("analyze", request))


def sample_ratio(counts: Sequence[int], shares: Sequence[float] | None = None, *, alpha: float | None = None) -> SampleRatio:
    """Checks counts of units against the shares (equal ones) that they should have.

    ``alpha`` is 0.001: a broken assignment is soon far below.

    >>> import tastemaker as tm
    >>> tm.stats.sample_ratio([5_000, 4_500])["mismatch"]
    True
    """
    request = {"counts": _listed(counts), "shares": _listed(shares), "alpha": alpha}
    return cast(SampleRatio, _native.stats_ask("sample_ratio", request))


def adjust(p_values: Sequence[float], method: Adjustment | None = None) -> list[float]:
    """Corrects p-values for their number, by Holm's method or that of Benjamini and Hochberg.

    >>> import tastemaker as tm
    >>> tm.stats.adjust([0.25, 0.0625])
    [0.25, 0.125]
    """
    answer = _native.stats_ask("adjust", {"p_values": _listed(p_values), "method": method})
    return cast("list[float]", answer["p_values"])


def plan(
    metric: Metric,
    *,
    baseline: float | None = None,
    variance: float | None = None,
    variance_reduction: float | None = None,
    arms: Sequence[Mapping[str, Any]] | None = None,
    effect: float | None = None,
    effect_kind: Literal["relative", "absolute"] | None = None,
    units: int | None = None,
    power: float | None = None,
    alpha: float | None = None,
    alternative: Literal["two_sided", "greater", "less"] | None = None,
    shares: Sequence[float] | None = None,
    method: Literal["frequentist", "sequential"] | None = None,
    tuning_units: float | None = None,
    goal: Literal["increase", "decrease"] | None = None,
) -> Plan:
    """How many units find an effect, with what chance, and how small an effect is found.

    Give ``effect``, ``units`` or both. In the middle of an experiment ``arms`` take the place of
    ``baseline`` and ``variance``; the difference between them is not looked at.

    >>> import tastemaker as tm
    >>> tm.stats.plan("proportion", baseline=0.05, effect=0.1)["units"]
    62462
    """
    request = {
        "metric": metric,
        "baseline": baseline,
        "variance": variance,
        "variance_reduction": variance_reduction,
        "arms": _listed(arms),
        "effect": effect,
        "effect_kind": effect_kind,
        "units": units,
        "power": power,
        "alpha": alpha,
        "alternative": alternative,
        "shares": _listed(shares),
        "method": method,
        "tuning_units": tuning_units,
        "goal": goal,
    }
    return cast(Plan, _native.stats_ask("plan", request))


def summarize(
    metric: Metric,
    arm: Any,
    value: Any,
    *,
    unit: Any = None,
    denominator: Any = None,
    covariate: Any = None,
    control: str | None = None,
    winsorize: tuple[float, float] | Sequence[float] | None = None,
    crossovers: Literal["refuse", "drop"] | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> Summary:
    """Adds rows up to arms, exactly: the order of the rows and the threads change no bit.

    The columns are lists, NumPy arrays, or pandas, polars or Arrow columns. ``unit`` is who was
    assigned; the rows of one unit are added up. ``winsorize`` keeps the units' values within two
    quantiles of all units; ``crossovers="drop"`` leaves units out that were in several arms.

    >>> import tastemaker as tm
    >>> summary = tm.stats.summarize("mean", ["a", "b", "b", "a"], [1.0, 2.0, 4.0, 3.0], unit=[1, 2, 2, 3])
    >>> [(arm["name"], arm["n"], arm["mean"]) for arm in summary["arms"]]
    [('a', 2, 2.0), ('b', 1, 6.0)]
    """
    given = {"arm": arm, "value": value, "unit": unit, "denominator": denominator, "covariate": covariate}
    rows = {name: None if values is None else column(name, values) for name, values in given.items()}
    options = {
        "metric": metric,
        "control": control,
        "winsorize": _listed(winsorize),
        "crossovers": crossovers,
        "threads": thread_count(threads),
    }
    with reporter(progress, "summarising") as report:
        return cast(Summary, _native.summarize(rows, options, report))


def _listed(values: Any) -> Any:
    """A list of what is one, or what is not one as it is: the core refuses it."""
    if values is None or isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        return values
    return [value.item() if hasattr(value, "item") else value for value in values]
