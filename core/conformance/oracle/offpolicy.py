"""Off-policy estimates by NumPy and SciPy, from their formulas.

Knows nothing of files or suites; `suites/offpolicy.py` asks it. Plain sums of floats: cases compare
with a tolerance.
"""

import math

import numpy as np
from scipy import stats as st

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
ALL = ["ips", "snips", "clipped_ips", "dm", "dr", "sndr", "switch_dr", "mrdr", "replay"]
SLATES = ["standard_ips", "independent_ips", "cascade_ips", "pseudo_inverse"]


def mixed(z):
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def fold_of(unit, folds):
    return mixed((unit + 1) * GOLDEN & MASK) % folds


def count_of(seed, unit, replicate):
    """How often a unit counts in a replicate: 32 bits of a hash against the Poisson distribution."""
    key = mixed(mixed((seed ^ GOLDEN) & MASK) ^ (unit * GOLDEN & MASK))
    draw = mixed((key + (replicate // 2 + 1) * GOLDEN) & MASK)
    low = draw & 0xFFFFFFFF if replicate % 2 == 0 else draw >> 32
    return int(sum(low >= math.floor(2**32 * b) for b in st.poisson.cdf(range(12), 1)))


def numbered(units, rows):
    if units is None:
        return np.arange(rows), rows
    texts = [str(u) for u in units]
    order = {t: i for i, t in enumerate(sorted(set(texts), key=lambda t: t.encode()))}
    return np.array([order[t] for t in texts]), len(order)


class Data:
    """A log and the options that all policies share."""

    def __init__(self, log, options):
        self.r = np.array(log["reward"], float)
        self.p = np.array([np.nan if x == "NaN" else x for x in log["propensity"]], float)
        self.n = len(self.r)
        self.log, self.o = log, options
        self.alpha = options.get("alpha", 0.05)
        self.unit, self.units = numbered(log.get("unit"), self.n)
        self.action = np.array(log.get("action", np.zeros(self.n)), int)
        self.counts = None
        if options.get("replicates"):
            seed = options.get("seed", 0)
            own = [[count_of(seed, u, b) for u in range(self.units)] for b in range(options["replicates"])]
            self.counts = np.array(own)[:, self.unit]

    def matrix(self, values, policy=None):
        """A matrix with a row a row of the log; beside a policy with a row a cell, it may have them."""
        m = np.array(values, float)
        own = policy is not None and len(m) == self.n and len(policy) != self.n
        if "cell" in self.log and not own:
            return m[np.array(self.log["cell"], int)]
        return m if len(m) == self.n else np.repeat(m, self.n, axis=0)

    def se(self, influence):
        if self.units < 2:
            return None
        sums = np.bincount(self.unit, influence, self.units)
        return math.sqrt((sums**2).sum() * self.units / (self.units - 1)) / self.n

    def judged(self, value, influence, again):
        """The fields of an estimate, and its p-value."""
        se = self.se(influence)
        found = {"value": value, "standard_error": se, "low": None, "high": None, "bootstrap": None}
        p = None
        if se is None:
            found["status"] = "too_few_units"
        elif se > 0:
            found["status"] = "ok"
            t = st.t(self.units - 1)
            reach = t.isf(self.alpha / 2) * se
            found |= {"low": value - reach, "high": value + reach}
            p = 2 * t.sf(abs(value / se))
        else:
            found["status"] = "zero_variance"
        if self.counts is not None:
            values = np.array([again(c) for c in self.counts])
            low, high = np.quantile(values, [self.alpha / 2, 1 - self.alpha / 2])
            found["bootstrap"] = {"standard_error": values.std(ddof=1), "low": low, "high": high, "replicates": len(values)}
        return found, p


def q_of(d, policy, weights):
    """Predicted rewards of the logged actions, and their means over the policy's."""
    if "predicted" in d.log:
        return np.array(d.log["predicted"], float), np.array(policy["predicted"], float)
    pi = d.matrix(policy["actions"])
    rows = np.arange(d.n)
    if "predictions" in d.log:
        q = d.matrix(d.log["predictions"], policy["actions"])
        return q[rows, d.action], (pi * q).sum(1)
    folds = d.o.get("folds", 5)
    dealt = np.array([fold_of(int(u), folds) for u in d.unit])
    weights = np.ones(d.n) if weights is None else weights
    kind = d.o.get("reward_model") or ("ridge" if "features" in d.log else "cells")


    def predicted(fit):
        q = np.zeros_like(pi)
        for fold in range(folds):
            out = dealt == fold
            used = ~out if folds > 1 else np.ones(d.n, bool)
            q[out] = fit(used)[out]
        return q

    if kind == "ridge":
        q = predicted(lambda used: ridge(d, policy, pi.shape[1], weights, used))
    else:
        given = d.o.get("shrinkage", "auto")
        choices = [given] if given != "auto" else [10] if folds == 1 else [1, 10, 100, 1000, 10_000]
        tried = [predicted(lambda used, s=s: cells(d, pi.shape[1], weights, used, s)) for s in choices]
        q = min(tried, key=lambda q: (weights * (d.r - q[rows, d.action]) ** 2).sum())
    return q[rows, d.action], (pi * q).sum(1)


def cells(d, actions, weights, used, shrinkage):
    """Means by cell and action, drawn to the action's, and these to the mean of all."""
    extra = shrinkage * weights.mean()
    cell = np.array(d.log.get("cell", np.zeros(d.n)), int)

    def drawn(mask, prior):
        w = weights[mask].sum()
        return ((weights * d.r)[mask].sum() + extra * prior) / (w + extra) if w + extra > 0 else prior

    everything = weights[used].sum()
    mean = (weights * d.r)[used].sum() / everything if everything > 0 else 0.0
    by_action = [drawn(used & (d.action == a), mean) for a in range(actions)]
    table = {c: [drawn(used & (d.action == a) & (cell == c), by_action[a]) for a in range(actions)] for c in set(cell)}
    return np.array([table[c] for c in cell])


def ridge(d, policy, actions, weights, used):
    """One regression of all actions on standardised features, then one an action of what is left."""
    x = d.matrix(d.log["features"], policy["actions"])
    spread = np.where(x.var(0) > 1e-24 * x.mean(0) ** 2, x.std(0), 0)
    x = np.column_stack([np.ones(d.n), np.where(spread > 0, (x - x.mean(0)) / np.where(spread > 0, spread, 1), 0)])
    penalty = d.o.get("regularization", 1.0)

    def fit(mask, y, whole):
        gram = (x[mask] * weights[mask, None]).T @ x[mask]
        if gram[0, 0] <= 0:
            return np.zeros(x.shape[1])
        eye = np.eye(x.shape[1])
        eye[0, 0] = whole
        return np.linalg.solve(gram + penalty * eye, x[mask].T @ (weights * y)[mask])

    everyone = fit(used, d.r, False)
    left = d.r - x @ everyone
    own = [fit(used & (d.action == a), left, True) for a in range(actions)]
    return np.column_stack([x @ (everyone + b) for b in own])


def terms(name, d, w, q, v, threshold):
    """m, a, b with the value mean(m) + sum(a) / sum(b)."""
    zero = np.zeros(d.n)
    match name:
        case "ips":
            return w * d.r, None, None
        case "clipped_ips":
            return np.minimum(w, threshold) * d.r, None, None
        case "snips" | "replay":
            return zero, w * d.r, w
        case "dm":
            return v, None, None
        case "dr" | "mrdr":
            return v + w * (d.r - q), None, None
        case "switch_dr":
            return v + np.where(w <= threshold, w, 0) * (d.r - q), None, None
        case "sndr":
            return v, w * (d.r - q), w


def value_of(t, count):
    m, a, b = t
    return (count * m).sum() / count.sum() + (0 if a is None else (count * a).sum() / (count * b).sum())


def influence_of(t, n):
    m, a, b = t
    out = m - m.mean()
    if a is not None:
        out = out + (a - a.sum() / b.sum() * b) / b.mean()
    return out


def chosen_threshold(d, name, w, q, v):
    """SLOPE, or the smallest bound of the mean squared error, by looking at every candidate."""
    powers = [2 ** (i / 2) for i in range(100)]
    candidates = [c for c in powers if c < w.max()] + [math.inf]
    q, v = (q, v) if name == "switch_dr" else (0 * w, 0 * w)
    looks = []
    for c in candidates:
        t = terms(name, d, w, q, v, c)[0]
        error = t.std() / math.sqrt(d.n)
        lost = w - np.minimum(w, c) if name == "clipped_ips" else np.where(w > c, w, 0)
        looks.append((c, t.mean(), error, abs(d.r - q).max() * lost.mean()))
    if d.o.get("threshold_rule", "mse_bound") == "mse_bound":
        return min(reversed(looks), key=lambda k: k[2] ** 2 + k[3] ** 2)[0]
    z = st.norm.isf(d.alpha / 2)
    low, high, width, best = -math.inf, math.inf, math.inf, math.inf
    for c, mean, error, _ in reversed(looks):
        width = min(width, error)
        low, high = max(low, mean - 2 * z * width), min(high, mean + 2 * z * width)
        if low > high:
            break
        best = c
    return best


class Look:
    """A policy on a log: its weights, and the terms of its estimators."""

    def __init__(self, d, policy):
        self.d = d
        rows = np.arange(d.n)
        if "actions" in policy:
            self.pi = d.matrix(policy["actions"])
            target = self.pi[rows, d.action]
        else:
            self.pi, target = None, np.array(policy["probability"], float)
        good = d.p > 0
        self.w = np.where(good, target / np.where(good, d.p, 1), 0.0)
        self.support = {"rows_without_propensity": int((~good).sum()), "rows_lost": int((~good & (target > 0)).sum()), "unsupported": None}
        if "logging" in d.log and self.pi is not None:
            self.support["unsupported"] = float(np.where(d.matrix(d.log["logging"]) == 0, self.pi, 0).sum(1).mean())
        own = "predicted" not in d.log and "predictions" not in d.log
        can = self.pi is not None or "predicted" in d.log
        names = d.o.get("estimators") or [e for e in ALL if e != "replay" and (can or e in ALL[:3]) and (own or e != "mrdr")]
        self.names = [e for e in ALL if e in names]
        q = v = q2 = v2 = None
        self.model = None
        if any(e in self.names for e in ("dm", "dr", "sndr", "switch_dr")):
            q, v = q_of(d, policy, None)
            if own:
                kind = d.o.get("reward_model") or ("ridge" if "features" in d.log else "cells")
                self.model = {"kind": kind, "folds": d.o.get("folds", 5), "squared_error": ((d.r - q) ** 2).mean(), "baseline": d.r.var()}
        if "mrdr" in self.names:
            robust = np.where(good, self.w * (1 - d.p) / np.where(good, d.p, 1), 0)
            q2, v2 = q_of(d, policy, robust / robust.mean() if robust.sum() > 0 else None)
        self.terms, self.thresholds = {}, {}
        for e in self.names:
            threshold = math.inf
            if e in ("clipped_ips", "switch_dr"):
                given = d.o.get("clip" if e == "clipped_ips" else "switch", "auto")
                threshold = chosen_threshold(d, e, self.w, q, v) if given == "auto" else given
            self.thresholds[e] = threshold
            nothing = self.w.max() == 0 and e != "dm"
            self.terms[e] = None if nothing else terms(e, d, self.w, *((q2, v2) if e == "mrdr" else (q, v)), threshold)

    def report(self):
        d, n = self.d, self.d.n
        mean = d.r.mean()
        logged = d.judged(mean, d.r - mean, lambda c: (c * d.r).sum() / c.sum())[0]
        estimates = []
        for e in self.names:
            t, threshold = self.terms[e], self.thresholds[e]
            if t is None:
                continue
            influence = influence_of(t, n)
            found = d.judged(value_of(t, np.ones(n)), influence, lambda c: value_of(t, c))[0]
            gain, p = d.judged(found["value"] - mean, influence - (d.r - mean), lambda c: value_of(t, c) - (c * d.r).sum() / c.sum())
            limited = e in ("clipped_ips", "switch_dr")
            estimates.append(found | {
                "estimator": e,
                "threshold": threshold if limited and threshold < math.inf else None,
                "above_threshold": float((self.w > threshold).mean()) if limited else None,
                "gain": gain | {"p_value": p},
            })
        w = self.w
        ess = w.sum() ** 2 / (w**2).sum() if w.any() else 0.0
        return {
            "rows": n,
            "units": d.units,
            "alpha": d.alpha,
            "logged": logged,
            "estimates": estimates,
            "weights": {
                "effective_sample_size": ess,
                "effective_share": ess / n,
                "mean": w.mean(),
                "mean_standard_error": d.se(w - w.mean()),
                "max": w.max(),
                "largest_share": w.max() / w.sum() if w.any() else 0.0,
                "zero_share": float((w == 0).mean()),
            },
            "support": self.support,
            "model": self.model,
        }


def evaluate(log, policy, options):
    return Look(Data(log, options), policy).report()


def compare(log, a, b, options):
    d = Data(log, options)
    one, two = Look(d, a), Look(d, b)
    comparisons = []
    for e in one.names:
        ta, tb = one.terms[e], two.terms[e]
        difference = value_of(tb, np.ones(d.n)) - value_of(ta, np.ones(d.n))
        found, p = d.judged(difference, influence_of(tb, d.n) - influence_of(ta, d.n), lambda c: value_of(tb, c) - value_of(ta, c))
        comparisons.append(found | {"estimator": e, "p_value": p})
    return {"a": one.report(), "b": two.report(), "comparisons": comparisons}


def slates(log, options):
    """Slate by slate, slot by slot; a unit is a slate unless it is named."""
    ids = [str(s) for s in log["slate"]]
    rows = sorted(range(len(ids)), key=lambda i: (ids[i].encode(), log["slot"][i]))
    groups = {}
    for i in rows:
        groups.setdefault(ids[i], []).append(i)
    w = np.array(log["probability"], float) / np.array(log["propensity"], float)
    r = np.array(log["reward"], float)
    lists = list(groups.values())
    total = np.array([r[g].sum() for g in lists])
    first = {"reward": total, "propensity": np.ones(len(lists))}
    if "unit" in log:
        first["unit"] = [log["unit"][g[0]] for g in lists]
    d = Data(first, options)
    longest = max(map(len, lists))
    normal = options.get("self_normalized", False)
    logged = d.judged(total.mean(), total - total.mean(), lambda c: (c * total).sum() / c.sum())[0]
    estimates = []
    for e in options.get("estimators") or SLATES:
        # Weight and reward by slate and slot; NaN where there is none.
        slots = longest if e in ("independent_ips", "cascade_ips") else 1
        weight, reward = np.full((len(lists), slots), np.nan), np.full((len(lists), slots), np.nan)
        for at, g in enumerate(lists):
            match e:
                case "independent_ips":
                    weight[at, : len(g)], reward[at, : len(g)] = w[g], r[g]
                case "cascade_ips":
                    weight[at, : len(g)], reward[at, : len(g)] = np.cumprod(w[g]), r[g]
                case "standard_ips":
                    weight[at], reward[at] = w[g].prod(), r[g].sum()
                case "pseudo_inverse":
                    weight[at], reward[at] = 1 + (w[g] - 1).sum(), r[g].sum()
        there = ~np.isnan(weight)
        a, b = np.where(there, weight * reward, 0), np.where(there, weight, 0)
        if normal and e != "pseudo_inverse":
            def value(c, a=a, b=b, there=there):
                return sum((c @ there)[k] / c.sum() * (c @ a)[k] / (c @ b)[k] for k in range(there.shape[1]))

            share, own = there.mean(0), a.sum(0) / b.sum(0)
            influence = ((there - share) * own + share * (a - b * own) / b.mean(0)).sum(1)
        else:
            def value(c, a=a):
                return (c * a.sum(1)).sum() / c.sum()

            influence = a.sum(1) - a.sum(1).mean()
        ones = np.ones(len(lists))
        found = d.judged(value(ones), influence, value)[0]
        gain, p = d.judged(value(ones) - total.mean(), influence - (total - total.mean()), lambda c: value(c) - (c * total).sum() / c.sum())
        all_weights = weight[there]
        ess = all_weights.sum() ** 2 / (all_weights**2).sum()
        estimates.append(found | {
            "estimator": e,
            "gain": gain | {"p_value": p},
            "effective_sample_size": None if e == "pseudo_inverse" else ess,
            "max_weight": max(all_weights.max(), 0.0),
        })
    return {"rows": len(r), "slates": len(lists), "units": d.units, "slots": longest, "logged": logged, "estimates": estimates}
