"""The charts of evaluations and comparisons. Needs matplotlib."""

from __future__ import annotations

from typing import Any

from tastemaker._recommendations import _needed

_MODEL, _POPULARITY, _TEXT = "#2f6fde", "#9aa3b0", "#555"


def _axes(ax: Any, width: float, height: float) -> Any:
    if ax is not None:
        return ax
    _needed("matplotlib")
    from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]

    _, ax = pyplot.subplots(figsize=(width, height), layout="constrained")
    return ax


def _name(metric: str, k: int) -> str:
    return "AUC" if metric == "auc" else f"{metric.replace('_', ' ')}@{k}"


def _whiskers(summary: dict[str, Any], metric: str) -> list[list[float]] | None:
    """How far the ends of the interval are from the value, as matplotlib wants it."""
    if "low" not in summary or metric not in summary["low"]:
        return None
    value = summary[metric]
    # A percentile interval need not hold the mean, as a rare case of few users shows.
    return [[max(value - summary["low"][metric], 0.0)], [max(summary["high"][metric] - value, 0.0)]]


def systems(cutoff: dict[str, Any], names: list[str], k: int, ax: Any) -> Any:
    """Bars of the model beside those of popularity."""
    ax = _axes(ax, 1.2 * len(names) + 1.5, 3.2)
    for system, colour, shift in (("popularity", _POPULARITY, -0.19), ("model", _MODEL, 0.19)):
        for at, name in enumerate(names):
            value = cutoff[system][name]
            whiskers = _whiskers(cutoff[system], name)
            ends = {"ecolor": "#333", "error_kw": {"elinewidth": 1, "capsize": 2.5}}
            ax.bar(at + shift, value, 0.36, color=colour, yerr=whiskers, label=system if at == 0 else None, **ends)
            top = value + (whiskers[1][0] if whiskers else 0.0)
            ax.annotate(
                f"{value:.3f}", (at + shift, top), (0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize=8, color=_TEXT,
            )  # fmt: skip
    ax.set_xticks(range(len(names)), [_name(name, k) for name in names])
    ax.set_yticks([])
    ax.spines[["left", "top", "right"]].set_visible(False)
    ax.tick_params(length=0)
    ax.margins(y=0.15)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


def groups(groups: list[tuple[str, int, dict[str, Any]]], metric: str, k: int, title: str, ax: Any) -> Any:
    """One metric for each group of users, as points with intervals."""
    ax = _axes(ax, 1.0 * len(groups) + 2.0, 3.2)
    for system, colour, shift in (("popularity", _POPULARITY, -0.1), ("model", _MODEL, 0.1)):
        for at, (_, _, cutoff) in enumerate(groups):
            ax.errorbar(
                at + shift, cutoff[system][metric], yerr=_whiskers(cutoff[system], metric), fmt="o", ms=5,
                color=colour, elinewidth=1.2, capsize=2.5, label=system if at == 0 else None,
            )  # fmt: skip
    ax.set_xticks(range(len(groups)), [f"{label}\n{users:,} users" for label, users, _ in groups], fontsize=8)
    ax.set_xlabel(title)
    ax.set_ylabel(_name(metric, k))
    ax.set_ylim(bottom=0)
    ax.set_xlim(-0.5, max(len(groups) - 0.5, 0.5))
    ax.grid(axis="y", color="#e6e8ec", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0)
    if groups:
        ax.legend(frameon=False)
    return ax


def differences(found: dict[str, Any], k: int, ax: Any) -> Any:
    """Each difference in percent of the first model's value, as a point with its interval."""
    ax = _axes(ax, 6.0, 0.38 * len(found) + 1.1)
    ax.axvline(0, color="#333", linewidth=1)
    labels = []
    for at, (name, d) in enumerate(found.items()):
        labels.append(_name(name, k))
        if d.a == 0:
            continue
        unit = abs(d.a) / 100
        whiskers = None
        sure = False
        if d.low is not None:
            whiskers = [[max(d.difference - d.low, 0.0) / unit], [max(d.high - d.difference, 0.0) / unit]]
            sure = d.low > 0 or d.high < 0
        colour = _MODEL if sure else _POPULARITY
        ax.errorbar(d.difference / unit, at, xerr=whiskers, fmt="o", ms=5, color=colour, elinewidth=1.4, capsize=2.5)
        p_value = "" if d.p_value is None else f"p = {d.p_value:.4f}" if d.p_value >= 0.0001 else "p < 0.0001"
        ax.annotate(p_value, (1.01, at), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=_TEXT)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xlabel("b − a, in percent of a")
    ax.grid(axis="x", color="#e6e8ec", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(length=0)
    return ax
