"""The counter-based stream of the library in numpy, the bootstrap and the randomisation test.

The stream is SplitMix64's output function of a counter. Sums run from the first user to the last.
"""

import numpy as np

STEP = np.uint64(0x9E3779B97F4A7C15)
RESAMPLE, SIGNS = 0, 1


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def draws(seed, stream, round_, count):
    """The first `count` draws of a round, as 64-bit integers."""
    with np.errstate(over="ignore"):
        key = mix(np.uint64(seed) + STEP * np.uint64(stream + 1))
        key = mix(key + STEP * np.uint64(round_ + 1))
        return mix(key + STEP * np.arange(1, count + 1, dtype=np.uint64))


def below(values, n):
    """Draws as numbers below n: the upper half of the product with 128 bits."""
    return np.array([int(v) * n >> 64 for v in values], dtype=np.int64)


def resampled_means(values, seed, resamples):
    """The mean of each resample of one column."""
    n = len(values)
    means = []
    for round_ in range(resamples):
        counts = np.bincount(below(draws(seed, RESAMPLE, round_, n), n), minlength=n)
        means.append(np.cumsum(counts * values)[-1] / n)
    return np.array(means)


def quantile(values, share):
    values = np.sort(values)
    place = share * (len(values) - 1)
    at = int(place)
    high = values[min(at + 1, len(values) - 1)]
    return float(values[at] + (high - values[at]) * (place - at))


def interval(values, seed=0, resamples=1000, confidence=0.95):
    """The percentile interval of the mean."""
    if not len(values):
        return 0.0, 0.0
    means = resampled_means(np.asarray(values, dtype=float), seed, resamples)
    tail = (1 - confidence) / 2
    return quantile(means, tail), quantile(means, 1 - tail)


def p_value(differences, seed=0, permutations=10_000):
    """The two-sided p-value of the sign-flip test."""
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    exact = n < 63 and 2**n <= permutations
    rounds = 2**n if exact else permutations
    bound = abs(differences.sum()) - 1e-12 * np.abs(differences).sum()
    reached = 0
    for round_ in range(rounds):
        words = [round_] if exact else [int(w) for w in draws(seed, SIGNS, round_, n // 64 + 1)]
        signs = np.array([-1.0 if words[i // 64] >> (i % 64) & 1 else 1.0 for i in range(n)])
        reached += abs((signs * differences).sum()) >= bound
    return (reached + (not exact)) / (rounds + (not exact))
