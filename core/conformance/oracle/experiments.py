"""Assignment of version 3 and exact splits, from their description in words: XXH3 by the C library,
integers of any size by Python.

Knows nothing of files or suites; `suites/experiments.py` asks it.
"""

import math
from fractions import Fraction

import xxhash

BUCKETS = 2**32


def bucket(what, salt, unit):
    """The upper half of XXH3/64 of the unit, seeded by XXH3/64 of the salt."""
    seed = xxhash.xxh3_64_intdigest(f"tastemaker/3/{what}/{salt}".encode())
    return xxhash.xxh3_64_intdigest(unit.encode(), seed) >> 32


def bound(share):
    """The bucket bound nearest to a share, halves upwards; shares are exact fractions here."""
    return math.floor(Fraction(share) * BUCKETS + Fraction(1, 2))


class Definition:
    """One experiment of a payload."""

    def __init__(self, payload, key):
        self.payload, self.key = payload, key
        self.given = payload["experiments"][key]
        self.salt = self.given.get("salt", key)
        self.unit = self.given.get("unit", "id")
        variations = self.given["variations"]
        self.keys = [variation["key"] for variation in variations]
        equal = 1 / len(variations)
        edges = [0.0]
        for variation in variations:
            # Sums are of floats, as the weights are written.
            edges.append(min(edges[-1] + variation.get("weight", equal), 1.0))
        edges[-1] = 1.0
        self.edges = edges

    def share(self, now):
        """The share of units that take part at a time."""
        coverage = self.given.get("coverage", 1)
        if not isinstance(coverage, list):
            return coverage
        passed = [share for time, share in coverage if time <= now]
        return passed[-1] if passed else 0

    def hashed(self, unit, now=0):
        """The place of the variation that the hash gives, or none."""
        if "coverage" in self.given and bucket("coverage", self.salt, unit) >= bound(self.share(now)):
            return None
        place = bucket("variant", self.salt, unit)
        return next(i for i in range(len(self.keys)) if bound(self.edges[i]) <= place < bound(self.edges[i + 1]))

    def outside(self, unit):
        """Why layers and holdouts keep a unit out, if they do."""
        everywhere = self.payload.get("holdout", {})
        if bucket("holdout", everywhere.get("salt", ""), unit) < bound(everywhere.get("share", 0)):
            return "holdout"
        name = self.given.get("layer")
        if name is None:
            return None
        layer = self.payload["layers"][name]
        salt = layer.get("salt", name)
        if bucket("layer-holdout", salt, unit) < bound(layer.get("holdout", 0)):
            return "holdout"
        start, end = self.given.get("slice", [0, 1])
        if not bound(start) <= bucket("layer", salt, unit) < bound(end):
            return "layer"
        return None

    def assign(self, unit, now=0):
        """What the library should say of a unit without sticky buckets, conditions or forcing."""
        out = {
            "experiment": self.key, "hash_attribute": self.unit, "hash_value": unit, "sticky_bucket_used": False,
            "moved": False, "feature_id": None, "bandit": None, "passthrough": False, "sticky_updates": [],
        }
        reason, place = self.outside(unit), None
        if reason is None:
            place = self.hashed(unit, now)
            reason = "coverage" if place is None else "assigned"
        inside = place is not None
        variation = self.given["variations"][place or 0]
        share = bucket("variant", self.salt, unit) / BUCKETS if inside else None
        return out | {
            "in_experiment": inside, "hash_used": inside, "reason": reason, "variation_id": place or 0,
            "key": variation["key"], "value": variation.get("value"), "name": variation.get("name"), "bucket": share,
        }


def quotas(count, weights):
    """Whole numbers that add up to `count`: the largest remainders get what is left over."""
    whole = [math.floor(Fraction(weight) * 2**53) for weight in weights]
    exact = [Fraction(count * weight, sum(whole)) for weight in whole]
    out = [math.floor(share) for share in exact]
    order = sorted(range(len(out)), key=lambda i: (-(exact[i] - out[i]), i))
    for i in order[: count - sum(out)]:
        out[i] += 1
    return out


def split(ids, weights, salt):
    """The place of a weight for each id."""
    seed = xxhash.xxh3_64_intdigest(f"tastemaker/3/split/{salt}".encode())
    texts = [str(id).encode() for id in ids]
    order = sorted(texts, key=lambda text: (xxhash.xxh3_64_intdigest(text, seed), text))
    arms = [arm for arm, quota in enumerate(quotas(len(ids), weights)) for _ in range(quota)]
    arm_of = dict(zip(order, arms, strict=True))
    return [arm_of[text] for text in texts]
