"""Ranking metrics from their textbook definitions, in exact fractions where they are rational."""

import math
from fractions import Fraction

NAMES = ("recall", "ndcg", "hit_rate", "precision", "map", "mrr", "coverage")


def one(answer, truth, k):
    """The metrics of one user: the answer in order, the set of test items."""
    places = [rank for rank, item in enumerate(answer[:k], 1) if item in truth]
    reachable = min(k, len(truth))
    gain = lambda rank: 1.0 / math.log2(rank + 1)  # noqa: E731
    return {
        "recall": Fraction(len(places), len(truth)),
        "ndcg": math.fsum(map(gain, places)) / math.fsum(gain(r) for r in range(1, reachable + 1)),
        "hit_rate": Fraction(bool(places)),
        "precision": Fraction(len(places), k),
        "map": sum((Fraction(n, rank) for n, rank in enumerate(places, 1)), Fraction()) / reachable,
        "mrr": Fraction(1, places[0]) if places else Fraction(),
    }


def mean(answers, truths, k, items):
    """Means over users; coverage is the share of all items that somebody was shown."""
    rows = [one(answer, truth, k) for answer, truth in zip(answers, truths)]
    shown = {item for answer in answers for item in answer[:k]}
    out = {name: float(sum(row[name] for row in rows) / max(len(rows), 1)) for name in NAMES[:-1]}
    return out | {"coverage": len(shown) / max(items, 1)}
