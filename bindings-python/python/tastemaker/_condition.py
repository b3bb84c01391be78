"""Conditions: the predicate language of filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tastemaker import _native
from tastemaker._typing import Attributes, Condition


def matches_condition(
    condition: Condition,
    attributes: Attributes,
    groups: Mapping[str, Sequence[Any]] | None = None,
    *,
    lenient: bool = False,
) -> bool:
    """True if ``attributes`` satisfy the MongoDB-style ``condition``.

    ``groups`` gives the lists that ``$inGroup`` and ``$notInGroup`` name. An unknown operator is
    an ``InvalidConditionError``; with ``lenient`` it is false.

    >>> import tastemaker as tm
    >>> tm.matches_condition({"price": {"$lt": 5000}, "styles": {"$in": ["rustic"]}}, {"price": 4200, "styles": ["rustic"]})
    True
    """
    return _native.matches_condition(condition, attributes, groups, lenient)
