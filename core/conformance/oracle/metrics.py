"""Ranking metrics from their textbook definitions, in exact fractions where they are rational."""

import math
from fractions import Fraction
from itertools import combinations

AVERAGED = ("recall", "ndcg", "hit_rate", "precision", "map", "mrr", "novelty", "average_popularity")


def accuracy(answer, truth, k):
    """One user: the answer in order, the set of test items."""
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


def beyond(answer, k, popularity):
    """What the shown items are like; `popularity` is by item."""
    shown = answer[:k]
    some = [p for p in popularity.values() if p > 0]
    total = math.fsum(some)
    information = lambda item: -math.log2(max(popularity[item], min(some)) / total) if some else 0.0  # noqa: E731
    mean = lambda values: math.fsum(values) / len(shown) if shown else 0.0  # noqa: E731
    return {
        "novelty": mean(information(item) for item in shown),
        "average_popularity": mean(popularity[item] for item in shown),
    }


def features(attributes, names):
    """The set of (attribute, value) of an item."""
    found = set()
    for name in names:
        value = attributes.get(name)
        values = value if isinstance(value, list) else [] if value is None else [value]
        found |= {(name, str(v)) for v in values}
    return found


def diversity(answer, k, sets):
    """1 − the mean Jaccard index of all pairs; `sets` is by item."""
    pairs = list(combinations(answer[:k], 2))
    if not pairs:
        return Fraction()
    index = lambda a, b: Fraction(len(a & b), len(a | b)) if a | b else Fraction()  # noqa: E731
    return 1 - sum(index(sets[a], sets[b]) for a, b in pairs) / len(pairs)


def auc(keys, truth):
    """`keys`: the place of each item that may be shown, higher is better, by item."""
    others = [item for item in keys if item not in truth]
    if not others:
        return Fraction(sum(item in keys for item in truth), 2 * len(truth))
    pairs = [(keys[test], keys[other]) for test in truth if test in keys for other in others]
    won = sum(Fraction(1) if a > b else Fraction(1, 2) if a == b else Fraction() for a, b in pairs)
    return won / (len(truth) * len(others))


def coverage(answers, k, items):
    return len({item for answer in answers for item in answer[:k]}) / max(items, 1)


def gini(answers, k, ids):
    """The mean difference of all pairs of items, by twice the mean."""
    counts = [sum(item in answer[:k] for answer in answers) for item in ids]
    if not sum(counts):
        return 0.0
    return float(Fraction(sum(abs(a - b) for a in counts for b in counts), 2 * len(counts) * sum(counts)))


def mean(rows):
    """Means of rows of metrics; zeros for none."""
    if not rows:
        return dict.fromkeys(AVERAGED, 0.0)
    return {name: float(sum(Fraction(row[name]) for row in rows) / len(rows)) for name in rows[0]}
